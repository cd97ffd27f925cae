"""Connections of our own to a database, and the URLs that name one."""

from __future__ import annotations

import re
from typing import Any

from psycopg import AsyncConnection, Connection, conninfo

from .errors import GalleryError


def connect(url: str, *, autocommit: bool = True) -> Connection[Any]:
    """A connection that prepares nothing, so that it may lead through a pooler.

    A pooler in transaction mode gives each transaction to another server connection, where prepared
    statements are missing, or somebody else's. To do without costs next to nothing: the functions
    plan their own statements once a connection, and a call of one has hardly a plan.
    """
    return Connection.connect(libpq_url(url), autocommit=autocommit, prepare_threshold=None)


async def connect_async(url: str) -> AsyncConnection[Any]:
    """The same, to be awaited, in autocommit mode."""
    return await AsyncConnection.connect(libpq_url(url), autocommit=True, prepare_threshold=None)


def libpq_url(url: str) -> str:
    """The URL as libpq knows it: SQLAlchemy's ``postgresql+driver://`` is taken too.

    Raises GalleryError where the text is neither a URL nor a connection string.
    """
    plain = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)
    try:
        conninfo.conninfo_to_dict(plain)
    except Exception as error:
        raise GalleryError(
            "This is no database URL.",
            hint="Write it as postgresql://user@host:5432/database.",
        ) from error
    return plain
