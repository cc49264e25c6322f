"""What scans of the LRU lists and shrinkers freed of what they looked at: measured, unknown, futile."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streams import METADATA, MS, SECOND, SUPER_CACHE_SCAN, Records, analyse, event, records, row, slab

from tracer.analyze.model import Analysis, Finding
from tracer.analyze.terms import Scope, Severity, Tier
from tracer.metadata import Metadata, PlanRow, SourceState


def futile(analysis: Analysis) -> list[Finding]:
    return [finding for finding in analysis.findings if finding.kind == "futile_reclaim"]


def scan(at_ns: int, scanned: int, freed: int, tid: int = 100, comm: str = "task") -> Records:
    args = {"nr_scanned": scanned, "nr_reclaimed": freed, "reclaim_flags": 2, "priority": 4}
    return event(at_ns, "lru_shrink_inactive", tid, comm, **args)


def reclaim(begin_ns: int, length_ns: int, *inside: Records, kind: str = "direct_reclaim", freed: int = 0) -> Records:
    end = event(begin_ns + length_ns, f"{kind}_end", nr_reclaimed=freed)
    return records(event(begin_ns, f"{kind}_begin"), *inside, end)


def kswapd(number: int, begin_ns: int, scanned: int, freed: int) -> Records:
    name = f"kswapd{number}"
    wake = event(begin_ns, "kswapd_wake", 60 + number, name, nid=number)
    inside = scan(begin_ns + MS, scanned, freed, 60 + number, name)
    return records(wake, inside, event(begin_ns + 2 * MS, "kswapd_sleep", 60 + number, name, nid=number))


def traced(*kinds: str) -> Metadata:
    return replace(METADATA, plan=tuple(PlanRow(kind, "tracepoint", SourceState.USED) for kind in kinds))


def test_efficiency_is_of_each_tier_scope_and_reclaimer() -> None:
    stream = records(reclaim(0, 9 * MS, scan(MS, 100, 50)), kswapd(0, SECOND, 300, 270), kswapd(1, 2 * SECOND, 100, 10))
    memcg = reclaim(3 * SECOND, 9 * MS, scan(3 * SECOND + MS, 1000, 10), kind="memcg_reclaim")
    analysis = analyse(records(stream, memcg))
    direct, background = row(analysis, Tier.DIRECT), row(analysis, Tier.BACKGROUND)
    assert (direct.nr_scanned, direct.efficiency) == (1100, pytest.approx(60 / 1100))
    assert {scope: part.efficiency for scope, part in direct.scopes.items()} == {Scope.GLOBAL: 0.5, Scope.MEMCG: 0.01}
    assert (background.nr_scanned, background.efficiency) == (400, 0.7)
    assert {each.name: each.efficiency for each in background.reclaimers} == {"kswapd0": 0.9, "kswapd1": 0.1}


@pytest.mark.parametrize("absent", [("nr_scanned",), ()])
def test_efficiency_is_unknown_where_nothing_tells_what_was_scanned(absent: tuple[str, ...]) -> None:
    # GIVEN scans without that field, and reclaim that gave pages of which no scan told
    stream = reclaim(0, 9 * MS, *([scan(MS, 0, 50)] if absent else []), freed=50)
    metadata = replace(METADATA, absent_fields={"lru_shrink_inactive": absent})
    direct = row(analyse(stream, scan(SECOND, 9, 9, 60, "kswapd0"), metadata=metadata), Tier.DIRECT)
    assert (direct.nr_scanned, direct.efficiency) == (None, None)


def test_a_scan_that_the_kernel_calls_empty_looked_at_what_came_of_its_pages() -> None:
    # GIVEN the multi-gen LRU's scans with too few generations left, and one that tells more than its outcomes
    outcomes = {"nr_reclaimed": 5, "nr_activate0": 40, "nr_activate1": 300, "nr_ref_keep": 155}
    silent = [event(at, "lru_shrink_inactive", nr_scanned=0, reclaim_flags=2, **outcomes) for at in (MS, 2 * MS)]
    told = event(3 * MS, "lru_shrink_inactive", nr_scanned=1000, nr_reclaimed=10, nr_ref_keep=900, reclaim_flags=2)
    direct = row(analyse(reclaim(0, SECOND, *silent, told, freed=20), end_ns=9 * SECOND), Tier.DIRECT)
    assert (direct.nr_scanned, direct.efficiency) == (2000, 0.01)
    assert [(each.nr_scanned, each.efficiency) for each in direct.reclaimers] == [(2000, 0.01)]


def test_a_shrinkers_efficiency_is_in_objects() -> None:
    (shrinker,) = analyse(slab(MS, 2 * MS, freed=32)).shrinkers
    assert shrinker.efficiency == 0.25


def test_tasks_that_scanned_for_a_second_in_vain_are_a_warning() -> None:
    (found,) = futile(analyse(reclaim(SECOND, SECOND, scan(SECOND + MS, 500, 5)), end_ns=9 * SECOND))
    assert found.numbers == {"nr_scanned": 500, "nr_reclaimed": 5, "efficiency": 0.01, "busy_s": 1.0}
    assert (found.severity, found.open) == (Severity.WARNING, False)
    expected = "Direct reclaim (global) scanned 500 pages of the LRU lists in 1.0 s and freed 5 of them (1.0%)"
    assert found.text == f"{expected}, down to priority 4."
    assert not futile(analyse(reclaim(SECOND, SECOND - 1, scan(SECOND + MS, 500, 5)), end_ns=9 * SECOND))


def test_one_that_lasts_is_open() -> None:
    (found,) = futile(analyse(reclaim(SECOND, SECOND, scan(SECOND + MS, 500, 5)), end_ns=2500 * MS))
    assert found.open


def test_a_kernel_thread_that_does_worse_than_its_tier_is_named() -> None:
    stream = records(kswapd(0, SECOND, 200_000, 200_000), kswapd(1, 1100 * MS, 10_000, 400))
    (found,) = futile(analyse(stream))
    assert found.text.startswith("kswapd1 in background reclaim scanned 10,000 pages of the LRU lists and freed 400")
    assert found.severity is Severity.INFO


def test_kswapds_naps_are_no_work() -> None:
    wake, sleep = event(SECOND, "kswapd_wake", 60, "kswapd0"), event(9 * SECOND, "kswapd_sleep", 60, "kswapd0")
    assert not futile(analyse(records(wake, scan(2 * SECOND, 500, 0, 60, "kswapd0"), sleep)))


def test_reclaim_that_got_slab_instead_was_not_in_vain() -> None:
    assert futile(analyse(reclaim(SECOND, 9 * MS, scan(SECOND + MS, 20_000, 10), freed=10)))
    assert not futile(analyse(reclaim(SECOND, 9 * MS, scan(SECOND + MS, 20_000, 10), freed=1010)))


@pytest.mark.parametrize(("calls", "freed", "count"), [(100, 0, 1), (99, 0, 0), (100, 1, 0)])
def test_a_shrinker_that_never_frees_is_told(calls: int, freed: int, count: int) -> None:
    calls_of = [slab(at * MS, at * MS + 100, freed=freed * (at == 7)) for at in range(calls)]
    found = futile(analyse(records(*calls_of)))
    assert len(found) == count
    if found:
        assert found[0].text.startswith(
            "Shrinker super_cache_scan was called 100 times and took 0.000 s, scanned 12,800"
        )


def test_a_shrinker_that_had_nothing_to_scan_and_took_no_time_is_not() -> None:
    begin = {"shrink": SUPER_CACHE_SCAN, "total_scan": 0, "cache_items": 10}
    calls = [
        records(
            event(at * MS, "shrink_slab_start", **begin), event(at * MS + 9, "shrink_slab_end", shrink=SUPER_CACHE_SCAN)
        )
        for at in range(500)
    ]
    assert not futile(analyse(records(*calls)))


def test_it_is_judged_where_scans_were_traced() -> None:
    for kinds, is_judged in ((("lru_shrink_inactive",), True), (("kswapd_wake",), False)):
        unjudged = {each.kind for each in analyse(metadata=traced(*kinds), end_ns=SECOND).not_judged}
        assert ("futile_reclaim" not in unjudged) is is_judged
