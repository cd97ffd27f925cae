"""The planners choose as they say, every setting of theirs shows, and no choice changes a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

import calls
from calls import Connection
from galleries import SOURCE_TYPES, Gallery, random_filter, random_gallery, random_uuid
from harness.server import Server
from index_states import rebuilt
from oracle import SORTS, Filter, Item, moment, ordered
from walks import SEEDS, check_walk, keys_of

TAGS = [UUID(int=number) for number in range(1, 1001)]
STRATEGIES = tuple(name for name in calls.STRATEGIES if name is not None)
SWITCHES = {
    "ordered_walk": "enable_ordered_walk",
    "self_join": "enable_self_join",
    "group_having": "enable_group_having",
    "two_phase_single": "enable_two_phase",
    "two_phase_dual": "enable_two_phase",
    "bitmap": "enable_bitmap",
    "full_scan": "enable_ordered_walk",
}
UNLIMITED = 10**12


@pytest.fixture(scope="module")
def database_url(module_database_url: str) -> str:
    return module_database_url


@pytest.fixture(autouse=True)
def untouched(conn: Connection) -> Iterator[None]:
    """Every test starts from an empty gallery without statistics, and from the defaults."""
    conn.execute("TRUNCATE content_items_all, content_tags, tags, users CASCADE")
    conn.execute("DELETE FROM tag_cardinality_stats")
    configure(conn, performance=None)
    yield


def configure(conn: Connection, **settings: Any) -> None:
    conn.execute("SELECT gallery_configure(%s)", (Jsonb(settings),))


def count(conn: Connection, counts: Sequence[int], source: str = "auto") -> None:
    """Make the statistics say how many items carry each of the first tags."""
    conn.execute(
        "INSERT INTO tag_cardinality_stats (tag_id, content_source, cardinality)"
        " SELECT t, %s, c FROM unnest(%s::uuid[], %s::bigint[]) AS counted (t, c)",
        (source, TAGS[: len(counts)], list(counts)),
    )


class Choice(NamedTuple):
    """A row of gallery_pick_strategy."""

    strategy: str
    k: int
    rarest_count: int | None
    estimated_candidates: int | None
    reason: str


def pick(conn: Connection, wanted: Filter) -> Choice:
    (row,) = calls.rows_of(conn, "gallery_pick_strategy", **calls.arguments(wanted))
    return Choice(*row)


def pick_all(conn: Connection, k: int) -> str:
    """What the planner takes for the first k tags."""
    return pick(conn, Filter(tags_all=TAGS[:k])).strategy


def refusal(conn: Connection, wanted: Filter, **others: Any) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as raised:
        calls.page(conn, wanted, **others)
    return raised.value


# --- the rules planner ---


def by_the_table(k: int, rarest: int, *, cap: int) -> str:
    """The rules planner's table, with its other defaults; all tags are as rare as the rarest."""
    if k == 0:
        return "ordered_walk"
    if k <= 3:
        return "self_join"
    if rarest <= 50_000 or rarest > cap:
        return "group_having"
    return "two_phase_dual" if rarest > 150_000 and k >= 7 else "two_phase_single"


@pytest.mark.parametrize("cap", [50_000, 149_999, 150_000, 150_001, UNLIMITED])
def test_the_rules_planner_follows_its_table_to_the_letter(conn: Connection, cap: int) -> None:
    configure(conn, planner="rules", seed_candidate_cap=cap)
    edges = (0, 1, 49_999, 50_000, 50_001, 149_999, 150_000, 150_001, 1_000_000)
    for rarest in edges:
        conn.execute("DELETE FROM tag_cardinality_stats")
        count(conn, [rarest] * len(TAGS))
        for k in (0, 1, 2, 3, 4, 6, 7, 8, 15, 1000):
            chosen = pick(conn, Filter(tags_all=TAGS[:k]))
            assert chosen.strategy == by_the_table(k, rarest, cap=cap), (k, rarest)
            assert chosen.k == k
            assert chosen.rarest_count == (rarest if k else None)


