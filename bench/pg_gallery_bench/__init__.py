"""Benchmarks: a gallery of any size made from a seed, the rivals, the matrix, load, growth, report.

``dataset`` and ``generate`` make the gallery, ``rivals`` are who is measured, ``matrix`` what they
are asked, ``measure``, ``cold``, ``load``, ``growth`` and ``upkeep`` the measurements, ``run`` the
whole of them, ``results`` what comes of it, ``summary`` and ``report`` what that says.

It is the command ``pg-gallery bench`` of a source checkout, and no part of the wheel.
"""

from pg_gallery.errors import GalleryError


class BenchError(GalleryError):
    """The benchmark can't be run as it was asked for."""
