"""gallery_add_source: a further kind of items has all that the first two have, at once."""

from __future__ import annotations

import re
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

import calls
from calls import Connection
from galleries import THIRD_SOURCE, THREE_SOURCES, Gallery
from oracle import Filter, Item, moment
from pg_gallery import migrate
from pg_gallery.cli import _migrate
from pg_gallery.errors import GalleryError
from roles import acting_as, documented_grants, new_role

MODEL, ADDED = "content_items", f"content_items_{THIRD_SOURCE}"


def add(conn: Connection, source: object = THIRD_SOURCE, *labels: object) -> None:
    conn.execute(
        "SELECT gallery_add_source({})".format(", ".join(["%s"] * (1 + len(labels)))).encode(),
        [source, *labels],
    )


def items_of(sources: tuple[str, ...] = THREE_SOURCES) -> list[Item]:
    """A namesake in each source."""
    return [Item(7, source, moment(number)) for number, source in enumerate(sources)]


def column(conn: Connection, query: str) -> list[str]:
    return [str(row[0]) for row in conn.execute(query.encode()).fetchall()]


# --- what it makes ---

DESCRIBED = {
    "columns": "SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull,"
    " pg_get_expr(d.adbin, d.adrelid)) FROM pg_attribute a"
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE a.attrelid = {table}::regclass AND attnum > 0",
    "triggers": "SELECT concat(pg_get_triggerdef(oid), tgenabled, tgisinternal) FROM pg_trigger"
    " WHERE tgrelid = {table}::regclass AND NOT tgisinternal",
    "foreign keys that fire": "SELECT concat(tgfoid::regproc, tgtype, tgenabled) FROM pg_trigger"
    " WHERE tgrelid = {table}::regclass AND tgisinternal",
    "indexes": "SELECT concat(pg_get_indexdef(i.indexrelid), i.indisvalid, h.inhparent::regclass)"
    " FROM pg_index i LEFT JOIN pg_inherits h ON h.inhrelid = i.indexrelid"
    " WHERE i.indrelid = {table}::regclass",
    "constraints": "SELECT concat(contype, pg_get_constraintdef(oid)) FROM pg_constraint"
    " WHERE conrelid = {table}::regclass",
    "bounds": "SELECT concat(pg_get_expr(relpartbound, oid), relreplident, relacl::text,"
    " relowner::regrole, relrowsecurity, relforcerowsecurity, relpersistence)"
    " FROM pg_class WHERE oid = {table}::regclass",
}


def described(conn: Connection, partition: str, sidecar: str, source: str) -> dict[str, list[str]]:
    """All that a catalogue says of a table, in words that fit each source's."""
    found = {}
    for what, query in DESCRIBED.items():
        rows = column(conn, query.format(table=f"'{partition}{sidecar}'"))
        found[what] = sorted(
            re.sub(f"{partition}(?!_all|_id_seq)|'{source}'", "ITS", row)
            for row in rows
            if "ARRAY" not in row  # the CHECK of the parent, which names all sources
        )
    return found


@pytest.mark.parametrize("sidecar", ["", "_more"])
def test_a_new_source_has_what_the_first_one_has(conn: Connection, sidecar: str) -> None:
    conn.execute(
        "ALTER TABLE content_items REPLICA IDENTITY USING INDEX content_items_id_source_type_key"
    )
    conn.execute("ALTER TABLE content_items ENABLE ROW LEVEL SECURITY")
    with new_role(conn, "GRANT SELECT ON content_items, content_items_more TO {role}") as reader:
        conn.execute(f'GRANT UPDATE (title) ON content_items TO "{reader}"'.encode())
        conn.execute(f'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "{reader}"'.encode())
        add(conn)
        expected = described(conn, MODEL, sidecar, "items")
        assert all(expected[what] for what in ("columns", "indexes", "constraints", "bounds"))
        assert described(conn, ADDED, sidecar, THIRD_SOURCE) == expected
        assert conn.execute(
            "SELECT has_column_privilege(%s, %s, 'title', 'UPDATE'),"
            " has_column_privilege(%s, %s, 'prompt', 'UPDATE')",
            [reader, ADDED, reader, ADDED],
        ).fetchone() == (True, False)


def test_nothing_is_missing_as_health_sees_it(conn: Connection) -> None:
    add(conn)
    rows = conn.execute("SELECT check_name, status, detail FROM gallery_health()").fetchall()
    assert not [row for row in rows if row[1] == "fail"]
    assert {"partitions", "triggers", "missing_indexes"} <= {row[0] for row in rows}


