"""Interleavings of transactions, written down as specifications: see README.md beside this."""
