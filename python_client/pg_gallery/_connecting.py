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
    return Connection.connect(_in_unicode(url), autocommit=autocommit, prepare_threshold=None)


async def connect_async(url: str) -> AsyncConnection[Any]:
    """The same, to be awaited, in autocommit mode."""
    return await AsyncConnection.connect(_in_unicode(url), autocommit=True, prepare_threshold=None)


def _in_unicode(url: str) -> str:
    """The URL with UTF8 as the encoding of the client, unless it names another.

    In a database whose encoding is SQL_ASCII the driver would take all texts for bytes.
    """
    plain = libpq_url(url)
    if "client_encoding" in conninfo.conninfo_to_dict(plain):
        return plain
    return conninfo.make_conninfo(plain, client_encoding="UTF8")


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
