"""kswapd's work by `mm_vmscan_balance_pgdat_begin` and `_end`: without its naps, with slab's pages. Written streams."""

from __future__ import annotations

import dataclasses

import pytest
from streams import METADATA, MS, SECOND, Records, analyse, event, lru, records, row, slab, work

from tracer.analyze.model import Analysis
from tracer.analyze.terms import Quality, Tier
from tracer.metadata import Metadata, PlanRow, SourceState

KSWAPD = {"tid": 60, "comm": "kswapd0"}
_SEEN = ("kswapd_wake", "kswapd_sleep", "wakeup_kswapd", "lru_shrink_inactive", "direct_reclaim_begin")


def traced(*kinds: str, **more: object) -> Metadata:
    plan = tuple(PlanRow(kind, f"tracepoint:{kind}", SourceState.USED) for kind in (*_SEEN, *kinds))
    return dataclasses.replace(METADATA, plan=plan, **more)  # type: ignore[arg-type]


NEWER, OLDER = traced("balance_pgdat_begin", "balance_pgdat_end"), traced()


def wake(at_ns: int) -> Records:
    return event(at_ns, "kswapd_wake", **KSWAPD)


def sleep(at_ns: int) -> Records:
    return event(at_ns, "kswapd_sleep", **KSWAPD)


def balance(begin_ns: int, end_ns: int, pages: int, reclaimed: int | None = None) -> Records:
    """A run of balance_pgdat that takes so many file pages and says that it got `reclaimed`."""
    return records(
        event(begin_ns, "balance_pgdat_begin", **KSWAPD),
        lru(begin_ns + MS, 60, pages, comm="kswapd0"),
        slab(begin_ns + 2 * MS, begin_ns + 3 * MS, 60, freed=7, comm="kswapd0"),
        event(end_ns, "balance_pgdat_end", **KSWAPD, nr_reclaimed=pages if reclaimed is None else reclaimed),
    )


NAPPING = records(
    *(wake(1 * MS), balance(2 * MS, 12 * MS, 32, 40), wake(112 * MS), balance(113 * MS, 123 * MS, 32), sleep(300 * MS))
)


def test_naps_between_wake_and_sleep_are_no_work() -> None:
    newer, older = (row(analyse(NAPPING, metadata=each), Tier.BACKGROUND) for each in (NEWER, OLDER))
    assert (newer.busy_s, newer.spans, newer.tasks) == (pytest.approx(0.020), 2, 1)
    assert (older.busy_s, older.spans) == (pytest.approx(0.299), 2)
    assert [(each.name, each.busy_s) for each in newer.reclaimers] == [("kswapd0", pytest.approx(0.020))]


def test_what_kswapd_got_beyond_the_lru_is_slabs() -> None:
    newer = row(analyse(NAPPING, metadata=NEWER), Tier.BACKGROUND)
    assert (newer.file_pages, newer.slab_pages, newer.lru_pages) == (64, 8, 0)
    only_slab = analyse(records(wake(0), balance(MS, 9 * MS, 0, 5), sleep(SECOND)), metadata=NEWER)
    assert (row(only_slab, Tier.BACKGROUND).slab_pages, row(only_slab, Tier.BACKGROUND).off_lru_pages) == (5, 0)
    untold = dataclasses.replace(NEWER, absent_fields={"balance_pgdat_end": ("nr_reclaimed",)})
    assert row(analyse(NAPPING, metadata=OLDER), Tier.BACKGROUND).slab_pages == 8, "told all the same"
    assert row(analyse(NAPPING, metadata=untold), Tier.BACKGROUND).slab_pages is None


def test_soft_limit_reclaim_in_kswapd_is_not_counted_twice() -> None:
    stream = records(
        *(wake(0), event(MS, "balance_pgdat_begin", **KSWAPD)),
        event(2 * MS, "memcg_softlimit_reclaim_begin", **KSWAPD),
        lru(3 * MS, 60, 30, comm="kswapd0"),
        event(4 * MS, "memcg_softlimit_reclaim_end", **KSWAPD, nr_reclaimed=30),
        event(5 * MS, "balance_pgdat_end", **KSWAPD, nr_reclaimed=30),
    )
    found = row(analyse(stream, metadata=NEWER), Tier.BACKGROUND)
    assert (found.file_pages, found.slab_pages) == (30, 0)


def test_work_that_was_under_way_is_a_lower_bound_and_its_end_tells_of_no_slab() -> None:
    # GIVEN a run of which only the last pages were seen: its end tells of those before, too
    stream = records(lru(MS, 60, 10, comm="kswapd0"), event(5 * MS, "balance_pgdat_end", **KSWAPD, nr_reclaimed=900))
    found = row(analyse(stream, metadata=NEWER), Tier.BACKGROUND)
    assert (found.file_pages, found.slab_pages, found.quality) == (10, 0, Quality.LOWER_BOUND)
    assert found.busy_s == pytest.approx(0.004)


def test_a_kswapd_that_only_napped_when_the_recording_began_was_not_at_work() -> None:
    for start in (sleep(MS), balance(MS, 9 * MS, 32)):
        analysis = analyse(records(start, wake(SECOND), balance(SECOND + MS, SECOND + 9 * MS, 32)), metadata=NEWER)
        assert row(analysis, Tier.BACKGROUND).quality is Quality.MEASURED
    assert not analyse(sleep(MS), metadata=NEWER).tiers


def conflict(woken_by_balloon: bool) -> dict[str, float]:
    tid = 50 if woken_by_balloon else 99
    stream = records(
        work(0, 200 * MS),
        event(10 * MS, "wakeup_kswapd", tid, "kworker/0:1"),
        *(wake(11 * MS), balance(12 * MS, 32 * MS, 32), sleep(190 * MS)),
    )
    stream = stream[stream["time_ns"].argsort(kind="stable")]
    counting = dataclasses.replace(NEWER, plan=(*NEWER.plan, *traced("tell_host", "balloon_work_begin").plan))
    told = event(199 * MS, "tell_host", 50, "kworker/0:1", num_pfns=256, direction=0)
    (found,) = analyse(*(stream[:-1], told, stream[-1:]), metadata=counting).conflicts
    return found.overlap_s


def test_only_its_work_conflicts_and_is_induced_by_who_woke_it() -> None:
    assert conflict(True) == {"self": 0.0, "induced": pytest.approx(0.020), "foreign": 0.0}
    assert conflict(False) == {"self": 0.0, "induced": 0.0, "foreign": pytest.approx(0.020)}


@pytest.mark.parametrize("cut", range(1, len(NAPPING)))
def test_the_cut_does_not_matter(cut: int) -> None:
    def told(analysis: Analysis) -> tuple[object, ...]:
        found = row(analysis, Tier.BACKGROUND)
        return found.busy_s, found.spans, found.file_pages, found.slab_pages, analysis.episodes

    for first in (0, 2, 3):
        whole = NAPPING[first:]
        assert told(analyse(whole[:cut], whole[cut:], metadata=NEWER)) == told(analyse(whole, metadata=NEWER))
