"""Pages by tier, held against what the kernel counts by tier (`pgsteal_*`), and filled in from it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streams import METADATA, MS, SECOND, Records, analyse, counters, event, lru, records, row

from tracer.analyze import Analysis
from tracer.analyze.terms import Quality, Tier
from tracer.batch import Samples
from tracer.schema import SAMPLE_NULL

BASE = {"kswapd": 7000, "direct": 900, "khugepaged": 50, "proactive": 30, "file": 9000, "anon": 400}
"""What was counted since boot."""
BEFORE_BY_CPU = ("vmstat.pgmajfault",)


def steals(*readings: tuple[int, dict[str, int]], without: Sequence[str] = (), by_node: bool = False) -> Samples:
    """Readings of `pgsteal_*`, by ms, as growth since BASE."""
    names = [name for name in BASE if name not in without]
    rows = [[BASE[name] + grown.get(name, 0) for name in names] for _, grown in readings]
    order = [f"vmstat.pgsteal_{name}" for name in names]
    faults = [[0]] * len(rows)
    values = np.concatenate((rows, faults) if by_node else (faults, rows), axis=1).astype(np.int64)
    columns = (*order, *BEFORE_BY_CPU) if by_node else (*BEFORE_BY_CPU, *order)
    return Samples(np.asarray([at_ms * MS for at_ms, _ in readings]), columns, values)


def kswapd(begin_ms: int, end_ms: int, *pages: int, file: bool = True) -> Records:
    """A run of kswapd with an LRU event for each number of pages."""
    step = (end_ms - begin_ms) * MS // (len(pages) + 1)
    told = [
        lru(begin_ms * MS + (at + 1) * step, 30, count, file=file, comm="kswapd0") for at, count in enumerate(pages)
    ]
    begin = event(begin_ms * MS, "kswapd_wake", 30, "kswapd0")
    return records(begin, *told, event(end_ms * MS, "kswapd_sleep", 30, "kswapd0"))


def reclaim(kind: str, begin_ms: int, end_ms: int, *pages: int, tid: int = 100, comm: str = "task") -> Records:
    """Direct, memory cgroup or asked-for reclaim, with an LRU event for each number of pages."""
    told = [lru((begin_ms + at + 1) * MS, tid, count, comm=comm) for at, count in enumerate(pages)]
    begin = event(begin_ms * MS, f"{kind}_begin", tid, comm)
    nr_reclaimed = {} if kind == "proactive_reclaim" else {"nr_reclaimed": sum(pages)}
    return records(begin, *told, event(end_ms * MS, f"{kind}_end", tid, comm, **nr_reclaimed))


def off_lru(analysis: Analysis, tier: Tier) -> tuple[int | None, int | None, int | None, int | None, Quality]:
    """File, anonymous, missed and extra pages of a tier."""
    found = row(analysis, tier)
    return found.file_pages, found.anon_pages, found.missed_pages, found.extra_pages, found.quality


def test_events_that_tell_all_are_measured() -> None:
    found = analyse(
        records(kswapd(300, 400, 32, 32), reclaim("direct_reclaim", 500, 520, 20)),
        steals(
            (0, {}),
            (250, {}),
            (900, {"kswapd": 64, "direct": 20, "file": 84}),
            (2000, {"kswapd": 64, "direct": 20, "file": 84}),
        ),
    )
    assert off_lru(found, Tier.BACKGROUND) == (64, 0, 0, 0, Quality.MEASURED)
    assert off_lru(found, Tier.DIRECT) == (20, 0, 0, 0, Quality.MEASURED)


def test_reclaim_without_events_is_filled_in_by_tier_and_by_list_where_it_was_at_work() -> None:
    # GIVEN kswapd in two episodes and a direct reclaim in the second, none of which tells of a page
    stream = records(
        kswapd(1000, 1100), kswapd(5000, 5100), event(5010 * MS, "direct_reclaim_begin"),
        event(5050 * MS, "direct_reclaim_end", nr_reclaimed=120),
    )  # fmt: skip
    once = {"kswapd": 300, "file": 200, "anon": 100}
    twice = {"kswapd": 900, "direct": 100, "file": 800, "anon": 200}
    found = analyse(stream, steals((0, {}), (500, {}), (1500, once), (4500, once), (5500, twice), (6500, twice)))
    assert off_lru(found, Tier.BACKGROUND) == (714, 186, 900, 0, Quality.INFERRED)
    direct = row(found, Tier.DIRECT)
    assert (direct.file_pages, direct.anon_pages, direct.lru_pages, direct.missed_pages) == (86, 14, 0, 100)
    # THEN each episode has its own, and slab's pages are not what the LRU's events lack
    first, second = ({tier.tier: tier.missed_pages for tier in episode.tiers} for episode in found.episodes)
    assert (first, second) == ({Tier.BACKGROUND: 300}, {Tier.BACKGROUND: 600, Tier.DIRECT: 100})
    assert direct.slab_pages is None
    series = found.timeline.series
    given = sum(series[f"background.{source}_pages"].sum() for source in ("file", "anon"))
    assert given == 900
    assert series["background.file_pages"][: int(1.0 / found.timeline.bucket_s)].sum() == 0


def test_events_that_tell_of_some_are_completed() -> None:
    found = analyse(
        records(kswapd(300, 400, 32, 32)),
        steals(
            (0, {}),
            (250, {}),
            (900, {"kswapd": 100, "file": 90, "anon": 10}),
            (2000, {"kswapd": 100, "file": 90, "anon": 10}),
        ),
    )
    assert off_lru(found, Tier.BACKGROUND) == (90, 10, 36, 0, Quality.INFERRED)


def test_a_tier_of_which_only_counters_tell_has_its_row() -> None:
    found = analyse(steals((0, {}), (500, {"direct": 40, "file": 40}), (1000, {"direct": 40, "file": 40})))
    assert off_lru(found, Tier.DIRECT) == (40, 0, 40, 0, Quality.INFERRED)


def test_events_beyond_the_counters_are_extra_and_stay_in_the_sum() -> None:
    found = analyse(
        records(kswapd(300, 400, 32, 32)),
        steals((0, {}), (250, {}), (900, {"kswapd": 60, "file": 60}), (2000, {"kswapd": 60, "file": 60})),
    )
    assert off_lru(found, Tier.BACKGROUND) == (64, 0, 0, 4, Quality.INFERRED)


@pytest.mark.parametrize("samples", [[], [steals((0, {}))], [steals((0, {}), (900, {}), without=("kswapd",))]])
def test_without_events_of_pages_and_without_counters_the_pages_are_unknown(samples: list[Samples]) -> None:
    found = analyse(records(kswapd(300, 400), reclaim("direct_reclaim", 500, 520)), *samples)
    assert off_lru(found, Tier.BACKGROUND)[:4] == (None, None, None, None)
    assert row(found, Tier.BACKGROUND).lru_pages is None


def test_without_counters_events_are_held_against_nothing() -> None:
    found = analyse(records(kswapd(300, 400, 32)))
    assert off_lru(found, Tier.BACKGROUND) == (32, 0, None, None, Quality.MEASURED)


def test_what_ends_of_direct_reclaim_tell_is_known_without_any_other() -> None:
    stream = records(event(SECOND, "direct_reclaim_begin"), event(2 * SECOND, "direct_reclaim_end", nr_reclaimed=55))
    found = row(analyse(stream), Tier.DIRECT)
    assert (found.file_pages, found.anon_pages, found.lru_pages) == (None, None, 55)


LIMIT = reclaim("memcg_reclaim", 300, 320, 32, 16, tid=200, comm="limited")
GLOBAL = reclaim("direct_reclaim", 500, 520, 20)


@pytest.mark.parametrize(
    ("stream", "grown", "included"),
    [
        (records(LIMIT, GLOBAL), {"direct": 20, "file": 68}, False),
        (records(LIMIT, GLOBAL), {"direct": 68, "file": 68}, True),
        (GLOBAL, {"direct": 20, "file": 20}, None),
    ],
)
def test_whether_counters_include_memory_cgroups_is_seen_from_what_they_do(stream, grown, included) -> None:
    found = analyse(stream, steals((0, {}), (250, {}), (900, grown), (2000, grown)))
    assert found.counters_include_memcg is included
    assert off_lru(found, Tier.DIRECT)[2:] == (0, 0, Quality.MEASURED)


@pytest.mark.parametrize(("grown", "included"), [({"direct": 20}, False), ({"direct": 68}, True)])
def test_without_counters_by_list_the_tiers_tell_whether_memory_cgroups_are_in(grown, included) -> None:
    samples = steals((0, {}), (250, {}), (900, grown), (2000, grown), without=("file", "anon"))
    found = analyse(records(LIMIT, GLOBAL), samples)
    assert found.counters_include_memcg is included
    assert off_lru(found, Tier.DIRECT)[2:] == (0, 0, Quality.MEASURED)


def test_memory_cgroups_pages_without_events_are_what_counters_by_list_have_beyond_those_by_tier() -> None:
    # GIVEN a limit's reclaim and one that was asked for, which tell of pages at their ends only
    stream = records(
        event(300 * MS, "memcg_reclaim_begin", 200), event(340 * MS, "memcg_reclaim_end", 200, nr_reclaimed=300),
        event(400 * MS, "proactive_reclaim_begin", 201), event(401 * MS, "memcg_reclaim_begin", 201),
        event(440 * MS, "memcg_reclaim_end", 201, nr_reclaimed=100), event(441 * MS, "proactive_reclaim_end", 201),
    )  # fmt: skip
    grown = {"file": 396}
    found = analyse(stream, steals((0, {}), (250, {}), (900, grown), (2000, grown)))
    assert found.counters_include_memcg is False
    assert off_lru(found, Tier.DIRECT) == (297, 0, 297, 0, Quality.INFERRED)
    assert off_lru(found, Tier.PROACTIVE) == (99, 0, 99, 0, Quality.INFERRED)


def test_kswapds_soft_limit_reclaim_is_a_memory_cgroups() -> None:
    stream = records(
        event(300 * MS, "kswapd_wake", 30, "kswapd0"), event(301 * MS, "memcg_softlimit_reclaim_begin", 30, "kswapd0"),
        lru(302 * MS, 30, 32, comm="kswapd0"),
        event(303 * MS, "memcg_softlimit_reclaim_end", 30, "kswapd0", nr_reclaimed=32),
        lru(304 * MS, 30, 10, comm="kswapd0"), event(310 * MS, "kswapd_sleep", 30, "kswapd0"),
    )  # fmt: skip
    grown = {"kswapd": 10, "file": 42}
    found = analyse(stream, steals((0, {}), (250, {}), (900, grown), (2000, grown)))
    assert off_lru(found, Tier.BACKGROUND) == (42, 0, 0, 0, Quality.MEASURED)
    assert found.counters_include_memcg is False


@pytest.mark.parametrize("without", [("khugepaged",), ()])
def test_khugepaged_counts_as_direct_reclaim_where_it_has_no_counter_of_its_own(without) -> None:
    stream = reclaim("direct_reclaim", 300, 320, 32, tid=44, comm="khugepaged")
    grown = {"direct": 32, "file": 32} if without else {"khugepaged": 32, "file": 32}
    found = analyse(stream, steals((0, {}), (250, {}), (900, grown), (2000, grown), without=without))
    assert off_lru(found, Tier.DIRECT) == (32, 0, 0, 0, Quality.MEASURED)


def test_a_reading_in_the_middle_of_reclaim_invents_nothing() -> None:
    # GIVEN readings while kswapd runs on and on, made somewhere between their time and the next one's
    stream = kswapd(100, 3900, *[10] * 379)
    grown = [{"kswapd": told, "file": told} for told in (0, 900, 1990, 3070, 3790)]
    samples = steals(*zip((0, 1000, 2000, 3000, 3950), grown, strict=True), (6000, grown[-1]))
    assert off_lru(analyse(stream, samples), Tier.BACKGROUND) == (3790, 0, 0, 0, Quality.MEASURED)
    # THEN what is missing comes to light where it can't be taken for what lies at the edges
    more = [{"kswapd": told, "file": told} for told in (0, 900, 1990, 3070, 4790)]
    samples = steals(*zip((0, 1000, 2000, 3000, 3950), more, strict=True), (6000, more[-1]))
    assert off_lru(analyse(stream, samples), Tier.BACKGROUND)[2:4] == (1000, 0)


def test_pages_filled_in_while_the_balloon_inflates_are_the_conflicts() -> None:
    # GIVEN a worker that reclaims without an event of its pages, and kswapd long after it
    inside = event(1400 * MS, "direct_reclaim_end", 50, "kworker/0:1", nr_reclaimed=90)
    begin = event(1100 * MS, "direct_reclaim_begin", 50, "kworker/0:1")
    stream = records(
        event(SECOND, "balloon_work_begin", 50, "kworker/0:1"), begin, inside,
        event(1500 * MS, "balloon_work_end", 50, "kworker/0:1"), kswapd(4000, 4100),
    )  # fmt: skip
    once, twice = {"direct": 80, "file": 80}, {"direct": 80, "kswapd": 500, "file": 580}
    samples = steals((0, {}), (900, {}), (1700, once), (3000, once), (4500, twice), (5000, twice))
    balloon = counters([(900 * MS, 0, 0), (1700 * MS, 256, 0)])
    (conflict,) = analyse(stream, samples, balloon).conflicts
    assert conflict.reclaimed_pages == 80


def test_a_recording_that_ends_in_the_middle_of_reclaim_without_events_is_filled_in_all_the_same() -> None:
    stream = records(event(0, "kswapd_wake", 30, "kswapd0"), event(4 * SECOND, "wakeup_kswapd"))
    samples = steals(*((at * 250, {"kswapd": at * 100, "anon": at * 100}) for at in range(16)))
    assert off_lru(analyse(stream, samples), Tier.BACKGROUND) == (0, 1500, 1500, 0, Quality.INFERRED)


def test_counters_that_begin_anew_and_readings_that_failed_are_no_pages() -> None:
    samples = steals(
        (0, {}), (250, {}), (900, {"kswapd": 64, "file": 64}), (1500, {"kswapd": 64, "file": 64}), (2000, {})
    )
    samples.values[-1] = 0
    again = steals((2500, {"kswapd": -6900, "file": -8900}), (3000, {"kswapd": -6900, "file": -8900}))
    failed = steals((1200, {"kswapd": 64, "file": 64}))
    failed.values[0, 1] = SAMPLE_NULL
    found = analyse(records(kswapd(300, 400, 32, 32), kswapd(2200, 2300, 100)), samples, again)
    assert off_lru(found, Tier.BACKGROUND) == (164, 0, 0, 0, Quality.MEASURED)
    found = analyse(
        records(kswapd(300, 400, 32, 32)),
        steals((0, {}), (250, {})),
        failed,
        steals((2000, {"kswapd": 64, "file": 64})),
    )
    assert off_lru(found, Tier.BACKGROUND) == (64, 0, 0, 0, Quality.MEASURED)


def test_counters_by_node_may_lag_by_what_each_cpu_keeps_back() -> None:
    grown = [{"kswapd": told, "file": told} for told in (0, 0, 60, 60, 200, 200, 280, 280)]
    stream = records(kswapd(300, 400, 100), kswapd(1300, 1400, 100), kswapd(2300, 2400, 100))
    readings = list(zip((0, 200, 1000, 1200, 2000, 2200, 3000, 4000), grown, strict=True))
    found = analyse(stream, steals(*readings, by_node=True), metadata=replace(METADATA, cpus=2))
    assert off_lru(found, Tier.BACKGROUND) == (300, 0, 0, 0, Quality.MEASURED)
    found = analyse(stream, steals(*readings), metadata=replace(METADATA, cpus=2))
    assert off_lru(found, Tier.BACKGROUND)[2:4] == (40, 60)


def test_reclaim_that_began_unseen_may_be_a_memory_cgroups_or_not() -> None:
    stream = records(lru(300 * MS, 100, 32), event(310 * MS, "direct_reclaim_end", nr_reclaimed=32))
    for grown in ({"direct": 32, "file": 32}, {"file": 32}):
        found = analyse(stream, steals((0, {}), (250, {}), (900, grown), (2000, grown)))
        assert off_lru(found, Tier.DIRECT)[2:4] == (0, 0)


@pytest.mark.parametrize("last", [600, 1000])
def test_lists_that_are_added_up_after_the_tiers_are_no_memory_cgroups_pages(last) -> None:
    # GIVEN readings in the middle of reclaim whose sums by list are ahead of those by tier, the last one, too, or not
    ahead = [0, 150, 0, 150, 0, 150]
    grown = [{"direct": at * 200, "file": at * 200 + more} for at, more in enumerate(ahead)]
    stream = records(event(SECOND // 10, "direct_reclaim_begin"), event(2 * SECOND, "wakeup_kswapd"))
    found = analyse(stream, steals(*((at * 250, grown[at]) for at in range(last // 200 + 1))))
    assert off_lru(found, Tier.DIRECT) == (last, 0, last, 0, Quality.INFERRED)
    assert found.counters_include_memcg is None


def breathing(seed: int) -> tuple[Records, Samples]:
    """kswapd, direct and memory cgroup reclaim, of which some events are lost, and counters that have all."""
    dice = random.Random(seed)
    told, grown, readings = [], dict.fromkeys(BASE, 0), [(0, dict.fromkeys(BASE, 0))]
    at_ms = 100
    for _ in range(60):
        kind = dice.choice(["kswapd", "direct_reclaim", "memcg_reclaim"])
        pages = [dice.randrange(33) for _ in range(dice.randrange(5))]
        made = kswapd(at_ms, at_ms + 20, *pages) if kind == "kswapd" else reclaim(kind, at_ms, at_ms + 20, *pages)
        is_lru = made["kind"] == lru(0, 1, 1)["kind"][0]
        told.append(made[~(is_lru & (np.asarray([dice.random() for _ in made]) < 0.2))])
        counter = {"kswapd": "kswapd", "direct_reclaim": "direct"}.get(kind)
        if counter:
            grown[counter] += sum(pages)
        grown["file"] += sum(pages)
        at_ms += dice.choice([21, 30, 200, 1500])
        if dice.random() < 0.5:
            readings.append((at_ms - dice.choice([0, 5]), dict(grown)))
            at_ms += 1
    readings.append((at_ms + 100, dict(grown)))
    return records(*told), steals(*readings)


def results(analysis: Analysis) -> tuple[object, ...]:
    series = {name: values.tolist() for name, values in analysis.timeline.series.items()}
    return analysis.tiers, analysis.episodes, analysis.counters_include_memcg, series


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    cuts=st.lists(st.integers(0, 400), max_size=30),
    rows=st.lists(st.integers(0, 40), max_size=5),
)
def test_any_cut_of_events_and_readings_gives_the_same_result(seed: int, cuts: list[int], rows: list[int]) -> None:
    stream, samples = breathing(seed)
    whole = results(analyse(stream, samples))
    pieces = np.split(stream, sorted(cut for cut in cuts if cut < len(stream)))
    edges = sorted({0, *rows, len(samples)})
    parts = [
        Samples(samples.time_ns[low:high], samples.names, samples.values[low:high])
        for low, high in pairwise(edges)
        if low < len(samples)
    ]
    mixed = [item for pair in zip(pieces, [*parts, *[None] * len(pieces)], strict=False) for item in pair]
    rest = parts[len(pieces) :]
    assert results(analyse(*(item for item in mixed if item is not None), *rest)) == whole


@pytest.mark.parametrize("seed", range(20))
def test_what_is_filled_in_never_exceeds_what_was_counted(seed: int) -> None:
    stream, samples = breathing(seed)
    found = analyse(stream, samples)
    counted = dict(zip(samples.names, (samples.values[-1] - samples.values[0]).tolist(), strict=True))
    rows = {tier.tier: tier for tier in found.tiers}
    assert rows[Tier.BACKGROUND].file_pages <= counted["vmstat.pgsteal_kswapd"]
    assert sum(tier.file_pages + tier.lru_pages for tier in found.tiers) <= counted["vmstat.pgsteal_file"]
    assert all(tier.extra_pages in (0, None) for tier in found.tiers)
