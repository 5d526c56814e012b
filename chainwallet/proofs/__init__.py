"""Proofs: what a block hash commits to, checked without trusting who told it. Pure; one verifier for all who check.

``encoding`` writes and reads RLP; ``trie`` rebuilds a block's roots and walks proofs; ``account`` verifies what an
account or a storage slot holds under a state root.

Sources: Ethereum Yellow Paper, appendices B (RLP) and D (Merkle Patricia trie).
"""
