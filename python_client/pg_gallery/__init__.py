"""Galleries of tagged pictures on PostgreSQL: any page by any tags, exact, in a millisecond.

from pg_gallery import Gallery

with Gallery("postgresql://localhost/pictures") as gallery:
    page = gallery.page(tags_all=["anime", "landscape"])
    for item in page:
        print(item.title)
    page = page.next()
"""

from ._version import __version__
from .client import AsyncGallery, AsyncPage, Gallery, Page
from .errors import GalleryError
from .results import (
    Discrepancy,
    Facet,
    HealthCheck,
    Item,
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
