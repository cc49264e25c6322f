"""How programs learn the task's cgroup, on machines of either version that let them follow pointers or not."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from kernel_tree import put

from tracer.kernel.btf import Btf
from tracer.kernel.cgroup_paths import Hierarchy
from tracer.probes import cgroup_ids, syscalls
from tracer.probes.cgroup_ids import CgroupIds, choose_cgroup_ids

V1 = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
V2 = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


class Types:
    """Members at places that tell them apart."""

    PLACES: ClassVar[dict[str, int]] = {"cgroups": 2376, "subsys": 0, "dfl_cgrp": 112, "cgroup": 8, "kn": 256, "id": 96}

    def enumerator(self, name: str) -> int:
        assert name == "memory_cgrp_id"
        return 4

    def member_offset_bytes(self, structure: str, member: str) -> int | None:
        return self.PLACES.get(member)


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """A kernel that has types and the helper, and lets programs walk: which walks were tried."""
    tried: list[tuple[int, ...]] = []
    monkeypatch.setattr(Btf, "read", lambda module, root: Types())
    monkeypatch.setattr(syscalls, "accepts_task_walk", lambda offsets: tried.append(offsets) or True)
    monkeypatch.setattr(syscalls, "why_no_cgroup_id", lambda: "")
    return tried


def machine(root: Path, mounts: str, own: str) -> Path:
    put(root, "/proc/self/mountinfo", mounts)
    put(root, "/proc/self/cgroup", own)
    put(root, "/sys/fs/cgroup/cgroup.controllers", "memory\n")
    return root


def v1(root: Path) -> Path:
    return machine(root, V1, "4:memory:/x\n0::/\n")


def v2(root: Path) -> Path:
    return machine(root, V2, "0::/x\n")


def test_with_v1_it_is_the_memory_controllers_cgroup(tmp_path, walks):
    found = choose_cgroup_ids(v1(tmp_path))
    assert (found.hierarchy, found.reason) == (Hierarchy.MEMORY, "")
    assert found.flags[1] == "-DRT_CGROUP_AT_SUBSYS=32"
    assert walks == [(2376, 32, 8, 256, 96)]


def test_with_v2_it_is_the_unified_one(tmp_path, walks):
    found = choose_cgroup_ids(v2(tmp_path))
    assert (found.hierarchy, found.flags[1]) == (Hierarchy.UNIFIED, "-DRT_CGROUP_AT_DFL_CGRP=112")
    assert walks == [(2376, 112, 256, 96)]


@pytest.mark.parametrize(("make", "reason"), [(v1, cgroup_ids._NOT_FOLLOWED), (v2, "")])
@pytest.mark.parametrize("without", ["types", "members", "walks"])
def test_where_pointers_are_not_to_be_followed_the_helper_tells_the_unified_one(
    tmp_path, walks, monkeypatch, make, reason, without
):
    if without == "types":
        monkeypatch.setattr(Btf, "read", lambda module, root: None)
    elif without == "members":
        monkeypatch.setattr(Types, "PLACES", {"cgroups": 2376})
    else:
        monkeypatch.setattr(syscalls, "accepts_task_walk", lambda offsets: False)
    assert choose_cgroup_ids(make(tmp_path)) == CgroupIds(Hierarchy.UNIFIED, ("-DRT_CGROUP_BY_HELPER",), reason)


def test_where_there_is_no_helper_either_it_says_why(tmp_path, walks, monkeypatch):
    monkeypatch.setattr(Btf, "read", lambda module, root: None)
    monkeypatch.setattr(syscalls, "why_no_cgroup_id", lambda: "no such helper")
    assert choose_cgroup_ids(v2(tmp_path)) == CgroupIds(None, (), "no such helper")
