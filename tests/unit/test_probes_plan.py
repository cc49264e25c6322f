"""The plan on machines made of files: what is tried, what is absent and why."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from kernel_tree import put
from probe_machine import probe_formats, put_probe_formats

from tracer.commands.options import BalloonSource
from tracer.errors import UsageError
from tracer.metadata import PlanRow, SourceState
from tracer.probes.attach import lost_by_kind
from tracer.probes.boot_constants import NO_ADDRESS
from tracer.probes.plan import Plan, Targets, make_plan, targets_for
from tracer.probes.probe import How, PageSource
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
    tried = {probe.target for source in plan.to_try for probe in source.probes if probe.how is How.TRACEPOINT}
    assert tried == {kind.tracepoint for kind in TRACEPOINT_KINDS} & probe_formats("6.18").keys()
    assert row(plan, "shrink_slab_start").source == "tracepoint:vmscan:mm_shrink_slab_start"


def test_every_kind_of_a_tracepoint_has_exactly_one_row(tmp_path: Path) -> None:
    plan = machine(tmp_path, "6.1")
    tried = [row.what for row in plan.rows({}) if row.source.startswith("tracepoint:")]
    assert sorted(tried) == sorted(kind.name for kind in TRACEPOINT_KINDS)


def test_a_tracepoint_the_kernel_lacks_is_absent_with_the_reason(tmp_path: Path) -> None:
    # GIVEN 6.1, which has no notifier tracepoints
    plan = machine(tmp_path, "6.1")
    found = row(plan, "oom_notifier_run")
    assert (found.state, found.reason) == (SourceState.ABSENT, "this kernel has no such tracepoint")
    assert "RT_WITH_oom_notifier_run" not in " ".join(plan.flags())


def test_the_filters_let_through_the_balloons_addresses_only(tmp_path: Path) -> None:
    plan = machine(tmp_path, "6.18")
    for macro, address in (("RT_IS_BALLOON_WORK", 0xFFFFFFFF81000100), ("RT_IS_OOM_NOTIFIER", 0xFFFFFFFF81000200)):
        flag = next(flag for flag in plan.flags() if flag.startswith(f"-D{macro}(address)="))
        values = [plan.boot_values()[int(number)] for number in re.findall(r"RT_BOOT\((\d+)\)", flag)]
        assert values == [address, NO_ADDRESS, NO_ADDRESS, NO_ADDRESS]


def test_skipped_runs_of_programs_that_tell_few_events_are_no_loss(tmp_path: Path) -> None:
    plan = machine(tmp_path, "6.18")
    filtered = {probe.target for source in plan.to_try for probe in source.probes if probe.is_filtered}
    assert {"signal:signal_generate", "workqueue:workqueue_execute_start"} <= filtered
    assert not filtered & {"vmscan:mm_shrink_slab_start", "vmscan:mm_vmscan_direct_reclaim_begin", "oom:mark_victim"}


def test_two_boots_of_a_kernel_have_the_same_flags_and_other_values(tmp_path: Path) -> None:
    one, other = (
        machine(tmp_path / name, "6.18", symbols)
        for name, symbols in (("a", SYMBOLS), ("b", SYMBOLS.replace("810", "930")))
    )
    assert one.flags() == other.flags()
    assert one.boot_values() != other.boot_values()


def test_without_the_driver_the_flags_for_all_programs_are_the_same(tmp_path: Path) -> None:
    bare, whole = machine(tmp_path / "a", "6.18", "ffffffff81000000 T _stext\n"), machine(tmp_path / "b", "6.18")
    assert bare.common_flags() == whole.common_flags()
    assert set(bare.source_flags()) < set(whole.source_flags())


def test_a_control_flow_jump_table_entry_counts_as_its_function(tmp_path: Path) -> None:
    plan = machine(tmp_path, "5.10", SYMBOLS + "ffffffff81000900 t update_balloon_size_func.cfi_jt\n")
    assert plan.filters["RT_IS_BALLOON_WORK"] == (0xFFFFFFFF81000100, 0xFFFFFFFF81000900)


def test_without_the_driver_balloon_work_is_absent_and_reclaim_is_tried(tmp_path: Path) -> None:
    plan = machine(tmp_path, "6.18", "ffffffff81000000 T _stext\n")
    for what, words in (
        ("balloon_work_begin", "none of update_balloon_size_func"),
        ("oom_notifier_run", "none of virtio"),
    ):
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
    refusals = {"tracepoint:vmscan:mm_vmscan_throttled": "Operation not permitted"}
    found = row(plan, "throttled", refusals=refusals)
    assert (found.state, found.reason) == (SourceState.REFUSED, "Operation not permitted")
    assert row(plan, "kswapd_wake", refusals=refusals).state is SourceState.USED


def test_absent_fields_are_listed_for_what_is_tried(tmp_path: Path) -> None:
    plan = machine(tmp_path, "5.10")
    assert "memcg_id" in plan.absent_fields({})["shrink_slab_start"]
    assert "kswapd_sleep" not in plan.absent_fields({})


@pytest.mark.parametrize(
    ("vmstat", "state"),
    [("nr_free_pages 1\nballoon_inflate 0\n", SourceState.USED), ("nr_free_pages 1\n", SourceState.ABSENT)],
)
def test_balloon_pages_come_from_samples_where_the_kernel_counts_them(tmp_path: Path, vmstat: str, state) -> None:
    found = row(machine(tmp_path, "6.18", vmstat=vmstat), "balloon_pages", "samples:")
    assert found.state is state
    assert found.reason


def test_the_filters_can_be_pointed_at_other_functions(tmp_path: Path) -> None:
    put_probe_formats(tmp_path, "6.18")
    put(tmp_path, "/proc/kallsyms", SYMBOLS + "ffffffff81000300 t vmstat_update\n")
    plan = make_plan(Targets(work_functions=("vmstat_update",)), root=tmp_path)
    assert plan.filters["RT_IS_BALLOON_WORK"] == (0xFFFFFFFF81000300,)


FUNCTIONS = """ffffffff81000300 t leak_balloon
ffffffff81000400 T balloon_page_enqueue
ffffffff81000500 T balloon_page_dequeue
"""
KPROBES = "/sys/bus/event_source/devices/kprobe/type"


def probed_machine(root: Path, source: str = "auto", symbols: str = SYMBOLS + NOTIFIER + FUNCTIONS) -> Plan:
    """A kernel with kprobes, without BTF."""
    put_probe_formats(root, "6.18")
    put(root, "/proc/kallsyms", symbols)
    put(root, "/proc/vmstat", "balloon_inflate 0\n")
    put(root, KPROBES, "6\n")
    return make_plan(Targets(page_source=PageSource(source)), root=root)


def used(plan: Plan, refusals: dict[str, str] | None = None) -> dict[str, str]:
    return {row.what: row.source for row in plan.rows(refusals or {}) if row.state is SourceState.USED}


def test_functions_are_probed_where_the_kernel_has_kprobes_and_btf_is_said_to_be_missing(tmp_path: Path) -> None:
    plan = probed_machine(tmp_path)
    assert used(plan)["leak_balloon_begin"] == "kprobe:leak_balloon"
    assert used(plan)["leak_balloon_end"] == "kretprobe:leak_balloon"
    assert "no BTF" in row(plan, "leak_balloon_begin", "fentry:").reason
    assert "inlined" in row(plan, "fill_balloon_begin").reason


def test_without_kprobes_the_tracepoints_alone_count_pages_and_end_notifiers(tmp_path: Path) -> None:
    found = used(machine(tmp_path, "6.18"))
    assert found["balloon_run_pages"] == found["oom_notifier_end"] == "raw_tracepoint:kmem:mm_page_alloc"
    assert found["oom_notifier_run"] == "tracepoint:notifier:notifier_run"
    assert "oom_notify_begin" not in found


def test_a_refused_way_falls_through_to_the_next_and_what_hangs_on_it_follows(tmp_path: Path) -> None:
    # GIVEN a kernel with everything, on which the callback is probed and its chain is not
    plan = probed_machine(tmp_path)
    callback = "kprobe:virtio_balloon_oom_notify"
    assert used(plan)["oom_notify_begin"] == callback
    assert row(plan, "oom_notifier_run").reason == f"{callback} is used"
    assert row(plan, "oom_notifier_end").state is SourceState.UNUSED
    # WHEN the kernel refuses the callback, and probes on the balloon's page functions
    refusals = {callback: "Invalid argument", "kprobe:balloon_page_enqueue": "Invalid argument"}
    found = used(plan, refusals)
    # THEN the chain tells of it, with an end, and pages are counted another way
    assert found["oom_notifier_run"] == "tracepoint:notifier:notifier_run"
    assert found["oom_notifier_end"] == found["balloon_run_pages"] == "raw_tracepoint:kmem:mm_page_alloc"
    refused = row(plan, "oom_notify_begin", refusals=refusals, source="kprobe:")
    assert (refused.state, refused.reason) == (SourceState.REFUSED, "Invalid argument")


def test_pages_of_runs_need_the_runs(tmp_path: Path) -> None:
    plan = machine(tmp_path, "6.18", "ffffffff81000000 T _stext\n")
    assert "balloon_run_pages" not in used(plan)
    assert row(plan, "balloon_run_pages", "raw_tracepoint:").reason == "the balloon's work is not traced"


@pytest.mark.parametrize(
    ("source", "way"),
    [("kprobe", "kprobe:balloon_page_enqueue"), ("pages", "raw_tracepoint:kmem:mm_page_alloc"), ("samples", None)],
)
def test_a_way_of_counting_pages_can_be_forced(tmp_path: Path, source: str, way: str | None) -> None:
    plan = probed_machine(tmp_path, source)
    rows = [row for row in plan.rows({}) if row.what == "balloon_run_pages"]
    assert [row.source for row in rows] == ([way] if way else [])
    assert used(plan).get("balloon_run_pages") == way
    assert ("leak_balloon_end" in used(plan)) == (source != "samples"), "samples alone are told by nothing else"


def test_tracepoints_alone_leave_every_function_alone(tmp_path: Path) -> None:
    found = used(probed_machine(tmp_path, "tracepoints"))
    assert found["balloon_run_pages"] == found["oom_notifier_end"] == "raw_tracepoint:kmem:mm_page_alloc"
    assert not [source for source in found.values() if "probe:" in source or source.startswith(("fentry", "fexit"))]


def test_counters_say_what_they_lack(tmp_path: Path) -> None:
    found = row(probed_machine(tmp_path, "counters"), "balloon_run_pages")
    assert found.state is SourceState.ABSENT
    assert "vm_event_states" in found.reason


def test_no_two_sources_have_one_name(tmp_path: Path) -> None:
    names = [source.name for subject in probed_machine(tmp_path).subjects for source in subject.sources]
    assert len(names) == len(set(names))


def test_a_notifier_of_the_users_own_is_let_through(tmp_path: Path) -> None:
    put_probe_formats(tmp_path, "6.18")
    put(tmp_path, "/proc/kallsyms", SYMBOLS + NOTIFIER + "ffffffff81000900 t my_oom_notify [mine]\n")
    plan = make_plan(Targets(oom_notifiers=("my_oom_notify", "virtio_balloon_oom_notify")), root=tmp_path)
    assert plan.filters["RT_IS_OOM_NOTIFIER"] == (0xFFFFFFFF81000900, 0xFFFFFFFF81000200)
    assert plan.filters["RT_IS_BALLOON_CALLBACK"] == (0xFFFFFFFF81000200,)


def test_a_symbol_that_is_not_there_is_a_mistake_of_the_users() -> None:
    with pytest.raises(UsageError, match="no function 'no_such_notifier'"):
        targets_for("auto", ["no_such_notifier"])


def test_the_command_line_offers_what_the_plan_knows() -> None:
    assert [choice.value for choice in BalloonSource] == [choice.value for choice in PageSource]


def test_loss_is_told_by_kind_name_and_no_kind_is_dropped() -> None:
    counts = np.zeros(MAX_KINDS, np.uint64)
    counts[1], counts[63] = 7, 2
    assert lost_by_kind(counts) == {"shrink_slab_start": 7, "kind 63": 2}


def test_callbacks_whose_addresses_the_kernel_hides_are_there(tmp_path: Path) -> None:
    hidden = "".join(f"{0:016x} t {name}\n" for name in ("_stext", "virtio_balloon_oom_notify"))
    reason = row(machine(tmp_path, "6.18", hidden), "oom_notify_begin").reason
    assert reason.startswith("no address of virtio_balloon_oom_notify: the kernel shows every address as 0")
