"""OOMs limited to some NUMA nodes, told from what the allocation retried: written events."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from streams import BALLOON_OOM, METADATA, MS, Records, analyse, event, records

from tracer.analyze.model import Finding

TWO_NODES = dataclasses.replace(METADATA, numa_nodes=(0, 1))
MIN_WMARK = 500
ROUNDS = 16
"""MAX_RECLAIM_RETRIES, mm/internal.h."""
DMA32, NORMAL = 1, 2
SPARE = 257
"""More free pages than one notification gives: counters of free memory may be off by less."""


def retry(at_ns: int, node: int, available: int, **more: int) -> Records:
    return event(at_ns, "reclaim_retry_zone", node=node, available=available, min_wmark=MIN_WMARK, **more)


def notification(at_ns: int) -> Records:
    return event(at_ns, "oom_notifier_run", cb=BALLOON_OOM)


def constrained(stream: Records) -> list[Finding]:
    return [found for found in analyse(stream, metadata=TWO_NODES).findings if found.kind == "constrained_oom"]


@pytest.mark.parametrize(("grown", "futile"), [(0, 1), (256, 0)])
def test_an_oom_limited_to_one_node_says_whether_the_leak_helped_there(grown: int, futile: int) -> None:
    # GIVEN a task that may use node 1 only, and retries there before and after an OOM notification
    stream = records(retry(1 * MS, 1, 1000), notification(2 * MS), retry(3 * MS, 1, 1000 + grown))
    (found,) = constrained(stream)
    assert found.numbers == {"notifications": 1, "futile": futile}
    # AND a task that may use both, or a machine with one node, gives no such finding
    anywhere = records(retry(0, 0, 1000), stream)
    assert not analyse(anywhere, metadata=TWO_NODES).findings
    assert not analyse(stream).findings


def rounds(spare_pages: int, *, first: bool = True, also: tuple[Records, ...] = (), **more: int) -> Records:
    """Retries up to an OOM of kernels that visit forbidden nodes: node 1, if `first`, has nothing, node 0 `spare_pages`
    above its watermark."""

    def visits() -> Iterator[Records]:
        for number in range(ROUNDS):
            at_ns = (2 * number + 1) * MS
            if first:
                yield retry(at_ns, 1, MIN_WMARK - 80, reclaimable=3, zone_idx=NORMAL)
            yield retry(
                at_ns + 1, 0, **{"available": MIN_WMARK + spare_pages, "zone_idx": NORMAL, "wmark_check": 1, **more}
            )

    return records(*visits(), *also, notification(100 * MS))


def test_a_node_with_free_pages_that_the_allocation_never_takes_is_forbidden() -> None:
    (found,) = constrained(rounds(SPARE))
    assert "limited to NUMA node 1," in found.text
    assert found.quality == "inferred"
    after = (retry(101 * MS, 1, MIN_WMARK - 80, zone_idx=NORMAL), retry(102 * MS, 0, 10_000, zone_idx=NORMAL))
    (followed,) = constrained(records(rounds(SPARE), *after))
    assert followed.numbers == {"notifications": 1, "futile": 1}, "what node 0 has does not matter"


def test_where_only_the_forbidden_node_is_visited_the_other_is_meant_and_nothing_is_said_of_its_memory() -> None:
    (found,) = constrained(records(rounds(SPARE, first=False), retry(101 * MS, 0, 10_000, zone_idx=NORMAL)))
    assert "limited to NUMA node 1," in found.text
    assert "does not show whether" in found.text
    assert found.numbers == {"notifications": 1, "futile": 0}


def test_a_node_that_has_a_few_pages_by_count_is_not_forbidden_when_it_alone_is_visited() -> None:
    # As recorded on 5.10: 9 pages above the watermark at each of sixteen retries of a task bound to that node.
    (found,) = constrained(records(rounds(9, first=False)))
    assert "limited to NUMA node 0," in found.text


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(rounds(1000, reclaimable=1000), id="what is to spare has to be reclaimed first"),
        pytest.param(rounds(SPARE, order=3), id="no block is large enough"),
        pytest.param(rounds(SPARE - 1), id="the allocation itself may count less"),
        pytest.param(rounds(SPARE, wmark_check=0), id="the rest is kept for others"),
        pytest.param(rounds(SPARE, zone_idx=DMA32), id="a lower zone keeps a reserve"),
        pytest.param(rounds(SPARE, also=(retry(10 * MS, 0, 10, zone_idx=NORMAL),)), id="others took it once"),
    ],
)
def test_an_allocation_that_may_use_both_nodes_is_not_taken_for_a_limited_one(stream: Records) -> None:
    assert not constrained(stream)


def test_each_notification_is_judged_by_the_retries_since_the_one_before() -> None:
    # GIVEN an OOM after sixteen retries past free pages, and another after two, which may be chance
    free = {"zone_idx": NORMAL, "wmark_check": 1}
    again = records(
        *(retry(at_ms * MS, 0, 10_000, **free) for at_ms in (110, 111)), retry(112 * MS, 1, 10, zone_idx=NORMAL)
    )
    (found,) = constrained(records(rounds(SPARE), again, notification(120 * MS)))
    assert found.numbers["notifications"] == 1
