"""Galleries of tagged pictures on PostgreSQL: any page by any tags, exact, in a millisecond.

from pg_gallery import Gallery

with Gallery("postgresql://localhost/pictures") as gallery:
    page = gallery.page(tags_all=["anime", "landscape"])
    for item in page:
        print(item.title)
    page = page.next()
"""

from importlib.metadata import version as _version

__version__ = _version("pg-gallery")

from .client import AsyncGallery, Gallery
from .errors import GalleryError
from .results import (
    AsyncPage,
    Discrepancy,
    Facet,
    HealthCheck,
    Item,
    Page,
    ScheduledJob,
    Setting,
    StrategyChoice,
    TagCount,
)

__all__ = [
    "AsyncGallery",
    "AsyncPage",
    "Discrepancy",
    "Facet",
    "Gallery",
    "GalleryError",
    "HealthCheck",
    "Item",
    "Page",
    "ScheduledJob",
    "Setting",
    "StrategyChoice",
    "TagCount",
    "__version__",
]
