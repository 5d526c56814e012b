"""Benchmarks: the product's own speed, measured on a chain that is made for it.

``chain`` fills a fresh local chain with real events; ``index`` measures how long it takes to take them in.
"""
