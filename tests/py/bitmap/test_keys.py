"""The keys that an item has and those that a filter asks for: they meet where it matches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from hashlib import md5
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

import calls
from bitmap.drawn_filters import keyed_filter, made_filter
from calls import Connection
from galleries import examples, random_gallery, seeds, sizes
from index_states import State, rebuilt, refreshed
from oracle import Filter, Item, Key, matches

Keys = frozenset[tuple[int, UUID]]  # each a kind and what it is of that kind

TAG, CREATOR, SOURCE, PUBLIC = range(4)
NIL = UUID(int=0)


@pytest.fixture(scope="module")
def database_url(small_index_url: str) -> str:
    return small_index_url


def expected_keys(item: Item) -> Keys:
    keys = {(TAG, tag) for tag in item.tags}
    keys.add((SOURCE, UUID(md5(item.source_type.encode()).hexdigest())))
    if item.creator_id is not None:
        keys.add((CREATOR, item.creator_id))
    if not item.is_private:
        keys.add((PUBLIC, NIL))
    return frozenset(keys)


def stored_keys(conn: Connection) -> dict[Key, Keys]:
    """The keys of every item as the containers hold them, in both forms."""
    keys: dict[Key, set[tuple[int, UUID]]] = defaultdict(set)
    rows = conn.execute(
        "SELECT i.content_id, i.content_source, k.kind, k.key"
        " FROM gallery.bitmap_item i JOIN gallery.bitmap_container k USING (block_no)"
        " WHERE i.slot = ANY (k.slots) OR get_bit(k.bits, i.slot) = 1"
    )
    for number, source, kind, key in rows:
        keys[number, source].add((kind, key))
    return {item: frozenset(held) for item, held in keys.items()}


@pytest.mark.parametrize("state", [rebuilt, refreshed], ids=lambda state: state.__name__)
@given(seed=seeds(), size=sizes(150))
@examples(10)
def test_an_item_has_a_key_for_each_tag_its_creator_its_source_and_if_it_is_public(
    conn: Connection, state: State, seed: int, size: int
) -> None:
    random = Random(seed)
    gallery = random_gallery(random, size)
    state(conn, random, gallery)
    assert stored_keys(conn) == {item.key: expected_keys(item) for item in gallery.items}


# --- what a filter asks for ---


def asked_keys(conn: Connection, wanted: Filter, everything: bool) -> Mapping[str, Any] | None:
    """A filter as a query for keys; None where it is found to be impossible before."""
    made, given = made_filter(wanted)
    query = f"""
        SELECT f.impossible, to_jsonb(gallery.bitmap_query(
            jsonb_populate_record(f, jsonb_build_object('everything', %(everything)s::boolean))))
        FROM {made} f"""
    ((impossible, asked),) = conn.execute(
        calls.query(query), given | {"everything": everything}
    ).fetchall()
    return None if impossible else asked


def satisfies(keys: Keys, asked: Mapping[str, Any]) -> bool:
    """Whether an item with these keys is one that a query asks for."""
    return pairs(asked["kinds"], asked["keys"]) <= keys and all(
        pairs(clause["must_kinds"], clause["must_keys"]) & keys
        or (
            clause["not_keys"] is not None
            and not pairs(clause["not_kinds"], clause["not_keys"]) & keys
        )
        for clause in asked["clauses"]
    )


def pairs(kinds: list[int] | None, keys: list[str] | None) -> Keys:
    return frozenset(zip(kinds or (), map(UUID, keys or ()), strict=True))


@pytest.mark.parametrize("everything", [False, True], ids=["a viewer", "an administrator"])
@given(seed=seeds(), size=sizes(100))
@examples(60)
def test_a_filter_asks_for_keys_that_exactly_the_items_have_that_match_it(
    conn: Connection, everything: bool, seed: int, size: int
) -> None:
    """But for what has no keys; to an administrator private items are as public ones."""
    random = Random(seed)
    gallery = random_gallery(random, size)
    for _ in range(5):
        wanted = keyed_filter(random, gallery)
        asked = asked_keys(conn, wanted, everything)
        for item in gallery.items:
            seen = replace(item, is_private=False) if everything else item
            found = asked is not None and satisfies(expected_keys(item), asked)
            assert found == matches(seen, wanted), (item, wanted, asked)


@given(seed=seeds())
@examples(20)
def test_a_query_has_a_key_or_a_clause_that_asks_for_one(conn: Connection, seed: int) -> None:
    """Never only for the absence of keys: slots that no item stands in have none."""
    random = Random(seed)
    gallery = random_gallery(random, 3)
    for everything in (False, True):
        wanted = keyed_filter(random, gallery)
        asked = asked_keys(conn, wanted, everything)
        assert (
            asked is None
            or asked["keys"]
            or any(clause["must_keys"] for clause in asked["clauses"])
        ), (wanted, asked)
