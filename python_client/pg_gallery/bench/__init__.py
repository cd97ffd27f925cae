"""Benchmarks: a gallery of any size made from a seed, the rivals, the matrix, load, growth, report.

Needs the optional dependencies of ``pg-gallery[bench]``.
"""
