"""Benchmarks: a gallery of any size made from a seed, the rivals, the matrix, load, growth, report.

``dataset`` and ``generate`` make the gallery, ``rivals`` are who is measured, ``matrix`` what they
are asked, ``measure``, ``cold``, ``load``, ``growth`` and ``upkeep`` the measurements, ``run`` the
whole of them, ``results`` what comes of it, ``summary`` and ``report`` what that says.

Needs the optional dependencies of ``pg-gallery[bench]``.
"""

from ..errors import GalleryError


class BenchError(GalleryError):
    """The benchmark can't be run as it was asked for."""
