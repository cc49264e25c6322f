"""Synthetic streams of a balloon that the guest and the host pull in opposite directions."""

from __future__ import annotations

from streams import BALLOON_SHRINKER, BALLOON_WORK, MS, SECOND, Records, counters, event, records

from tracer.batch import Samples


def shrinker_storm(cycles: int = 3) -> list[Records | Samples]:
    """Leaks of 256 pages to the balloon's shrinker inside direct reclaim, each inflated again a second later while the
    worker itself reclaims; two seconds apart."""
    items: list[Records | Samples] = [counters([(0, 1000, 0)])]
    for number in range(cycles):
        leak_ns = (1 + 2 * number) * SECOND
        inflated, leaked = 1000 + 256 * number, 256 * (number + 1)
        items += [leak(leak_ns), counters([(leak_ns + 10 * MS, inflated, leaked)])]
        items += [inflation(leak_ns + SECOND), counters([(leak_ns + SECOND + 100 * MS, inflated + 256, leaked)])]
    return items


def leak(at_ns: int) -> Records:
    """256 pages to the balloon's shrinker, inside direct reclaim of 3 ms."""
    shrinker = {"shrink": BALLOON_SHRINKER}
    return records(
        event(at_ns, "direct_reclaim_begin"),
        event(at_ns + MS, "shrink_slab_start", **shrinker, total_scan=128, cache_items=1000, priority=12),
        event(at_ns + 2 * MS, "shrink_slab_end", **shrinker, retval=256),
        event(at_ns + 3 * MS, "direct_reclaim_end", nr_reclaimed=256),
    )


def inflation(at_ns: int) -> Records:
    """A run of the worker of 90 ms, which reclaims itself in between."""
    worker = {"tid": 50, "comm": "kworker/0:0"}
    return records(
        event(at_ns, "balloon_work_begin", **worker, function=BALLOON_WORK),
        event(at_ns + 10 * MS, "direct_reclaim_begin", **worker),
        event(at_ns + 20 * MS, "direct_reclaim_end", **worker, nr_reclaimed=10),
        event(at_ns + 90 * MS, "balloon_work_end", **worker),
    )
