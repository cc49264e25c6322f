"""Scans of the multi-gen LRU: where a probe can count them, and what it takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from btf_types import INT, Writer
from kernel_tree import put
from probe_machine import put_probe_formats

from tracer.kernel.btf import Btf
from tracer.metadata import PlanRow, SourceState
from tracer.probes.folio_lists import folio_list_flags
from tracer.probes.plan import Plan, make_plan

SYMBOLS = "ffffffff81000000 T _stext\nffffffff81000100 t shrink_folio_list\n"


def types(**statistics: int) -> Writer:
    written = Writer()
    written.type("int", INT, 0, 4, 32)
    written.structure("scan_control", 160, priority=52, nr_scanned=64)
    written.structure("pglist_data", 4096, node_id=1024)
    written.structure("reclaim_stat", 44, **statistics)
    written.enumeration("pageflags", PG_locked=0, PG_swapbacked=17)
    written.function("shrink_folio_list", 5)
    return written


ALL = {
    "nr_dirty": 0,
    "nr_congested": 8,
    "nr_writeback": 12,
    "nr_immediate": 16,
    "nr_activate": 24,
    "nr_ref_keep": 32,
    "nr_unmap_fail": 36,
}


def machine(root: Path, lru_gen: str | None, symbols: str = SYMBOLS, written: Writer | None = None) -> Plan:
    put_probe_formats(root, "6.1")
    put(root, "/proc/kallsyms", symbols)
    put(root, "/sys/bus/event_source/devices/kprobe/type", "6\n")
    if lru_gen is not None:
        put(root, "/sys/kernel/mm/lru_gen/enabled", lru_gen)
    if written is not None:
        put(root, "/sys/kernel/btf/vmlinux").write_bytes(written.data())
    return make_plan(root=root)


def probed(plan: Plan) -> list[PlanRow]:
    rows = (row for row in plan.rows({}) if row.what == "lru_shrink_inactive")
    return [row for row in rows if not row.source.startswith("tracepoint:")]


@pytest.mark.parametrize("lru_gen", [None, "0x0000\n", "0x0006\n"])
def test_where_the_lists_are_the_classic_ones_nothing_more_is_probed(tmp_path: Path, lru_gen: str | None) -> None:
    assert not probed(machine(tmp_path, lru_gen, written=types(**ALL)))


def test_where_the_multi_gen_lru_is_on_its_scans_are_probed_beside_the_tracepoint(tmp_path: Path) -> None:
    plan = machine(tmp_path, "0x0007\n", written=types(**ALL))
    assert [(row.source, row.state) for row in probed(plan)] == [
        ("fexit:shrink_folio_list", SourceState.USED),
        ("kretprobe:shrink_folio_list", SourceState.UNUSED),
    ]
    flags = plan.flags()
    assert {"-DRT_WITH_shrink_folio_list", "-DRT_RETURN_OF_shrink_folio_list=5"} <= set(flags)
    assert {"-DRT_AT_scan_control_nr_scanned=64", "-DRT_AT_scan_control_priority=52"} <= set(flags)
    assert {"-DRT_AT_pglist_data_node_id=1024", "-DRT_PG_swapbacked=17", "-DRT_STAT_nr_activate=6"} <= set(flags)


def test_a_number_that_the_kernel_lacks_is_read_where_there_is_a_zero() -> None:
    written = types(**{name: at for name, at in ALL.items() if name != "nr_congested"})
    flags = folio_list_flags(Btf(written.data()), 6)
    words = next(int(flag.partition("=")[2]) for flag in flags if flag.startswith("-DRT_STAT_WORDS="))
    assert words * 4 == ALL["nr_unmap_fail"] + 8
    assert f"-DRT_STAT_nr_congested={words}" in flags


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    inlined = machine(tmp_path / "inlined", "0x0007\n", "ffffffff81000000 T _stext\n", types(**ALL))
    (row,) = probed(inlined)
    assert (row.state, row.reason) == (SourceState.ABSENT, "this kernel has no function shrink_folio_list (inlined)")
    untyped = machine(tmp_path / "untyped", "0x0007\n")
    assert [row.state for row in probed(untyped)] == [SourceState.ABSENT] * 2
    assert "no BTF" in probed(untyped)[0].reason
    assert "-DRT_WITH_shrink_folio_list" not in untyped.flags()


def test_types_without_what_a_scan_is_read_by_make_no_flags() -> None:
    written = Writer()
    written.type("int", INT, 0, 4, 32)
    written.structure("reclaim_stat", 44, **ALL)
    assert folio_list_flags(Btf(written.data()), 5) == ()
    assert folio_list_flags(None, 5) == ()
