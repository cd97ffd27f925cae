"""The promises hold in a database in which others do as they please.

Each test is an attack that once worked: rows that move or come back, tables that no trigger
watches, roles that hold locks, code that stands in the way, an index that is damaged.
"""

from __future__ import annotations

from random import Random
from uuid import UUID

import psycopg
import pytest

import calls
from calls import Connection
from galleries import random_gallery
from index_states import rebuilt, shrink_index
from oracle import Filter, Sort, ordered
from walks import check_walk, keys_of

TAG = "10000000-0000-0000-0000-0000000000{:02}"
VERIFY = "SELECT object || ': ' || detail FROM gallery_verify()"


def seed(conn: Connection, items: int = 300) -> None:
    """A gallery of two sources, tags and a private item in seven; indexed."""
    conn.execute(
        "INSERT INTO users (id, username)"
        " VALUES ('00000000-0000-0000-0000-000000000001', 'somebody')"
    )
    conn.execute(
        "INSERT INTO tags (id, name) SELECT (%s || lpad(n::text, 2, '0'))::uuid, 't' || n"
        " FROM generate_series(1, 20) n",
        [TAG[:-5]],
    )
    conn.execute(
        "INSERT INTO content_items_all (id, title, content_type, creator_id, created_at,"
        "   quality_score, is_private, source_type)"
        " SELECT n, 'title ' || n, 'image', '00000000-0000-0000-0000-000000000001',"
        "   timestamptz '2024-01-01' + n * interval '1 minute', nullif(n %% 17, 3), n %% 7 = 0,"
        "   CASE WHEN n %% 4 = 0 THEN 'auto' ELSE 'items' END FROM generate_series(1, %s) n",
        [items],
    )
    conn.execute(
        "INSERT INTO content_tags SELECT i.id, i.source_type, t.id FROM content_items_all i, tags t"
        " WHERE t.name = 't1' OR (i.id + right(t.name, -1)::int) % 5 = 0"
    )
    conn.execute("CALL gallery_refresh()")


def tag(n: int) -> UUID:
    return UUID(TAG.format(n))


def value(conn: Connection, query: str, *arguments: object) -> object:
    row = conn.execute(calls.query(query), arguments).fetchone()
    assert row is not None
    return row[0]


def complaints(conn: Connection) -> list[str]:
    return [row[0] for row in conn.execute(calls.query(VERIFY))]


def check_pages(conn: Connection) -> None:
    """Every page of everything, by both sorts, is the oracle's."""
    items = calls.read_items(conn)
    for sort in (Sort("created_at", "desc"), Sort("quality_score", "desc")):
        check_walk(conn, Filter(), sort, 100, keys_of(ordered(items, Filter(), sort)))


# --- items that move, and come back ---


def test_an_item_that_moves_to_another_source_keeps_its_tags(conn: Connection) -> None:
    seed(conn)
    tags = "SELECT count(*) FROM content_tags WHERE content_id = 2 AND content_source = %s"
    before = value(conn, tags, "items")
    conn.execute("UPDATE content_items_all SET source_type = 'auto' WHERE id = 2")
    assert (value(conn, tags, "auto"), value(conn, tags, "items")) == (before, 0)
    check_pages(conn)
    conn.execute("CALL gallery_refresh()")
    assert complaints(conn) == []
    check_pages(conn)


@pytest.mark.parametrize(
    ("item", "table", "target"),
    [(1, "content_items_more", "auto"), (4, "content_items_auto_more", "items")],
)
def test_an_item_with_rarely_read_fields_does_not_move_and_lose_them(
    conn: Connection, item: int, table: str, target: str
) -> None:
    seed(conn)
    conn.execute(calls.query(f"INSERT INTO {table} (source_id) VALUES ({item})"))
    with pytest.raises(psycopg.errors.RestrictViolation, match=table):
        conn.execute("UPDATE content_items_all SET source_type = %s WHERE id = %s", [target, item])
    assert value(conn, f"SELECT count(*) FROM {table}") == 1
    conn.execute(calls.query(f"DELETE FROM {table}"))
    conn.execute("UPDATE content_items_all SET source_type = %s WHERE id = %s", [target, item])