def test_its_items_are_found_at_once_and_by_their_labels(conn: Connection) -> None:
    with psycopg.connect(conn.info.dsn, autocommit=True) as other:
        assert calls.page(other, Filter()).keys == []  # plans from before the source was there
        assert calls.value_of(other, "gallery_count") == 0
        add(conn)
        calls.store(conn, Gallery(items_of(), {}, []))
        for session in (other, conn):
            assert [key[1] for key in calls.page(session, Filter()).keys] == [*THREE_SOURCES][::-1]
            wanted = Filter(content_source_types=[f"community-{THIRD_SOURCE}"])
            assert calls.page(session, wanted).keys == [(7, THIRD_SOURCE)]
            assert calls.value_of(session, "gallery_count") == 3


def test_the_index_is_used_as_before(conn: Connection) -> None:
    calls.store(conn, Gallery(items_of(("items", "auto")), {}, []))
    conn.execute("CALL gallery_rebuild()")
    add(conn)
    assert len(calls.page(conn, Filter(), strategy="bitmap").keys) == 2
    calls.insert_items(conn, items_of((THIRD_SOURCE,)))
    conn.execute("CALL gallery_refresh()")
    assert len(calls.page(conn, Filter(), strategy="bitmap").keys) == 3
    assert conn.execute("SELECT * FROM gallery_verify()").fetchall() == []


def test_labels_are_as_one_says(conn: Connection) -> None:
    add(conn, "video", "my clips", "clips")
    calls.insert_items(conn, [Item(1, "video", moment(1))])
    assert calls.page(conn, Filter(content_source_types=["clips"])).keys == [(1, "video")]
    with pytest.raises(psycopg.Error) as refusal:
        calls.page(conn, Filter(content_source_types=["community-video"]))
    assert refusal.value.sqlstate == "TG004"
    assert "my clips, clips" in str(refusal.value.diag.message_hint)


def test_sources_that_begin_alike_are_told_apart(conn: Connection) -> None:
    names = [f"a{letter}" for letter in "bcdefgh"]
    for name in names:
        add(conn, name)
    calls.store(conn, Gallery(items_of((*names, "auto", "items")), {}, []))
    conn.execute("CALL gallery_rebuild()")
    assert len(calls.page(conn, Filter(), strategy="bitmap").keys) == len(names) + 2
    assert conn.execute("SELECT * FROM gallery_verify()").fetchall() == []


def test_an_item_with_rarely_read_fields_does_not_leave_the_source(conn: Connection) -> None:
    add(conn)
    calls.insert_items(conn, items_of((THIRD_SOURCE,)))
    conn.execute(f"INSERT INTO {ADDED}_more (source_id) VALUES (7)".encode())
    with pytest.raises(errors.RestrictViolation, match=f"{ADDED}_more"):
        conn.execute("UPDATE content_items_all SET source_type = 'items'")
    conn.execute(f"DELETE FROM {ADDED}_more".encode())
    conn.execute("UPDATE content_items_all SET source_type = 'items'")


# --- what it refuses ---


@pytest.mark.parametrize(
    "source",
    [None, "", "Video", "1st", "a-b", "a b", "é", 'a"b', "a'b", "x" * 31, "items", "all", "more"],
)
def test_a_name_that_no_table_can_have_is_refused(conn: Connection, source: str | None) -> None:
    refused(conn, source)


@pytest.mark.parametrize(
    "labels",
    [
        ("user-regular", "b"),
        ("a", "user-regular"),
        ("community-auto", "b"),
        ("a", "a"),
        ("", "b"),
        ("a", ""),
    ],
    ids=str,
)
def test_labels_that_are_taken_or_alike_are_refused(
    conn: Connection, labels: tuple[str, str]
) -> None:
    refused(conn, "video", *labels)


def test_a_source_is_added_once(conn: Connection) -> None:
    add(conn)
    refused(conn, THIRD_SOURCE)


def refused(conn: Connection, *given: object) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        add(conn, *given)
    assert refusal.value.sqlstate == "TG004"
    assert refusal.value.diag.message_hint


def test_a_source_is_not_added_while_a_refresh_is_at_work(conn: Connection) -> None:
    with psycopg.connect(conn.info.dsn) as other:
        other.execute("CALL gallery_refresh()")
        with pytest.raises(psycopg.Error) as refusal:
            add(conn)
    assert refusal.value.sqlstate == "TG006"
    add(conn)


def test_items_of_a_source_that_was_not_added_are_refused(conn: Connection) -> None:
    add(conn)
    conn.execute("CREATE TABLE odd PARTITION OF content_items_all FOR VALUES IN ('odd')")
    with pytest.raises(errors.CheckViolation):
        calls.insert_items(conn, [Item(1, "odd", moment(1))])


