"""`Gallery` and `AsyncGallery`, what they are made from, and the pages that they give."""

from ._async.gallery import AsyncGallery
from ._async.page import AsyncPage
from ._async.sources import AsyncSource
from ._sync.gallery import Gallery
from ._sync.page import Page
from ._sync.sources import Source

__all__ = ["AsyncGallery", "AsyncPage", "AsyncSource", "Gallery", "Page", "Source"]