def test_a_source_that_could_not_be_told_apart_is_refused(conn: Connection) -> None:
    conn.execute("CREATE TABLE archive PARTITION OF content_items_all FOR VALUES IN ('archive')")
    with pytest.raises(psycopg.errors.CheckViolation, match="source_type_known"):
        conn.execute(
            "INSERT INTO content_items_all (content_type, source_type) VALUES ('image', 'archive')"
        )


def test_an_item_made_anew_in_the_place_of_a_deleted_one_is_indexed_once(conn: Connection) -> None:
    shrink_index(conn)
    seed(conn)
    for _ in range(12):
        conn.execute("DELETE FROM content_items_all WHERE id = 300 AND source_type = 'auto'")
        conn.execute("CALL gallery_refresh()")
        conn.execute(
            "INSERT INTO content_items_all (id, content_type, created_at, source_type) VALUES"
            " (300, 'image', timestamptz '2024-01-01' + 300 * interval '1 minute', 'auto')"
        )
        conn.execute("CALL gallery_refresh()")
        assert complaints(conn) == []
    check_pages(conn)


# --- tags ---


def test_a_tag_made_anew_while_a_refresh_takes_the_old_one_away_is_not_listed_with_its_counts(
    conn: Connection, database_url: str
) -> None:
    seed(conn)
    gone = TAG.format(3)
    conn.execute(
        "DELETE FROM content_items_all i USING content_tags t WHERE t.tag_id = %s"
        " AND (t.content_id, t.content_source) = (i.id, i.source_type)",
        [gone],
    )
    conn.execute("DELETE FROM tags WHERE id = %s", [gone])
    with psycopg.connect(database_url) as refresher:
        refresher.execute("CALL gallery_refresh()")
        conn.execute("INSERT INTO tags (id, name) VALUES (%s, 'anew')", [gone])
        refresher.commit()
    conn.execute("CALL gallery_refresh()")
    assert (
        value(conn, "SELECT count(*) FROM gallery_tags(page_size => 500) WHERE name = 'anew'") == 0
    )
    assert complaints(conn) == []


def test_a_tag_made_anew_before_the_refresh_commits_that_counted_the_old_one_first_is_listed_right(
    conn: Connection, database_url: str
) -> None:
    seed(conn)
    new = TAG.format(77)
    conn.execute("INSERT INTO tags (id, name) VALUES (%s, 'new')", [new])
    conn.execute("INSERT INTO content_tags VALUES (1, 'items', %s)", [new])
    with psycopg.connect(database_url) as refresher:  # the steps of a refresh, one by one
        refresher.execute("SELECT gallery.take_dirty(NULL), gallery.refresh_indexed()")
        conn.execute("DELETE FROM tags WHERE id = %s", [new])
        refresher.execute("SELECT gallery.list_dirty_tags()")
        conn.execute("INSERT INTO tags (id, name) VALUES (%s, 'anew')", [new])
        refresher.commit()
    assert complaints(conn) == []
    conn.execute("CALL gallery_refresh()")
    assert complaints(conn) == []
    assert (
        value(conn, "SELECT count(*) FROM gallery_tags(page_size => 500) WHERE name = 'anew'") == 0
    )


WRITES = {
    "a tag changed": "UPDATE tags SET tag_metadata = '{}' WHERE name = 't1'",
    "a tag renamed": "UPDATE tags SET name = 'other' WHERE name = 't1'",
    "a tag deleted": "DELETE FROM tags WHERE name = 't1'",
    "a tag made": "INSERT INTO tags (name) VALUES ('new')",
    "items deleted": "DELETE FROM content_items_all WHERE id < 50",
    "tag rows deleted": "DELETE FROM content_tags WHERE content_id < 50",
}


@pytest.mark.parametrize("write", WRITES)
def test_a_refresh_waits_for_nobody_who_writes_items_or_tags(
    conn: Connection, database_url: str, write: str
) -> None:
    seed(conn)
    with psycopg.connect(database_url) as writer:
        writer.execute(calls.query(WRITES[write]))
        conn.execute("DELETE FROM content_tags WHERE content_id > 100 AND tag_id = %s", [tag(2)])
        conn.execute("SET lock_timeout = '2s'")
        conn.execute("CALL gallery_refresh()")
        assert complaints(conn) == []
        writer.commit()
    check_pages(conn)
    conn.execute("CALL gallery_refresh()")
    assert complaints(conn) == []


