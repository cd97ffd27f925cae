"""What text PostgreSQL can hold."""

from __future__ import annotations


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: no NUL, and nothing that UTF-8 can't write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
