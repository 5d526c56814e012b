"""The only room that sees private keys: signers of typed documents and of transactions, and keys sealed at rest.

A signer takes a document or a transaction, never a digest, and checks its limits before it signs. Secrets leave this
room only as a keystore under a passphrase; no error, ``repr`` or file shows one.
"""