def test_counts_that_were_emptied_change_no_facet_and_come_back(conn: Connection) -> None:
    seed(conn)
    facets = "SELECT array_agg((name, item_count)::text) FROM gallery_facets(facet_limit => 5)"
    before = value(conn, facets)
    conn.execute("TRUNCATE tag_cardinality_stats")
    assert value(conn, facets) == before
    conn.execute("CALL gallery_refresh()")
    assert complaints(conn) == []
    assert value(conn, facets) == before
    conn.execute("DELETE FROM content_tags WHERE tag_id = %s", [TAG.format(1)])
    conn.execute("CALL gallery_refresh()")
    assert value(conn, "SELECT min(cardinality) > 0 FROM tag_cardinality_stats") is True
    assert complaints(conn) == []


# --- changes that no statement trigger saw ---

REPLICATED = [
    "INSERT INTO content_items (id, content_type, created_at) VALUES (900, 'image', '2024-01-02')",
    f"INSERT INTO content_tags VALUES (900, 'items', '{TAG.format(2)}')",
    f"DELETE FROM content_tags WHERE content_id = 5 AND tag_id = '{TAG.format(1)}'",
    "UPDATE content_items SET is_private = true WHERE id BETWEEN 10 AND 40",
    "UPDATE content_items SET created_at = '2023-01-01' WHERE id = 50",
    "DELETE FROM content_tags WHERE content_id = 60; DELETE FROM content_items WHERE id = 60",
    "UPDATE tags SET name = 'renamed' WHERE name = 't2'",
    "TRUNCATE content_tags",
]


def test_what_replication_applies_is_followed(conn: Connection) -> None:
    seed(conn)
    for change in REPLICATED:
        with conn.transaction():
            conn.execute("SET LOCAL session_replication_role = replica")
            conn.execute(change)
        check_pages(conn)
        items = calls.read_items(conn)
        for n in (1, 2):
            wanted = Filter(tags_all=[tag(n)])
            sort = Sort("created_at", "desc")
            check_walk(conn, wanted, sort, 50, keys_of(ordered(items, wanted, sort)))
        assert complaints(conn) == []
    assert value(conn, "SELECT count(*) FROM gallery_tags() WHERE name = 't2'") == 0
    conn.execute("CALL gallery_refresh()")
    assert complaints(conn) == []


def test_what_a_transaction_replicates_after_a_refresh_of_its_own_is_followed(
    conn: Connection,
) -> None:
    seed(conn)
    with conn.transaction():
        conn.execute("SET LOCAL session_replication_role = replica")
        conn.execute("DELETE FROM content_tags WHERE content_id = 5")
        for n in (1, 2):
            conn.execute("INSERT INTO content_tags VALUES (5, 'items', %s)", [TAG.format(n)])
            conn.execute("CALL gallery_refresh()")
    assert complaints(conn) == []


UNSEEN = {
    "made private": "UPDATE content_items_all SET is_private = true WHERE id > 250",
    "moved in time": "UPDATE content_items_all SET created_at = created_at - interval '1 year'"
    " WHERE id > 250",
    "deleted": "DELETE FROM content_items_all WHERE id > 250",
}


