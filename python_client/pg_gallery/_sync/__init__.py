# Made by scripts/unasync.py of _async/__init__.py: change that, then run `make sync-client`.
"""All that does I/O for a gallery.

It is written once, to be awaited, in ``_async``; ``make sync-client`` makes ``_sync`` of it.
"""
