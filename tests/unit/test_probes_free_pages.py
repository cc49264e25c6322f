"""Pages reported and hinted to the host: by which functions, and what is unknown without the kernel's types."""

from __future__ import annotations

from pathlib import Path

import pytest
from btf_types import INT, Writer
from kernel_tree import put
from probe_machine import put_probe_formats

from tracer.metadata import PlanRow, SourceState
from tracer.probes.free_pages import hint_block_pages
from tracer.probes.plan import Plan, make_plan

VIRTIO = "ffffffffc0000100 t {name}\t[virtio_balloon]\n"
BUDDY = "Node 0, zone      DMA      0      0      0      0      0      0      0      0      1      1      2\n"


def machine(root: Path, *functions: str, typed: bool = True) -> Plan:
    put_probe_formats(root, "6.1")
    put(root, "/proc/kallsyms", "ffffffff81000000 T _stext\n" + "".join(VIRTIO.format(name=f) for f in functions))
    put(root, "/proc/buddyinfo", BUDDY)
    put(root, "/sys/bus/event_source/devices/kprobe/type", "6\n")
    if typed:
        base = Writer()
        base.type("int", INT, 0, 4, 32)
        base.structure("scatterlist", 32, page_link=0, offset=8, length=12)
        module = Writer(len(base.strings))
        module.structure(
            "virtio_balloon", 400, report_free_page_work=48, cmd_id_received_cache=96, num_free_page_blocks=184
        )
        put(root, "/sys/kernel/btf/vmlinux").write_bytes(base.data())
        put(root, "/sys/kernel/btf/virtio_balloon").write_bytes(module.data())
    return make_plan(root=root)


def rows(plan: Plan, what: str) -> list[PlanRow]:
    return [row for row in plan.rows({}) if row.what == what]


@pytest.mark.parametrize("function", ["virtballoon_free_page_report", "hv_free_page_report"])
def test_a_reports_pages_are_the_sum_of_its_list(tmp_path: Path, function: str) -> None:
    plan = machine(tmp_path, function)
    used = [row.source for row in rows(plan, "virtballoon_free_page_report") if row.state is SourceState.USED]
    assert used == [f"kprobe:{function}"]
    assert {"-DRT_AT_scatterlist_length=12", "-DRT_SCATTERLIST_BYTES=32"} <= set(plan.flags())
    assert "virtballoon_free_page_report" not in plan.absent_fields({})


def test_without_the_kernels_types_a_report_is_seen_and_its_pages_are_unknown(tmp_path: Path) -> None:
    plan = machine(tmp_path, "virtballoon_free_page_report", typed=False)
    assert plan.absent_fields({})["virtballoon_free_page_report"] == ("reported_pages",)
    assert not any("scatterlist" in flag for flag in plan.flags())
    assert "-DRT_WITH_virtballoon_free_page_report" in plan.flags()


def test_hinted_pages_are_counted_by_the_drivers_own_count_of_blocks(tmp_path: Path) -> None:
    plan = machine(tmp_path, "report_free_page_func")
    assert [row.source for row in rows(plan, "report_free_page") if row.state is SourceState.USED] == [
        "kretprobe:report_free_page_func"
    ]
    flags = set(plan.flags())
    assert {"-DRT_AT_virtio_balloon_num_free_page_blocks=184", "-DRT_HINT_BLOCK_PAGES=1024"} <= flags
    assert "-DRT_AT_virtio_balloon_report_free_page_work=48" in flags


def test_without_the_drivers_types_no_hint_is_counted_and_that_is_said(tmp_path: Path) -> None:
    found = rows(machine(tmp_path, "report_free_page_func", typed=False), "report_free_page")
    assert {row.state for row in found} == {SourceState.ABSENT}
    assert "no BTF to locate the driver's count of hinted pages" in [row.reason for row in found]


def test_without_a_driver_there_is_nothing_to_see(tmp_path: Path) -> None:
    plan = machine(tmp_path)
    for what in ("virtballoon_free_page_report", "report_free_page"):
        (row,) = rows(plan, what)
        assert row.state is SourceState.ABSENT


def test_a_hints_block_is_the_page_allocators_largest(tmp_path: Path) -> None:
    put(tmp_path, "/proc/buddyinfo", BUDDY)
    assert hint_block_pages(tmp_path) == 1024
    assert hint_block_pages(tmp_path / "nothing") is None