@pytest.mark.parametrize("kind", ["reader", "writer", "refresher"])
def test_only_the_owner_of_the_tables_adds_a_source(conn: Connection, kind: str) -> None:
    grants = " ".join(documented_grants(kind)[0])
    with (
        new_role(conn, grants) as name,
        acting_as(conn, name),
        pytest.raises(errors.InsufficientPrivilege),
    ):
        add(conn)


@pytest.mark.parametrize("kind", ["reader", "writer", "refresher"])
def test_the_documented_grants_name_what_is_needed_in_a_gallery_of_three(
    conn: Connection, kind: str
) -> None:
    add(conn)
    calls.store(conn, Gallery(items_of(), {}, []))
    conn.execute("CALL gallery_rebuild()")
    grants = " ".join(documented_grants(kind, THIRD_SOURCE)[0])
    with new_role(conn, grants) as name, acting_as(conn, name):
        if kind == "writer":
            conn.execute("DELETE FROM content_items_all WHERE source_type = 'auto'")
            conn.execute(f"INSERT INTO {ADDED}_more (source_id) VALUES (7)".encode())
        elif kind == "refresher":
            conn.execute("CALL gallery_refresh()")
        else:
            assert len(calls.page(conn, Filter(), strategy="bitmap").keys) == 3
            assert calls.value_of(conn, "gallery_count") == 3


@pytest.mark.parametrize("kind", ["reader", "refresher"])
def test_who_had_the_documented_grants_needs_no_more(conn: Connection, kind: str) -> None:
    calls.store(conn, Gallery(items_of(("items", "auto")), {}, []))
    with new_role(conn, " ".join(documented_grants(kind)[0])) as name:
        add(conn)
        calls.insert_items(conn, items_of((THIRD_SOURCE,)))
        with acting_as(conn, name):
            if kind == "refresher":
                conn.execute("CALL gallery_refresh()")
            assert len(calls.page(conn, Filter()).keys) == 3


# --- migrations ---


def test_check_sees_no_difference(conn: Connection, database_url: str) -> None:
    add(conn)
    assert migrate.check(database_url) == []


def test_check_still_sees_a_table_that_only_sounds_like_one(
    conn: Connection, database_url: str
) -> None:
    add(conn)
    conn.execute("CREATE TABLE content_items_video (id int)")
    assert "content_items_video" in str(migrate.check(database_url))


@pytest.mark.parametrize("revision", ["base", "-1", "pg_gallery_0005"])
def test_a_downgrade_says_that_it_takes_the_items_and_takes_them(
    conn: Connection, database_url: str, revision: str
) -> None:
    add(conn)
    calls.store(conn, Gallery(items_of(), {}, []))
    conn.execute("CALL gallery_rebuild()")
    conn.execute(f"INSERT INTO {ADDED}_more (source_id) VALUES (7)".encode())
    lost = migrate.rows_lost(database_url, revision)
    assert lost[ADDED if revision != "base" else "content_items_all"] == (
        1 if revision != "base" else 3
    )
    with pytest.raises(GalleryError, match=f"1 rows of {ADDED}_more"):
        _migrate._ask(lost)
    migrate.downgrade(database_url, revision)
    assert conn.execute("SELECT to_regclass(%s)", [ADDED]).fetchone() == (None,)
    if revision != "base":
        assert conn.execute("SELECT count(*) FROM content_items_all").fetchone() == (2,)
    migrate.upgrade(database_url)
    conn.execute("CALL gallery_rebuild()")
    assert len(calls.page(conn, Filter()).keys) == (0 if revision == "base" else 2)
    assert conn.execute("SELECT * FROM gallery_verify()").fetchall() == []


def test_an_index_from_before_sources_were_rows_is_used_further(empty_url: str) -> None:
    tag, only_auto = uuid4(), uuid4()
    migrate.upgrade(empty_url, "pg_gallery_0005")
    with psycopg.connect(empty_url, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO gallery.tag_count (tag_id, in_items, in_all)"
            " VALUES (%s, 3, 5), (%s, 0, 2)",
            [tag, only_auto],
        )
        migrate.upgrade(empty_url)
        counts = conn.execute("SELECT tag_id, scope, item_count FROM gallery.tag_count").fetchall()
        assert sorted(counts) == sorted(
            [
                (tag, "", 5),
                (tag, "auto", 2),
                (tag, "items", 3),
                (only_auto, "", 2),
                (only_auto, "auto", 2),
            ]
        )
        assert calls.page(conn, Filter(), strategy="bitmap").keys == []


def test_functions_that_are_applied_again_know_the_source(
    conn: Connection, database_url: str
) -> None:
    add(conn)
    calls.store(conn, Gallery(items_of(), {}, []))
    conn.execute("UPDATE gallery.installed SET functions_hash = 'another'")
    migrate.upgrade(database_url)
    assert len(calls.page(conn, Filter()).keys) == 3
