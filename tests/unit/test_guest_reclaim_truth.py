"""What the guest lab asks of pages by tier: the counters' own numbers, to the page where they were measured."""

from __future__ import annotations

from typing import Any

import pytest
from guest.reclaim_truth import Reading, ReclaimTruth

START_NS = 100


def tier(
    file: int | None = 0,
    anon: int | None = 0,
    lru: int | None = 0,
    quality: str = "measured",
    **scopes: dict[str, Any],
) -> dict[str, Any]:
    sources = {"file": {"pages": file}, "anon": {"pages": anon}, "lru": {"pages": lru}}
    return {"sources": sources, "quality": quality, "scopes": scopes}


def truth(*, counts_memcg: bool = False, **grown: int) -> ReclaimTruth:
    """Nothing was reclaimed but within the recording."""
    after = Reading.of(200, 210, {f"pgsteal_{name}": pages for name, pages in grown.items()})
    return ReclaimTruth(counts_memcg, [Reading(80, 90, {}), Reading(110, 120, {})], after, after)


def wrong(found: ReclaimTruth, **tiers: dict[str, Any]) -> set[str]:
    return {name for name, held in found.held(tiers, START_NS).items() if not held.is_true}


def test_pages_that_are_the_counters_own_hold() -> None:
    found = truth(kswapd=1000, direct=70, khugepaged=30, file=1020, anon=80)
    assert wrong(found, background=tier(980, 20), direct=tier(40, 60)) == set()


def test_a_measured_page_too_few_or_in_the_wrong_tier_does_not() -> None:
    found = truth(kswapd=1000, direct=100, file=1100)
    assert wrong(found, background=tier(999), direct=tier(100)) == {"kswapd", "file"}
    assert wrong(found, background=tier(1100)) == {"kswapd", "direct"}
    assert wrong(found, background=tier(900, 100), direct=tier(100)) == {"file", "anon"}


@pytest.mark.parametrize(("told", "is_wrong"), [(990, False), (1010, False), (989, True), (1011, True)])
def test_inferred_pages_may_be_off_by_a_hundredth(told: int, *, is_wrong: bool) -> None:
    found = truth(kswapd=1000, file=1000)
    assert bool(wrong(found, background=tier(told, quality="inferred"))) == is_wrong


def test_unknown_is_not_true_where_the_counters_know() -> None:
    assert wrong(truth(kswapd=5, file=5), background=tier(None)) == {"kswapd", "file"}


def test_a_tier_that_is_missing_has_no_pages() -> None:
    assert wrong(truth()) == set()
    assert wrong(truth(kswapd=5, file=5)) == {"kswapd", "file"}


def test_reclaim_in_memory_cgroups_is_in_the_tier_s_counter_only_where_that_is_a_node_s() -> None:
    rows = {"direct": tier(150, memcg=tier(100))}
    assert wrong(truth(direct=50, file=150), **rows) == set()
    assert wrong(truth(direct=150, file=150, counts_memcg=True), **rows) == set()
    assert wrong(truth(direct=150, file=150), **rows) == {"direct"}
    assert wrong(truth(direct=50, file=150, counts_memcg=True), **rows) == {"direct"}


def test_what_lists_have_beyond_tiers_is_memory_cgroups() -> None:
    found = truth(kswapd=20, direct=50, file=150, anon=10)
    assert found.memcg_pages(START_NS) == (90, 90)
    assert truth(direct=50, file=50, counts_memcg=True).memcg_pages(START_NS) is None


def test_what_was_reclaimed_around_the_recording_widens_what_may_be_told() -> None:
    kswapd = [(0, 5, 10), (80, 90, 90), (95, 105, 95), (110, 120, 100), (130, 140, 150)]
    readings = [Reading(begin, end, {"pgsteal_kswapd": pages, "pgsteal_file": pages}) for begin, end, pages in kswapd]
    driven, ended = ({"pgsteal_kswapd": pages, "pgsteal_file": pages} for pages in (200, 205))
    found = ReclaimTruth(beginning=readings, driven=Reading(150, 151, driven), ended=Reading(160, 161, ended))
    assert found.bounds(START_NS, "pgsteal_kswapd") == (100, 115)
    assert wrong(found, background=tier(107)) == set()
    assert wrong(found, background=tier(99)) == wrong(found, background=tier(116)) == {"kswapd", "file"}
