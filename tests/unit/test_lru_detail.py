"""Scans of the LRU lists that were added up by span: the analysis gives the same numbers, and results say so."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from kernel_tree import put
from probe_machine import put_probe_formats
from streams import BALLOON_SHRINKER, METADATA, MS, Records, analyse, event, records

from tracer.analyze import summary_dict
from tracer.metadata import SourceState
from tracer.probes.lru import LruDetail
from tracer.probes.plan import Plan, Targets, make_plan
from tracer.recording_facts import RecordingFacts
from tracer.schema import EVENT_DTYPE, KIND_BY_NAME
from tracer.wording.recorder import recorder_remarks

LRU = KIND_BY_NAME["lru_shrink_inactive"]
KEYS = ("reclaim_flags", "nid", "priority")
SPANS = (("direct_reclaim_begin", "direct_reclaim_end"), ("kswapd_wake", "kswapd_sleep"))


def scanned_span(dice: random.Random, tid: int, start_ms: int) -> list[Records]:
    """Synthetic: one reclaim span with scans on two nodes, of both lists, at falling priority, and a shrinker call."""
    begin, end = SPANS[tid % 2]
    scans = [
        event(
            (start_ms + 1 + at) * MS,
            "lru_shrink_inactive",
            tid,
            nr_scanned=32,
            nr_reclaimed=dice.randrange(33),
            reclaim_flags=dice.choice([1, 2]),
            nid=dice.choice([0, 1]),
            priority=12 - at // 4,
            nr_calls=1,
        )
        for at in range(dice.randrange(1, 30))
    ]
    middle = (start_ms + 30) * MS
    slab = (
        event(middle, "shrink_slab_start", tid, shrink=BALLOON_SHRINKER, total_scan=128, priority=5),
        event(middle + MS, "shrink_slab_end", tid, shrink=BALLOON_SHRINKER, retval=3),
    )
    reclaimed = sum(int(scan.view(LRU.record_dtype)["nr_reclaimed"][0]) for scan in scans)
    ended = {"nr_reclaimed": reclaimed + 5} if end == "direct_reclaim_end" else {}
    return [event(start_ms * MS, begin, tid), *scans, *slab, event((start_ms + 40) * MS, end, tid, **ended)]


def added_up(stream: list[Records]) -> list[Records]:
    """As bpf/lru.bpf.c does it, for one span: lists apart, told when the key changes or something else happens."""
    held: dict[bool, Records] = {}
    told: list[Records] = []

    def tell(is_file: bool, at_ns: int) -> None:
        if is_file in held:
            record = held.pop(is_file)
            record["time_ns"] = at_ns - 1
            told.append(record.view(EVENT_DTYPE))

    for each in stream:
        at_ns = int(each["time_ns"][0])
        if each["kind"] != LRU.number:
            tell(False, at_ns)
            tell(True, at_ns)
            told.append(each)
            continue
        scan = each.copy().view(LRU.record_dtype)
        is_file = bool(scan["reclaim_flags"][0] & 2)
        have = held.get(is_file)
        if have is not None and all(have[key] == scan[key] for key in KEYS):
            for name in ("nr_scanned", "nr_reclaimed", "nr_calls"):
                have[name] += scan[name]
        else:
            tell(is_file, at_ns)
            held[is_file] = scan
    return told


def numbers(stream: list[Records]) -> list[dict[str, Any]]:
    tiers: list[dict[str, Any]] = summary_dict(analyse(records(*stream)), RecordingFacts("x", METADATA))["tiers"]
    return tiers


def test_the_analysis_gives_the_same_numbers_either_way() -> None:
    dice = random.Random(5)
    spans = [scanned_span(dice, tid, start_ms) for tid in (100, 101) for start_ms in (0, 50, 100)]
    single = sorted((each for span in spans for each in span), key=lambda each: int(each["time_ns"][0]))
    summed = sorted((each for span in spans for each in added_up(span)), key=lambda each: int(each["time_ns"][0]))
    assert len(summed) < len(single)
    assert sum(int(each.view(LRU.record_dtype)["nr_calls"][0]) for each in summed if each["kind"] == LRU.number) > 60
    assert numbers(single) == numbers(summed)
    assert any(tier["min_priority"] < 12 and tier["sources"]["anon"]["pages"] for tier in numbers(single))
    by_node = [[tier.node_pages for tier in analyse(records(*stream)).tiers] for stream in (single, summed)]
    assert by_node[0] == by_node[1]
    assert {0, 1} in [set(nodes) for nodes in by_node[0]]


def machine(root: Path, detail: LruDetail) -> Plan:
    put_probe_formats(root, "6.18")
    put(root, "/proc/kallsyms", "ffffffff81000000 T _stext\n")
    return make_plan(Targets(lru_detail=detail), root=root)


def test_the_plan_says_which_way_is_taken(tmp_path: Path) -> None:
    for detail, flagged in ((LruDetail.EACH, False), (LruDetail.SPAN, True)):
        plan = machine(tmp_path, detail)
        (row,) = (row for row in plan.rows({}) if row.what == "lru_shrink_inactive")
        assert row.state is SourceState.USED
        assert ("scans summed" in row.reason) is flagged
        assert ("-DRT_LRU_PER_SPAN" in plan.flags()) is flagged
        assert "lru_shrink_inactive" not in plan.absent_fields({}), "no kernel has to have what we count ourselves"


def test_results_say_that_scans_were_added_up() -> None:
    assert list(recorder_remarks(RecordingFacts("x", METADATA))) == []
    remarks = recorder_remarks(RecordingFacts("x", replace(METADATA, lru_detail="span")))
    assert "--lru-detail span" in " ".join(remarks)
