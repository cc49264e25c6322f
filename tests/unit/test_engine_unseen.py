"""Reclaim that was under way when the recording, the import or the slice began: each definition on a small stream."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import METADATA, MS, SECOND, Records, analyse, event, lru, records, row, slab
from test_engine_streaming import busy_stream, in_pieces

from tracer.analyze.model import Analysis
from tracer.analyze.terms import Cause, Tier
from tracer.metadata import PlanRow, SourceState
from tracer.schema import KIND_BY_NAME

SLAB_ONLY = replace(
    METADATA,
    plan=tuple(PlanRow(kind, "import", SourceState.USED) for kind in ("shrink_slab_start", "shrink_slab_end")),
)


def tiers(analysis: Analysis) -> list[Tier]:
    return [found.tier for found in analysis.tiers]


def kswapd(time_ns: int, kind: str, **args: object) -> Records:
    return event(time_ns, kind, 47, "kswapd0", **args)


def test_kswapd_that_was_awake_before_is_background_until_it_sleeps() -> None:
    # GIVEN a shrinker call and a scan of kswapd, and its sleep, without its wake
    analysis = analyse(
        slab(100 * MS, 200 * MS, 47, comm="kswapd0", priority=12),
        lru(300 * MS, 47, 32, comm="kswapd0"),
        kswapd(500 * MS, "kswapd_sleep"),
    )
    background = row(analysis, Tier.BACKGROUND)
    assert tiers(analysis) == [Tier.BACKGROUND]
    assert (background.spans, background.tasks, background.file_pages) == (1, 1, 32)
    assert background.busy_s == pytest.approx(0.4)
    assert background.slab_objects == {"super_cache_scan": 10}
    assert (analysis.accounting.events, analysis.accounting.ends_without_begin) == (4, 1)


def test_kswapd_that_never_sleeps_is_background_to_the_end() -> None:
    analysis = analyse(lru(SECOND, 47, 32, comm="kswapd0"), event(3 * SECOND, "wakeup_kswapd", 9))
    assert row(analysis, Tier.BACKGROUND).busy_s == pytest.approx(2.0)


def test_a_wake_that_is_seen_is_not_made_up() -> None:
    analysis = analyse(records(kswapd(SECOND, "kswapd_wake"), kswapd(2 * SECOND, "kswapd_sleep")))
    assert row(analysis, Tier.BACKGROUND).busy_s == pytest.approx(1.0)
    assert analysis.accounting.ends_without_begin == 0


@pytest.mark.parametrize("priority", [0, 4, 12])
def test_a_call_in_a_direct_reclaim_that_began_before_is_direct(priority: int) -> None:
    # GIVEN a task that comes to the end of a direct reclaim whose begin was not seen
    analysis = analyse(
        slab(100 * MS, 200 * MS, priority=priority),
        event(300 * MS, "direct_reclaim_end", nr_reclaimed=64),
    )
    direct = row(analysis, Tier.DIRECT)
    assert tiers(analysis) == [Tier.DIRECT]
    assert direct.slab_objects == {"super_cache_scan": 10}
    assert direct.lru_pages == 64


def test_a_call_before_the_tasks_next_reclaim_was_asked_for() -> None:
    analysis = analyse(
        slab(100 * MS, 200 * MS, priority=0),
        event(300 * MS, "direct_reclaim_begin"),
        event(400 * MS, "direct_reclaim_end", nr_reclaimed=64),
    )
    assert row(analysis, Tier.PROACTIVE).slab_objects == {"super_cache_scan": 10}


def test_a_call_above_priority_0_is_no_drop_caches() -> None:
    # drop_slab_node() calls every shrinker at priority 0
    assert tiers(analyse(slab(100 * MS, 200 * MS, priority=12))) == [Tier.DIRECT]


def test_a_last_try_belongs_to_the_tries_before() -> None:
    calls = [slab(at * MS, at * MS + 1, priority=priority) for at, priority in ((1, 2), (2, 1), (3, 0))]
    assert tiers(analyse(*calls)) == [Tier.DIRECT]
    analysis = analyse(*calls, metadata=SLAB_ONLY)
    assert (analysis.tiers, analysis.accounting.untold_calls) == ([], 3)
    assert analysis.accounting.untold_s == pytest.approx(3e-9)


def test_a_source_of_shrinker_calls_alone_tells_no_tier_but_kswapds() -> None:
    analysis = analyse(
        slab(1 * MS, 2 * MS, 47, comm="kswapd0", priority=12),
        slab(3 * MS, 4 * MS, 48, comm="bash", priority=12),
        metadata=SLAB_ONLY,
    )
    assert tiers(analysis) == [Tier.BACKGROUND]
    assert analysis.accounting.untold_calls == 1
    assert analysis.shrinkers[0].calls == 2


def test_without_priorities_only_a_source_that_tells_of_reclaim_tells_who_asked() -> None:
    no_priority = {"absent_fields": {"shrink_slab_start": ("priority",)}}
    assert tiers(analyse(slab(1 * MS, 2 * MS), metadata=replace(SLAB_ONLY, **no_priority))) == []
    assert tiers(analyse(slab(1 * MS, 2 * MS), metadata=replace(METADATA, **no_priority))) == [Tier.PROACTIVE]


def test_ends_without_begins_count_what_their_thread_was_not_seen_to_take() -> None:
    # GIVEN 20 of 193 pages seen to come off the lists before the end
    analysis = analyse(lru(1 * MS, 100, 20), event(2 * MS, "direct_reclaim_end", nr_reclaimed=193))
    direct = row(analysis, Tier.DIRECT)
    assert (direct.file_pages, direct.lru_pages, direct.tasks, direct.spans) == (20, 173, 1, 2)
    assert analysis.episodes
    assert analysis.stalls == []


@pytest.mark.parametrize(
    ("kind", "args", "tier"),
    [
        ("memcg_reclaim_end", {"nr_reclaimed": 5}, Tier.DIRECT),
        ("node_reclaim_end", {"nr_reclaimed": 5}, Tier.DIRECT),
        ("oom_notify_end", {}, Tier.OOM_NOTIFY),
    ],
)
def test_an_end_without_begin_is_its_tiers(kind: str, args: dict[str, object], tier: Tier) -> None:
    found = row(analyse(event(2 * MS, kind, **args)), tier)
    assert (found.spans, found.tasks, found.lru_pages) == (1, 1, args.get("nr_reclaimed", 0))


def test_soft_limit_reclaim_of_kswapd_is_background_and_nobody_waits() -> None:
    analysis = analyse(
        kswapd(1 * MS, "memcg_softlimit_reclaim_begin"),
        kswapd(2 * MS, "memcg_softlimit_reclaim_end", nr_reclaimed=32),
    )
    assert (tiers(analysis), analysis.stalls) == ([Tier.BACKGROUND], [])
    assert row(analysis, Tier.BACKGROUND).lru_pages == 32


@pytest.mark.parametrize(
    ("outer", "comm", "pages"),
    [(("direct_reclaim_begin", "direct_reclaim_end"), "task", 40), (("kswapd_wake", "kswapd_sleep"), "kswapd0", 32)],
)
def test_soft_limit_reclaim_in_another_counts_once(outer: tuple[str, str], comm: str, pages: int) -> None:
    nested = [
        event(2 * MS, "memcg_softlimit_reclaim_begin", 100, comm),
        event(4 * MS, "memcg_softlimit_reclaim_end", 100, comm, nr_reclaimed=32),
    ]
    end = {"nr_reclaimed": 40} if comm == "task" else {}
    begins, ends = event(1 * MS, outer[0], 100, comm), event(5 * MS, outer[1], 100, comm, **end)
    (unsplit,) = analyse(begins, *nested, ends).tiers
    assert unsplit.lru_pages == pages
    (split,) = analyse(begins, nested[0], lru(3 * MS, 100, 32, comm=comm), nested[1], ends).tiers
    assert (split.file_pages, split.lru_pages) == (32, 0)


RUN_PAGES = replace(
    METADATA, plan=tuple(PlanRow(kind, "x", SourceState.USED) for kind in ("balloon_run_pages", "oom_notifier_end"))
)


@pytest.mark.parametrize(
    ("comm", "path", "cause"),
    [
        ("kworker/0:1", "oom_notifier", Cause.HOST),
        ("hog", "oom_notifier", Cause.OOM_NOTIFIER),
        ("hog", "shrinker", Cause.SHRINKER),
        ("kswapd0", "shrinker", Cause.SHRINKER),
    ],
)
def test_pages_of_a_run_that_began_before_are_its_tasks(comm: str, path: str, cause: Cause) -> None:
    metadata = replace(RUN_PAGES, balloon=replace(RUN_PAGES.balloon, reclaim_path=path))
    analysis = analyse(event(5 * MS, "balloon_run_pages", 7, comm, deflated_pages=256), metadata=metadata)
    assert {name: pages for name, pages in analysis.balloon.leaked_pages.items() if pages} == {cause: 256}


def test_an_oom_notification_under_way_at_the_start_gave_its_pages() -> None:
    analysis = analyse(event(5 * MS, "oom_notifier_end", 7, "hog", deflated_pages=256), metadata=RUN_PAGES)
    assert analysis.balloon.leaked_pages[Cause.OOM_NOTIFIER] == 256
    assert row(analysis, Tier.OOM_NOTIFY).balloon_pages == 256


def test_a_kill_is_an_event_of_its_tier() -> None:
    kill = row(analyse(event(1 * MS, "mark_victim", 7, pid=502)), Tier.OOM_KILL)
    assert (kill.spans, kill.tasks, kill.kills) == (1, 1, 1)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 600), max_size=40), first=st.integers(1, 60))
def test_any_cut_of_a_stream_that_begins_inside_gives_the_same_result(seed: int, cuts: list[int], first: int) -> None:
    # GIVEN a stream that lacks its first events and every ninth, whose shrinker calls may be at priority 0
    stream = busy_stream(seed, 600)
    stream["comm"][stream["tid"] == 100] = b"kswapd0"
    calls = np.flatnonzero(stream["kind"] == KIND_BY_NAME["shrink_slab_start"].number)
    typed = stream[calls].view(KIND_BY_NAME["shrink_slab_start"].record_dtype)
    typed["priority"] = np.random.default_rng(seed).choice([0, 0, 12], len(calls))
    stream[calls] = typed.view(stream.dtype)
    stream = stream[first:]
    stream = stream[np.arange(len(stream)) % 9 != seed % 9]
    assert in_pieces(stream, cuts) == in_pieces(stream, [])
