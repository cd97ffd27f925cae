"""What running calls over SQLAlchemy takes, whether it is awaited or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextualSelect, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import NULLTYPE

from ._calls import Call, Row, quoted_prefix


def rows(result: Any) -> Sequence[Row]:
    """The rows of a result; none where the call gives nothing."""
    return result.mappings().all() if result.returns_rows else []


def statement(call: Call[Any], schema: str | None) -> TextualSelect:
    """The call as a statement; parameters have no SQLAlchemy type, since the text casts them."""
    prefix = quoted_prefix(schema).replace("\\", "\\\\").replace(":", "\\:")
    made = text(call.text(":{}".format, prefix)).bindparams(
        *(bindparam(name, value=value, type_=NULLTYPE) for name, value in call.parameters.items())
    )
    return made.columns(**dict.fromkeys(call.json_columns, JSONB))
