"""The plan on machines made of files: what is tried, what is absent and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kernel_tree import put
from probe_machine import probe_formats, put_probe_formats

from tracer.metadata import PlanRow, SourceState
from tracer.probes.attach import lost_by_kind
from tracer.probes.plan import Plan, Targets, make_plan
from tracer.schema import MAX_KINDS, TRACEPOINT_KINDS

SYMBOLS = "ffffffff81000000 T _stext\nffffffff81000100 t update_balloon_size_func\n"
NOTIFIER = "ffffffff81000200 t virtio_balloon_oom_notify\n"


def machine(root: Path, kernel: str, symbols: str = SYMBOLS + NOTIFIER, vmstat: str = "balloon_inflate 0\n") -> Plan:
    put_probe_formats(root, kernel)
    put(root, "/proc/kallsyms", symbols)
    put(root, "/proc/vmstat", vmstat)
    return make_plan(root=root)


def row(plan: Plan, what: str, source: str = "", refusals: dict[str, str] | None = None) -> PlanRow:
    rows = [row for row in plan.rows(refusals or {}) if row.what == what and row.source.startswith(source)]
    assert len(rows) == 1
    return rows[0]


def test_a_kernel_with_everything_has_every_tracepoint_tried(tmp_path: Path) -> None:
    plan = machine(tmp_path, "6.18")
    assert [candidate.kind for candidate in plan.to_try] == [
        kind for kind in TRACEPOINT_KINDS if kind.tracepoint in probe_formats("6.18")
    ]
    assert row(plan, "shrink_slab_start").source == "tracepoint:vmscan:mm_shrink_slab_start"


def test_every_kind_of_a_tracepoint_has_exactly_one_row(tmp_path: Path) -> None:
    plan = machine(tmp_path, "6.1")
    tried = [row.what for row in plan.rows({}) if row.source.startswith("tracepoint:")]
    assert tried == [kind.name for kind in TRACEPOINT_KINDS]


def test_a_tracepoint_the_kernel_lacks_is_absent_with_the_reason(tmp_path: Path) -> None:
    # GIVEN 6.1, which has no notifier tracepoints
    plan = machine(tmp_path, "6.1")
    found = row(plan, "oom_notifier_run")
    assert (found.state, found.reason) == (SourceState.ABSENT, "this kernel has no such tracepoint")
    assert "RT_WITH_oom_notifier_run" not in " ".join(plan.flags())


def test_the_filters_let_through_the_balloons_addresses_only(tmp_path: Path) -> None:
    flags = machine(tmp_path, "6.18").flags()
    assert "-DRT_IS_BALLOON_WORK(address)=((address) == 0xffffffff81000100ULL)" in flags
    assert "-DRT_IS_OOM_NOTIFIER(address)=((address) == 0xffffffff81000200ULL)" in flags


def test_a_control_flow_jump_table_entry_counts_as_its_function(tmp_path: Path) -> None:
    plan = machine(tmp_path, "5.10", SYMBOLS + "ffffffff81000900 t update_balloon_size_func.cfi_jt\n")
    assert plan.filters["RT_IS_BALLOON_WORK"] == (0xFFFFFFFF81000100, 0xFFFFFFFF81000900)


def test_without_the_driver_balloon_work_is_absent_and_reclaim_is_tried(tmp_path: Path) -> None:
    plan = machine(tmp_path, "6.18", "ffffffff81000000 T _stext\n")
    for what, words in (("balloon_work_begin", "no update_balloon_size_func"), ("oom_notifier_run", "known callbacks")):
        found = row(plan, what)
        assert found.state is SourceState.ABSENT
        assert words in found.reason
    assert row(plan, "direct_reclaim_begin").state is SourceState.USED


def test_hidden_symbols_are_the_reason_rather_than_a_missing_driver(tmp_path: Path) -> None:
    plan = machine(tmp_path, "6.18", "0000000000000000 T _stext\n0000000000000000 t update_balloon_size_func\n")
    assert "kptr_restrict" in row(plan, "balloon_work_begin").reason
    assert not any(plan.filters.values())


def test_no_tracefs_leaves_nothing_to_try(tmp_path: Path) -> None:
    put(tmp_path, "/proc/kallsyms", SYMBOLS)
    plan = make_plan(root=tmp_path)
    assert plan.to_try == ()
    assert row(plan, "kswapd_wake").reason == "tracefs is not mounted"


def test_a_refusal_is_told_from_an_absence(tmp_path: Path) -> None:
    plan = machine(tmp_path, "6.18")
    found = row(plan, "throttled", refusals={"throttled": "Operation not permitted"})
    assert (found.state, found.reason) == (SourceState.REFUSED, "Operation not permitted")
    assert row(plan, "kswapd_wake", refusals={"throttled": "x"}).state is SourceState.USED


def test_absent_fields_are_listed_for_what_is_tried(tmp_path: Path) -> None:
    plan = machine(tmp_path, "5.10")
    assert "memcg_id" in plan.absent_fields["shrink_slab_start"]
    assert "kswapd_sleep" not in plan.absent_fields


@pytest.mark.parametrize(
    ("vmstat", "state"),
    [("nr_free_pages 1\nballoon_inflate 0\n", SourceState.USED), ("nr_free_pages 1\n", SourceState.ABSENT)],
)
def test_balloon_pages_come_from_samples_where_the_kernel_counts_them(tmp_path: Path, vmstat: str, state) -> None:
    found = row(machine(tmp_path, "6.18", vmstat=vmstat), "balloon_pages", "samples:")
    assert found.state is state
    assert found.reason


def test_kprobes_are_unused_where_the_kernel_has_them_and_absent_where_not(tmp_path: Path) -> None:
    assert row(machine(tmp_path, "6.18"), "balloon_pages", "kprobe:").state is SourceState.ABSENT
    put(tmp_path, "/sys/kernel/tracing/kprobe_events")
    assert row(make_plan(root=tmp_path), "balloon_pages", "kprobe:").state is SourceState.UNUSED


def test_the_filters_can_be_pointed_at_other_functions(tmp_path: Path) -> None:
    put_probe_formats(tmp_path, "6.18")
    put(tmp_path, "/proc/kallsyms", SYMBOLS + "ffffffff81000300 t vmstat_update\n")
    plan = make_plan(Targets(work_functions=("vmstat_update",)), root=tmp_path)
    assert plan.filters["RT_IS_BALLOON_WORK"] == (0xFFFFFFFF81000300,)


def test_loss_is_told_by_kind_name_and_no_kind_is_dropped() -> None:
    counts = np.zeros(MAX_KINDS, np.uint64)
    counts[1], counts[63] = 7, 2
    assert lost_by_kind(counts) == {"shrink_slab_start": 7, "kind 63": 2}