@pytest.mark.parametrize(
    ("second", "strategy"),
    [(200_000, "two_phase_dual"), (250_000, "two_phase_dual"), (250_010, "group_having")],
)
def test_the_seed_of_two_tags_is_what_they_are_thought_to_share(
    conn: Connection, second: int, strategy: str
) -> None:
    """A fifth of a million items, and of those as many as of all items carry the second tag."""
    configure(conn, planner="rules")
    count(conn, [200_000, second, *[1_000_000] * 6])
    assert pick_all(conn, 8) == strategy


@pytest.mark.parametrize(
    ("setting", "value", "query", "choices"),
    [
        ("small_k_threshold", 0, (1, 1), ("self_join", "group_having")),
        ("small_k_threshold", 9, (9, 1), ("group_having", "self_join")),
        ("group_having_rarest_ceiling", 9, (4, 10), ("group_having", "two_phase_single")),
        ("group_having_rarest_ceiling", 10, (4, 10), ("group_having", "group_having")),
        ("two_phase_min_k_for_dual_seed", 9, (8, 160_000), ("two_phase_dual", "two_phase_single")),
        ("two_phase_min_k_for_dual_seed", 4, (4, 160_000), ("two_phase_single", "two_phase_dual")),
        (
            "two_phase_dual_seed_floor",
            160_000,
            (8, 160_000),
            ("two_phase_dual", "two_phase_single"),
        ),
        ("two_phase_dual_seed_floor", 59_999, (8, 60_000), ("two_phase_single", "two_phase_dual")),
        ("seed_candidate_cap", 59_999, (4, 60_000), ("two_phase_single", "group_having")),
        ("seed_candidate_cap", 60_000, (4, 60_000), ("two_phase_single", "two_phase_single")),
    ],
)
def test_a_threshold_of_the_rules_shows(
    conn: Connection, setting: str, value: int, query: tuple[int, int], choices: tuple[str, str]
) -> None:
    """The choice for k tags, the rarest on so many items, before the change and after it."""
    (k, rarest), (before, after) = query, choices
    configure(conn, planner="rules", seed_candidate_cap=UNLIMITED)
    count(conn, [rarest] * k)
    assert pick_all(conn, k) == before
    configure(conn, **{setting: value})
    assert pick_all(conn, k) == after


@pytest.mark.parametrize(
    ("k", "rarest", "preferred"),
    [
        (3, 10, ["self_join", "group_having", "two_phase_single", "ordered_walk"]),
        (4, 10, ["group_having", "two_phase_single", "ordered_walk"]),
        (4, 60_000, ["group_having", "two_phase_single", "ordered_walk"]),
        (3, 60_000, ["self_join", "group_having", "two_phase_single", "ordered_walk"]),
        (0, 0, ["ordered_walk"]),
    ],
)
def test_a_strategy_that_is_switched_off_is_passed_over_by_the_rules(
    conn: Connection, k: int, rarest: int, preferred: list[str]
) -> None:
    configure(conn, planner="rules")
    count(conn, [rarest] * k)
    for strategy in preferred:
        assert pick_all(conn, k) == strategy
        configure(conn, **{SWITCHES[strategy]: False})


# --- the cost planner ---


def common_and_rare(conn: Connection) -> tuple[UUID, UUID]:
    """Stores a gallery in which one tag is on every item and one on three of them."""
    common, rare = TAGS[:2]
    items = [
        Item(
            number,
            SOURCE_TYPES[number % 2],
            moment(number),
            number / 7,
            tags=frozenset({common, rare} if number in (1, 2, 3) else {common}),
        )
        for number in range(3000)
    ]
    rebuilt(conn, Random(0), Gallery(items, {common: "common", rare: "rare"}, []))
    conn.execute("VACUUM ANALYZE")
    return common, rare


def test_cost_is_the_default_and_the_setting_planner_shows(conn: Connection) -> None:
    common, _ = common_and_rare(conn)
    by_cost = pick(conn, Filter(tags_all=[common]))
    configure(conn, planner="rules")
    by_rules = pick(conn, Filter(tags_all=[common]))
    assert (by_cost.strategy, by_rules.strategy) == ("ordered_walk", "self_join")


