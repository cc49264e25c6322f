"""Tracepoint formats of real kernels, and kernels that lack them."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_tree import kernel_formats, put, put_tracefs

from tracer.kernel.tracefs import (
    find_tracefs,
    missing_fields,
    parse_format,
    tracepoint_format,
    why_absent,
)
from tracer.schema import KIND_BY_NAME

SLAB_START = "vmscan:mm_shrink_slab_start"


def parsed(kernel: str, tracepoint: str):
    return parse_format(tracepoint, kernel_formats(kernel)[tracepoint])


def test_a_field_has_the_kernels_name_type_and_place():
    fmt = parsed("6.18", SLAB_START)
    shrink, nid = fmt.field("shrink"), fmt.field("nid")
    assert (shrink.type, shrink.offset, shrink.size, shrink.signed) == ("void *", 16, 8, False)
    assert (nid.type, nid.offset, nid.size, nid.signed) == ("int", 24, 4, True)
    assert fmt.field("shr").type == "struct shrinker *"
    assert fmt.id == 631


def test_common_fields_are_not_the_tracepoints():
    assert parsed("6.18", SLAB_START).field("common_pid") is None


def test_offsets_are_each_kernels_own():
    offsets = {kernel: parsed(kernel, SLAB_START).field("cache_items").offset for kernel in ("5.10", "6.18", "7.3")}
    assert offsets == {"5.10": 48, "6.18": 48, "7.3": 40}
    assert parsed("5.10", SLAB_START).field("gfp_flags").size == 4
    assert parsed("6.18", SLAB_START).field("gfp_flags").size == 8


def test_a_string_elsewhere_in_the_record_is_told_from_one_in_place():
    comm = parsed("6.18", "oom:mark_victim").field("comm")
    assert comm.data_loc
    in_place = parse_format("x:y", "ID: 1\n\tfield:char comm[16];\toffset:12;\tsize:16;\tsigned:1;\n").field("comm")
    assert not in_place.data_loc
    assert in_place.type == "char[16]"


def test_text_without_an_id_is_no_format():
    with pytest.raises(ValueError, match="x:y"):
        parse_format("x:y", "Device or resource busy")


@pytest.mark.parametrize(
    ("kernel", "kind", "expected"),
    [
        ("5.10", "shrink_slab_start", ("memcg_id",)),
        ("6.18", "shrink_slab_start", ("memcg_id",)),
        ("7.3", "shrink_slab_start", ()),
        ("6.18", "mark_victim", ()),
        ("5.10", "balloon_work_end", ()),
    ],
)
def test_missing_fields_are_those_the_kernel_does_not_print(kernel, kind, expected):
    assert missing_fields(KIND_BY_NAME[kind], parsed(kernel, KIND_BY_NAME[kind].tracepoint)) == expected


def test_a_renamed_field_is_missing_by_our_name_only_where_the_kernels_is_absent():
    lacking = missing_fields(KIND_BY_NAME["mark_victim"], parsed("5.10", "oom:mark_victim"))
    assert "victim_comm" in lacking
    assert "pid" not in lacking


@pytest.mark.parametrize("point", ["/sys/kernel/tracing", "/sys/kernel/debug/tracing", "/mnt/with space"])
def test_tracefs_is_found_wherever_it_is_mounted(tmp_path, point):
    put_tracefs(tmp_path, "6.18", point)
    escaped = point.replace(" ", "\\040")
    put(tmp_path, "/proc/self/mountinfo", f"40 31 0:12 / {escaped} rw shared:3 - tracefs tracefs rw\n")
    assert find_tracefs(tmp_path) == tmp_path / point.lstrip("/")
    assert tracepoint_format(SLAB_START, tmp_path) == parsed("6.18", SLAB_START)
    assert why_absent(SLAB_START, tmp_path) == ""


def test_debugfs_brings_tracefs_along(tmp_path):
    put_tracefs(tmp_path, "6.18", "/sys/kernel/debug/tracing")
    put(tmp_path, "/proc/self/mountinfo", "41 31 0:7 / /sys/kernel/debug rw - debugfs debugfs rw\n")
    assert find_tracefs(tmp_path) == tmp_path / "sys/kernel/debug/tracing"


def test_the_reason_tells_no_tracefs_from_no_tracepoint(tmp_path):
    # GIVEN a directory where tracefs would be, but nothing mounted
    put(tmp_path, "/proc/self/mountinfo", "35 31 0:32 / /sys rw - sysfs sysfs rw\n")
    assert tracepoint_format(SLAB_START, tmp_path) is None
    assert why_absent(SLAB_START, tmp_path) == "tracefs is not mounted"
    # WHEN it is mounted, of a kernel without the tracepoint
    put_tracefs(tmp_path, "6.18")
    assert tracepoint_format("notifier:notifier_run", tmp_path) is None
    assert why_absent("notifier:notifier_run", tmp_path) == "this kernel has no such tracepoint"


def test_the_reason_tells_a_tracefs_that_may_not_be_read(tmp_path, monkeypatch):
    put_tracefs(tmp_path, "6.18")
    refusal = PermissionError(13, "Permission denied")
    real = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda self, **kw: _raise(refusal) if self.name == "format" else real(self, **kw)
    )
    assert why_absent(SLAB_START, tmp_path) == "tracefs is not readable for this user"


def _raise(error):
    raise error