@pytest.mark.parametrize("change", UNSEEN)
def test_without_triggers_no_private_item_is_shown_and_one_call_makes_all_right(
    conn: Connection, change: str
) -> None:
    seed(conn)
    tables = ("content_items_all", "content_items", "content_items_auto", "content_tags")
    for table in tables:
        conn.execute(calls.query(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
    conn.execute(UNSEEN[change])
    for strategy in ("bitmap", "ordered_walk", None):
        private = value(
            conn,
            "SELECT count(*) FROM gallery_page(page_size => 500, strategy => %s) p"
            " JOIN content_items_all i USING (id, source_type)"
            " WHERE i.is_private OR i.created_at <> p.created_at",
            strategy,
        )
        assert private == 0
    for table in tables:
        conn.execute(calls.query(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
    conn.execute("CALL gallery_rebuild()")
    assert complaints(conn) == []
    check_pages(conn)


def test_after_a_table_was_rewritten_the_index_is_not_used_until_it_is_built_anew(
    conn: Connection,
) -> None:
    seed(conn)
    conn.execute(
        "ALTER TABLE content_items_all ALTER created_at TYPE timestamptz"
        " USING timestamptz '2024-06-01' - (created_at - timestamptz '2024-01-01')"
    )
    check_pages(conn)
    with pytest.raises(psycopg.Error, match="rewritten") as refusal:
        conn.execute("SELECT * FROM gallery_page(strategy => 'bitmap')")
    assert refusal.value.sqlstate == "TG006"
    conn.execute("CALL gallery_refresh()")
    conn.execute("SELECT * FROM gallery_page(strategy => 'bitmap')")
    assert complaints(conn) == []
    check_pages(conn)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_an_index_of_a_snapshot_from_before_a_table_was_rewritten_is_not_used(
    conn: Connection, database_url: str, level: str
) -> None:
    """To such a snapshot a table that ALTER TABLE has rewritten is empty."""
    seed(conn)
    with psycopg.connect(database_url) as refresher:
        refresher.execute(calls.query(f"SET TRANSACTION ISOLATION LEVEL {level}"))
        refresher.execute("SELECT 1")
        conn.execute("ALTER TABLE content_items_all ALTER title TYPE text USING title || ''")
        refresher.execute("CALL gallery_refresh()")
    assert complaints(conn) == []  # of what is not in use
    check_pages(conn)
    assert value(conn, "SELECT gallery_count()") == value(
        conn, "SELECT count(*) FROM content_items_all WHERE NOT is_private"
    )
    conn.execute("CALL gallery_refresh()")
    conn.execute("SELECT * FROM gallery_page(strategy => 'bitmap')")
    assert complaints(conn) == []
    check_pages(conn)


def test_a_publication_of_all_tables_stops_neither_writes_nor_refresh(conn: Connection) -> None:
    seed(conn)
    conn.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    conn.execute(
        "INSERT INTO content_items_all (id, content_type, source_type) VALUES (900, 'x', 'items')"
    )
    conn.execute("UPDATE tags SET name = 'renamed' WHERE name = 't1'")
    conn.execute("CALL gallery_refresh()")
    conn.execute("CALL gallery_rebuild()")
    assert complaints(conn) == []


# --- locks ---


def test_an_advisory_lock_that_anybody_can_take_stops_no_refresh(
    conn: Connection, database_url: str
) -> None:
    seed(conn)
    with psycopg.connect(database_url) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('pg_gallery index', 0))")
        conn.execute("DELETE FROM content_tags WHERE content_id = 5")
        conn.execute("CALL gallery_refresh()")
        assert value(conn, "SELECT count(*) FROM gallery.dirty_item") == 0


# --- an index that is damaged ---


def damage(conn: Connection) -> None:
    """Plant what makes the refresh of a new item fail: its slot is taken already."""
    conn.execute(
        "INSERT INTO content_items_all (id, content_type, source_type, created_at)"
        " VALUES (901, 'image', 'items', '2025-01-01')"
    )
    conn.execute(
        "INSERT INTO gallery.bitmap_slot SELECT block_no, chunk + 1, lower_at, lower_id + 1,"
        " lower_source, ids, sources, created_ats FROM gallery.bitmap_slot"
        " ORDER BY block_no DESC, chunk DESC LIMIT 1"
    )
    conn.execute("UPDATE gallery.bitmap_container SET bits = B'1', slots = NULL WHERE kind = 2")


@pytest.mark.parametrize("whole", [False, True], ids=["a block", "everything"])
def test_a_refresh_that_meets_damage_says_so_and_pages_stay_exact_until_it_is_rebuilt(
    conn: Connection, whole: bool
) -> None:
    seed(conn)
    damage(conn)
    said: list[str] = []
    conn.add_notice_handler(lambda notice: said.append(str(notice.message_primary)))
    conn.execute("CALL gallery_refresh()")
    assert any("the bitmap index is damaged" in line for line in said), said
    check_pages(conn)
    with pytest.raises(psycopg.Error, match="damaged") as refusal:
        conn.execute("CALL gallery_refresh()")
    assert refusal.value.sqlstate == "TG006"
    assert "gallery_rebuild" in str(refusal.value.diag.message_hint)
    said_by_health = conn.execute(
        "SELECT what_to_do FROM gallery_health() WHERE status = 'fail' AND detail ~ 'damaged'"
    ).fetchall()
    ((remedy,),) = said_by_health
    conn.execute(calls.query("CALL gallery_rebuild()" if whole else remedy))
    conn.execute("CALL gallery_refresh()")
    assert complaints(conn) == []
    conn.execute("SELECT * FROM gallery_page(strategy => 'bitmap')")
    check_pages(conn)


def test_a_block_that_is_not_there_is_not_rebuilt(conn: Connection) -> None:
    seed(conn)
    with pytest.raises(psycopg.Error, match="no block 7") as refusal:
        conn.execute("CALL gallery_rebuild('{7}')")
    assert refusal.value.sqlstate == "TG004"


# --- block numbers ---


@pytest.mark.parametrize("end", ["above", "below"])
def test_block_numbers_that_run_out_are_given_anew(conn: Connection, end: str) -> None:
    shrink_index(conn)
    rebuilt(conn, Random(1), random_gallery(Random(1), 120))
    blocks = value(conn, "SELECT array_agg(block_no ORDER BY block_no) FROM gallery.bitmap_block")
    assert isinstance(blocks, list)
    first = 2147483647 - len(blocks) + 1 if end == "above" else -2147483648
    conn.execute(
        "SELECT gallery.renumber_blocks(%s::int[], %s::int[])",
        [blocks, [first + n for n in range(len(blocks))]],
    )
    assert complaints(conn) == []
    # new items at the end, and old ones wherever they belong, until blocks are split
    for when in ("'2200-01-01'", "'1900-01-01'"):
        conn.execute(
            calls.query(
                "INSERT INTO content_items_all (id, content_type, source_type, created_at)"
                f" SELECT 100000 + {when[1:5]} * 1000 + n, 'image', 'items',"
                f" timestamptz {when} + n * interval '1 minute' FROM generate_series(1, 90) n"
            )
        )
        conn.execute("CALL gallery_refresh()")
        assert complaints(conn) == []
    check_pages(conn)


# --- row level security ---


def test_under_row_level_security_everything_is_as_plain_sql_would_have_it(
    conn: Connection, database_url: str
) -> None:
    seed(conn)
    conn.execute("DROP ROLE IF EXISTS gallery_test_reader")
    conn.execute("CREATE ROLE gallery_test_reader")
    try:
        conn.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public, gallery TO gallery_test_reader")
        conn.execute("ALTER TABLE content_items_all ENABLE ROW LEVEL SECURITY")
        conn.execute("CREATE POLICY few ON content_items_all USING (id < 100 AND NOT is_private)")
        conn.execute("ALTER TABLE content_tags ENABLE ROW LEVEL SECURITY")
        conn.execute("CREATE POLICY most ON content_tags USING (tag_id <> '" + TAG.format(4) + "')")
        with psycopg.connect(database_url, autocommit=True) as reader:
            reader.execute("SET ROLE gallery_test_reader")
            items = calls.read_items(reader)
            assert 0 < len(items) < 100
            for n in (1, 4, 5):
                wanted = Filter(tags_all=[tag(n)])
                for sort in (Sort("created_at", "desc"), Sort("quality_score", "asc")):
                    check_walk(reader, wanted, sort, 7, keys_of(ordered(items, wanted, sort)))
            plain = (
                'SELECT array_agg((t.name, c.n)::text ORDER BY c.n DESC, t.name COLLATE "C")'
                " FROM (SELECT ct.tag_id, count(*) AS n FROM content_tags ct"
                "   JOIN content_items_all i ON (i.id, i.source_type)"
                "     = (ct.content_id, ct.content_source) GROUP BY 1) c"
                " JOIN tags t ON t.id = c.tag_id"
            )
            truth = value(reader, plain)
            assert truth == value(
                reader,
                "SELECT array_agg((name, item_count)::text) FROM gallery_facets(facet_limit => 99)",
            )
            assert truth == value(
                reader,
                "SELECT array_agg((name, item_count)::text) FROM gallery_tags(page_size => 99)",
            )
            assert value(reader, "SELECT gallery_count()") == len(items)
            with pytest.raises(psycopg.Error, match="row level security") as refusal:
                reader.execute("SELECT * FROM gallery_page(strategy => 'bitmap')")
            assert refusal.value.sqlstate == "TG006"
    finally:
        conn.execute("DROP OWNED BY gallery_test_reader")
        conn.execute("DROP ROLE gallery_test_reader")


def test_a_refresher_from_whom_rows_are_hidden_is_refused(
    conn: Connection, database_url: str
) -> None:
    seed(conn)
    conn.execute("ALTER TABLE content_tags ENABLE ROW LEVEL SECURITY")
    conn.execute("DROP ROLE IF EXISTS gallery_test_refresher")
    conn.execute("CREATE ROLE gallery_test_refresher")
    try:
        conn.execute("GRANT ALL ON ALL TABLES IN SCHEMA public, gallery TO gallery_test_refresher")
        conn.execute(
            "GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public, gallery TO gallery_test_refresher"
        )
        with psycopg.connect(database_url, autocommit=True) as refresher:
            refresher.execute("SET ROLE gallery_test_refresher")
            for call in ("CALL gallery_refresh()", "CALL gallery_rebuild()"):
                with pytest.raises(psycopg.Error, match="row level security") as refusal:
                    refresher.execute(calls.query(call))
                assert refusal.value.sqlstate == "TG006"
    finally:
        conn.execute("DROP OWNED BY gallery_test_refresher")
        conn.execute("DROP ROLE gallery_test_refresher")


# --- code in the way ---


def test_an_aggregate_that_fits_better_than_postgresqls_own_is_never_run(conn: Connection) -> None:
    seed(conn)
    conn.execute(
        "CREATE FUNCTION public.evil(state uuid[], x uuid) RETURNS uuid[] LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'run by %', current_user; END $$"
    )
    conn.execute(
        "CREATE AGGREGATE public.array_agg(uuid)"
        " (SFUNC = public.evil, STYPE = uuid[], INITCOND = '{}')"
    )
    conn.execute("DELETE FROM content_tags WHERE content_id = 5")
    conn.execute("CALL gallery_refresh()")
    conn.execute("CALL gallery_rebuild()")
    assert complaints(conn) == []
    check_pages(conn)


def test_names_of_tags_and_their_counts_are_not_everybodys(
    conn: Connection, database_url: str
) -> None:
    seed(conn)
    conn.execute("DROP ROLE IF EXISTS gallery_test_stranger")
    conn.execute("CREATE ROLE gallery_test_stranger")
    try:
        with psycopg.connect(database_url, autocommit=True) as stranger:
            stranger.execute("SET ROLE gallery_test_stranger")
            for look in ("SELECT FROM gallery.tag_listing", "SELECT FROM gallery_tags()"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    stranger.execute(calls.query(look))
    finally:
        conn.execute("DROP ROLE gallery_test_stranger")


# --- changed items, and reads in the middle of a change ---


def test_changed_items_far_down_a_page_of_scattered_matches_are_not_lost(conn: Connection) -> None:
    """More of them than are told apart one by one, behind more other items than are looked at."""
    seed(conn, items=3000)
    conn.execute("DELETE FROM content_tags WHERE tag_id = %s AND content_id %% 100 <> 0", [tag(1)])
    conn.execute("CALL gallery_refresh()")
    conn.execute(
        "INSERT INTO content_tags SELECT id, source_type, %s FROM content_items_all"
        " WHERE id BETWEEN 700 AND 1500 AND id %% 100 <> 0",
        [tag(1)],
    )
    items = calls.read_items(conn)
    wanted = Filter(tags_all=[tag(1)])
    for order in ("desc", "asc"):
        sort = Sort("created_at", order)
        expected = keys_of(ordered(items, wanted, sort))
        check_walk(conn, wanted, sort, 25, expected, strategy="bitmap")


def test_after_a_statement_answers_are_exact_within_its_transaction_too(conn: Connection) -> None:
    seed(conn)
    count = f"gallery_count(tags_all => '{{{tag(3)}}}')"
    conn.execute("CREATE TABLE seen (counted bigint)")
    conn.execute(
        calls.query(
            "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN INSERT INTO seen SELECT {count}; RETURN NULL; END $$"
        )
    )
    # behind the triggers that log: those of a statement fire in the order of their names
    conn.execute(
        "CREATE TRIGGER zz_look AFTER DELETE ON content_tags"
        " FOR EACH STATEMENT EXECUTE FUNCTION look()"
    )
    with conn.transaction():
        conn.execute("DELETE FROM content_tags WHERE content_id < 100")
        assert value(conn, "SELECT counted FROM seen") == value(conn, f"SELECT {count}")
        check_pages(conn)
    items = calls.read_items(conn)
    expected = ordered(items, Filter(tags_all=[tag(3)]), Sort())
    assert value(conn, "SELECT counted FROM seen") == len(expected)