def test_the_cost_planner_takes_lists_for_what_is_rare_and_walks_for_what_is_not(
    conn: Connection,
) -> None:
    common, rare = common_and_rare(conn)
    configure(conn, enable_bitmap=False)
    assert pick(conn, Filter(tags_all=[common])).strategy == "ordered_walk"
    assert pick(conn, Filter(tags_any=[common, rare])).strategy == "ordered_walk"
    assert pick(conn, Filter(tags_none=[rare])).strategy == "ordered_walk"
    assert pick(conn, Filter(tags_all=[common, rare])).strategy != "ordered_walk"
    assert pick(conn, Filter()).strategy == "ordered_walk"


def rivals(chosen: Choice) -> list[str]:
    """The strategies that the reason names: the choice competes with them, or they back it."""
    return [name for name in STRATEGIES if name in chosen.reason]


def test_a_sort_by_quality_counts_first_unless_one_tag_is_all_that_is_asked_for(
    conn: Connection,
) -> None:
    conn.execute("CALL gallery_refresh()")
    count(conn, [400_000, 600_000])
    for k, strategy in ((1, "ordered_walk"), (2, "bitmap")):
        given = calls.arguments(Filter(tags_all=TAGS[:k]), sort_field="quality_score")
        assert calls.value_of(conn, "gallery_explain", **given)["strategy"] == strategy


def test_the_cost_planner_never_takes_what_is_switched_off(conn: Connection) -> None:
    common, rare = common_and_rare(conn)
    filters = [Filter(tags_all=[common]), Filter(tags_all=[rare]), Filter(tags_all=[common, rare])]
    for on in product((False, True), repeat=5):
        switches = dict(zip(sorted(set(SWITCHES.values())), on, strict=True))
        configure(conn, **switches)
        for wanted in filters:
            if any(on):
                chosen = pick(conn, wanted)
                for strategy in (chosen.strategy, *rivals(chosen)):
                    assert switches[SWITCHES[strategy]]
            else:
                error = refusal(conn, wanted)
                assert error.sqlstate == "TG005"
                assert "enable_ordered_walk" in (error.diag.message_hint or "")


def test_where_the_matches_lie_is_a_guess_and_the_choice_says_so(conn: Connection) -> None:
    common_and_rare(conn)
    count(conn, [])
    configure(conn, enable_bitmap=False)
    assert "take" in pick(conn, Filter(tags_all=[TAGS[0]])).reason


@pytest.mark.parametrize("planner", ["rules", "cost"])
def test_a_thousand_rare_tags_are_weighed(conn: Connection, planner: str) -> None:
    """Their shares, multiplied, are too small for a floating-point number."""
    configure(conn, planner=planner)
    count(conn, [3] * 999 + [1_000_000])
    for wanted in (Filter(tags_all=TAGS), Filter(tags_all=TAGS, tags_none=[UUID(int=2000)])):
        assert pick(conn, wanted).rarest_count == 3
        assert calls.page(conn, wanted).keys == []


# --- what both go by ---


@pytest.mark.parametrize("planner", ["rules", "cost"])
def test_a_tag_without_statistics_counts_as_the_fallback(conn: Connection, planner: str) -> None:
    configure(conn, planner=planner)
    assert pick(conn, Filter(tags_all=TAGS[:1])).rarest_count == 1_000_000
    configure(conn, stats={"fallback_default_count": 7})
    assert pick(conn, Filter(tags_all=TAGS[:1])).rarest_count == 7


def test_required_tags_are_applied_the_rarest_first_and_unwanted_ones_the_commonest_first(
    conn: Connection,
) -> None:
    count(conn, [10, 40, 20])
    rows = conn.execute(
        """
        SELECT n.tags, n.carried
        FROM gallery.make_filter(%(tags)s, null, %(tags)s, null, null, null, null, null, null, null,
                                 null) f,
             unnest(gallery.read_narrowings(f, 7)) n
        """,
        {"tags": TAGS[:3]},
    ).fetchall()
    few, many, some = TAGS[:3]
    assert rows == [([few], True), ([some], True), ([many], True), ([many, some, few], False)]


