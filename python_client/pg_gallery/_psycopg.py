"""What running calls over psycopg 3 takes, whether it is awaited or not."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.pq import TransactionStatus
from psycopg.types.datetime import TimestamptzLoader

from ._calls import Call, quoted_prefix
from .errors import ActiveTransaction


def statement(call: Call[Any], schema: str | None = None) -> str:
    """The call as psycopg takes it, with placeholders for its parameters."""
    prefix = quoted_prefix(schema).replace("%", "%%")
    return call.text("%({})s".format, prefix)


def refuse_transaction(status: TransactionStatus) -> None:
    """Raises ActiveTransaction unless the connection is outside of any transaction."""
    if status != TransactionStatus.IDLE:
        raise ActiveTransaction(
            "This commits as it goes, and a transaction is open on the connection.",
            sqlstate="25001",
            hint="Commit it first, or give the gallery a connection of its own.",
        )


class ClampedLoader(TimestamptzLoader):
    """Reads times that Python can't hold as the least or greatest one that it can.

    It is much slower than psycopg's own, so it is used only for rows on which that one has failed.
    """

    def load(self, data: Buffer) -> datetime:
        try:
            return super().load(data)
        except DataError:
            text = bytes(data)
            past = text.startswith(b"-") or text.endswith(b"BC")
            return (datetime.min if past else datetime.max).replace(tzinfo=timezone.utc)
