"""Types that are kept answer as the whole does, under the same numbers; what is no subset is told from one."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from described_kernels import MODULE, kernel_types, module_types

from tracer.kernel.btf import Btf
from tracer.kernel.btf_subset import btf_subset, prototypes, why_unsound

NAMES = ("task_struct", "BALLOON_INFLATE", "out_of_memory", "leak_balloon", "virtio_balloon", "absent")
OWN = Path("/sys/kernel/btf/vmlinux")


def subsets() -> tuple[Btf, Btf, bytes, bytes]:
    kernel = Btf(kernel_types().data())
    module = Btf(module_types(kernel_types()).data(), kernel)
    shared = [number for number in prototypes(module, NAMES) if number <= len(kernel.starts)]
    small = btf_subset(kernel, NAMES, shared)
    return kernel, module, small, btf_subset(module, NAMES, strings_before=Btf(small).strings_end)


def test_what_is_kept_has_its_numbers_sizes_and_places():
    kernel, _, data, _ = subsets()
    small = Btf(data)
    assert small.function("out_of_memory") == kernel.function("out_of_memory") == (16, 1)
    assert small.enumerator("BALLOON_DEFLATE") == 104
    assert small.member_offset_bytes("task_struct", "comm") == 1752
    assert small.size_bytes("task_struct") == 3264
    assert len(small.starts) == len(kernel.starts)


def test_what_is_not_kept_is_not_there_by_name_either():
    _, _, data, _ = subsets()
    assert (Btf(data).size_bytes("unasked"), Btf(data).function("unasked_function")) == (None, None)
    assert b"unasked" not in data


def test_a_modules_function_keeps_its_number_and_a_prototype_of_the_kernels():
    kernel, module, data, of_module = subsets()
    small = Btf(of_module, Btf(data))
    assert small.function("leak_balloon") == module.function("leak_balloon") == (len(kernel.starts) + 2, 4)
    assert small.member_offset_bytes(MODULE, "num_pages") == 232


def test_a_subset_is_sound():
    _, _, data, of_module = subsets()
    assert (why_unsound(data), why_unsound(of_module, data)) == ("", "")


def test_a_subset_cut_anywhere_is_unsound():
    _, _, data, of_module = subsets()
    assert all(why_unsound(data[:end]) for end in range(len(data)))
    assert all(why_unsound(of_module[:end], data) for end in range(len(of_module)))


def test_a_function_whose_prototype_does_not_exist_is_unsound():
    _, _, data, _ = subsets()
    small = Btf(data)
    number, _ = small.function("out_of_memory") or (0, 0)
    at = 24 + 4 * (small.starts[number - 1] + 2)
    for prototype in (0, len(small.starts) + 1, 0xFFFFFFFF):
        forged = data[:at] + struct.pack("=I", prototype) + data[at + 4 :]
        assert why_unsound(forged) == "a function has no prototype"


@pytest.mark.skipif(not OWN.exists(), reason="this kernel has no BTF")
def test_the_running_kernels_subset_answers_as_the_whole_and_is_small():
    whole = Btf(OWN.read_bytes())
    names = ("task_struct", "scan_control", "memory_cgrp_id", "out_of_memory", "vfs_read")
    small = Btf(btf_subset(whole, names))
    for name in names:
        assert small.function(name) == whole.function(name)
        assert small.enumerator(name) == whole.enumerator(name)
        assert small.size_bytes(name) == whole.size_bytes(name)
    assert small.member_offset_bytes("task_struct", "comm") == whole.member_offset_bytes("task_struct", "comm")