def test_the_rarest_count_is_that_of_the_sources_asked_for(conn: Connection) -> None:
    count(conn, [10, 40], "auto")
    count(conn, [20], "items")
    for kinds, rarest in [
        (None, 30),
        (["community-auto"], 10),
        (["community-regular"], 0),  # the second tag is known to be on no item there
    ]:
        wanted = Filter(tags_all=TAGS[:2], content_source_types=kinds)
        assert pick(conn, wanted).rarest_count == rarest


def test_a_role_that_may_not_read_the_statistics_gets_its_pages_all_the_same(
    conn: Connection, server: Server
) -> None:
    if not server.superuser:
        pytest.skip("making roles needs a superuser")
    common, rare = common_and_rare(conn)
    conn.execute("CREATE ROLE gallery_test_reader")
    try:
        conn.execute("GRANT SELECT ON content_items_all, content_tags TO gallery_test_reader")
        conn.execute("SET ROLE gallery_test_reader")
        for strategy in (None, "self_join", "ordered_walk"):
            found = calls.page(conn, Filter(tags_all=[common, rare]), strategy=strategy)
            assert found.keys == [(3, "auto"), (2, "items"), (1, "auto")]
        assert calls.page(conn, Filter(creators=TAGS[:1])).keys == []
    finally:
        conn.execute("RESET ROLE")
        conn.execute("DROP OWNED BY gallery_test_reader")
        conn.execute("DROP ROLE gallery_test_reader")


def test_statistics_older_than_their_freshness_still_count(conn: Connection) -> None:
    count(conn, [5])
    conn.execute("UPDATE tag_cardinality_stats SET updated_at = '-infinity'")
    assert pick(conn, Filter(tags_all=TAGS[:1])).rarest_count == 5


def test_changed_items_beyond_the_dirty_limit_leave_the_page_to_other_strategies(
    conn: Connection,
) -> None:
    common, _ = common_and_rare(conn)
    wanted = Filter(tags_all=[common])
    configure(conn, **{name: name == "enable_bitmap" for name in SWITCHES.values()})
    assert pick(conn, wanted).strategy == "bitmap"
    conn.execute("UPDATE content_items_all SET is_private = NOT is_private WHERE id < 10")
    configure(conn, dirty_limit=5)
    assert refusal(conn, wanted).sqlstate == "TG005"
    assert refusal(conn, wanted, strategy="bitmap").sqlstate == "TG006"
    configure(conn, enable_ordered_walk=True)
    assert pick(conn, wanted).strategy == "ordered_walk"
    configure(conn, enable_ordered_walk=False, dirty_limit=1000)
    assert pick(conn, wanted).strategy == "bitmap"


def test_max_work_mem_mb_is_the_memory_of_the_list_strategies(conn: Connection) -> None:
    """With the least, grouping 30,000 items goes to disk, whatever the session's own work_mem."""
    gallery = Gallery([], {TAGS[0]: "one", TAGS[1]: "another"}, [])
    gallery.items = [
        Item(number, "auto", moment(number), tags=frozenset(TAGS[:2])) for number in range(30_000)
    ]
    calls.store(conn, gallery)
    conn.execute("VACUUM ANALYZE content_tags")
    given = calls.arguments(Filter(tags_all=TAGS[:2]), strategy="group_having")
    call = calls.call_text("gallery_page", given)

    def goes_to_disk() -> bool:
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM {call}"
        ((plans,),) = conn.execute(calls.query(explain), given).fetchall()
        return bool(plans[0]["Plan"]["Temp Written Blocks"])

    with calls.settings(conn, work_mem="64kB"):
        assert not goes_to_disk()
    configure(conn, max_work_mem_mb=1)
    with calls.settings(conn, work_mem="1GB"):
        assert goes_to_disk()
        assert conn.execute("SHOW work_mem").fetchone() == ("1GB",)


