"""The flags that fit the programs to a kernel's tracepoint formats."""

from __future__ import annotations

import pytest
from probe_machine import KERNELS, probe_formats

from tracer.kernel.tracefs import parse_format
from tracer.probes import sources
from tracer.schema import KIND_BY_NAME


def macros(kernel: str, kind_name: str) -> dict[str, str]:
    kind = KIND_BY_NAME[kind_name]
    fmt = parse_format(kind.tracepoint, probe_formats(kernel)[kind.tracepoint])
    pairs = (flag.removeprefix("-D").partition("=") for flag in sources.field_flags(kind, fmt))
    return {name: value for name, _, value in pairs}


def test_each_field_is_read_where_and_as_that_kernel_keeps_it() -> None:
    found = macros("6.18", "shrink_slab_start")
    assert found["RT_WITH_shrink_slab_start"] == ""
    assert found["RT_AT_shrink_slab_start_shrink"] == "(*(__u64 *)((char *)ctx + 16))"
    assert found["RT_AT_shrink_slab_start_nid"] == "(*(__s32 *)((char *)ctx + 24))"
    assert found["RT_AT_shrink_slab_start_nr_objects_to_shrink"] == "(*(__s64 *)((char *)ctx + 32))"


def test_a_field_the_kernel_lacks_is_zero_and_has_no_mark() -> None:
    old, new = macros("6.18", "shrink_slab_start"), macros("7.3", "shrink_slab_start")
    assert old["RT_AT_shrink_slab_start_memcg_id"] == "0"
    assert "RT_HAS_shrink_slab_start_memcg_id" not in old
    assert new["RT_AT_shrink_slab_start_memcg_id"] != "0"
    assert "RT_HAS_shrink_slab_start_memcg_id" in new


def test_every_field_of_every_kernel_is_one_flag() -> None:
    for kernel in KERNELS:
        formats = probe_formats(kernel)
        for kind in KIND_BY_NAME.values():
            if kind.tracepoint in formats:
                found = macros(kernel, kind.name)
                assert all(f"RT_AT_{kind.name}_{name}" in found for name, _ in kind.fields), (kernel, kind.name)


def test_a_string_kept_elsewhere_in_the_record_is_followed() -> None:
    found = macros("6.18", "mark_victim")
    assert found["RT_AT_mark_victim_victim_comm"] == "((char *)ctx + (*(__u32 *)((char *)ctx + 12) & 0xffff))"
    assert "RT_HAS_mark_victim_victim_comm" not in macros("5.10", "mark_victim")


@pytest.mark.parametrize(
    ("release", "code"),
    [
        ("6.1.0-18-amd64", 0x060100),
        ("5.10.223", 0x050ADF),
        ("4.19.325-rt1", 0x0413FF),
        ("7.3-rc2", 0x070300),
        ("6.18.44-fc-v769", 0x06122C),
    ],
)
def test_the_version_code_is_the_release_with_its_sublevel_capped(release: str, code: int) -> None:
    assert sources.version_code(release) == code


def test_the_text_names_its_files_and_has_the_ring_first() -> None:
    lines = sources.program_text(sources.bpf_dir()).splitlines()
    markers = [line for line in lines if line.startswith("#line")]
    assert markers == [f'#line 1 "bpf/{name}"' for name in sources.PROGRAM_FILES]
    assert markers[0] == lines[0] == '#line 1 "bpf/ring.bpf.c"'


def test_every_program_file_is_compiled() -> None:
    assert {path.name for path in sources.bpf_dir().glob("*.bpf.c")} == set(sources.PROGRAM_FILES)