# --- strategies that are asked for ---


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_that_is_switched_off_is_refused_with_the_setting_to_change(
    conn: Connection, strategy: str
) -> None:
    rebuilt(conn, Random(0), random_gallery(Random(3), 20))
    wanted = Filter(tags_all=TAGS[:2])
    calls.page(conn, wanted, strategy=strategy)
    configure(conn, **{SWITCHES[strategy]: False})
    error = refusal(conn, wanted, strategy=strategy)
    assert error.sqlstate == "TG005"
    assert SWITCHES[strategy] in (error.diag.message_hint or "")


@pytest.mark.parametrize("strategy", SEEDS)
def test_a_list_strategy_without_a_required_tag_is_refused(conn: Connection, strategy: str) -> None:
    for wanted in (Filter(), Filter(tags_any=TAGS[:2]), Filter(tags_none=TAGS[:1])):
        error = refusal(conn, wanted, strategy=strategy)
        assert error.sqlstate == "TG005"
        assert "tags_all" in (error.diag.message_hint or "")


def test_an_unknown_strategy_is_refused_with_the_names_of_the_known_ones(conn: Connection) -> None:
    for strategy in ("", "Bitmap", "walk_or_join", "strategy_bitmap", "x'; --"):
        error = refusal(conn, Filter(), strategy=strategy)
        assert error.sqlstate == "TG004"
        assert all(name in (error.diag.message_hint or "") for name in STRATEGIES)


# --- no choice changes a page ---


@pytest.mark.parametrize("planner", ["rules", "cost"])
@pytest.mark.parametrize("limits", ["least", "greatest"])
def test_no_setting_of_the_planners_changes_a_page(
    conn: Connection, planner: str, limits: str
) -> None:
    """The caps and thresholds among them: they are reasons to go another way, and drop nothing."""
    edges = conn.execute(
        f"SELECT name, {'minimum' if limits == 'least' else 'maximum'}::bigint".encode()
        + b" FROM gallery.setting_definitions() WHERE type IN ('integer', 'bigint')"
        b" AND name NOT LIKE '%memory%' AND name <> 'max_work_mem_mb'"
    ).fetchall()
    random = Random(f"{planner} {limits}")
    for _ in range(4):
        gallery = random_gallery(random, 120)
        rebuilt(conn, random, gallery)
        configure(conn, planner=planner, max_work_mem_mb=1, **dict(edges))
        for _ in range(12):
            switches = {name: random.random() < 0.6 for name in SWITCHES.values()}
            configure(conn, **{**switches, "enable_ordered_walk": True})
            wanted, sort = random_filter(random, gallery), random.choice(SORTS)
            expected = keys_of(ordered(gallery.items, wanted, sort))
            check_walk(conn, wanted, sort, 1 + len(expected) // 3, expected)


def test_a_seed_beyond_its_cap_drops_nothing(conn: Connection) -> None:
    random = Random(11)
    gallery = random_gallery(random, 200)
    rebuilt(conn, random, gallery)
    configure(conn, seed_candidate_cap=1, group_having_rarest_ceiling=0, small_k_threshold=0)
    popular, _, _, outer, inner, *_ = gallery.tags
    for strategy in ("two_phase_single", "two_phase_dual", "group_having", "self_join"):
        for sort in SORTS:
            wanted = Filter(tags_all=random.sample([popular, outer, inner], 2))
            expected = keys_of(ordered(gallery.items, wanted, sort))
            assert len(expected) > 5
            check_walk(conn, wanted, sort, 7, expected, strategy=strategy)


def test_an_unknown_tag_among_the_wanted_gives_an_empty_page_by_every_strategy(
    conn: Connection,
) -> None:
    random = Random(12)
    gallery = random_gallery(random, 60)
    rebuilt(conn, random, gallery)
    wanted = Filter(tags_all=[*list(gallery.tags)[:2], random_uuid(random)])
    for strategy in calls.STRATEGIES:
        assert calls.page(conn, wanted, strategy=strategy).keys == []
