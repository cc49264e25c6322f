"""Paths of cgroups by number; a directory tree stands for the cgroup file system, which alone has file handles."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from kernel_tree import put

from tracer.kernel.cgroup_paths import CgroupPaths, Hierarchy

MEMORY = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
UNIFIED = "36 31 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two hierarchies, and a kernel that gives no file handles."""

    def refused(self: CgroupPaths, cgroup_id: int) -> str:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(CgroupPaths, "_by_handle", refused)
    put(tmp_path, "/proc/self/mountinfo", MEMORY + UNIFIED)
    put(tmp_path, "/sys/fs/cgroup/memory/a.slice/b.service/cgroup.procs")
    put(tmp_path, "/sys/fs/cgroup/unified/c.scope/cgroup.procs")
    return tmp_path


def number(machine: Path, path: str) -> int:
    return (machine / "sys/fs/cgroup" / path).stat().st_ino


def test_each_hierarchy_knows_its_own(machine):
    with CgroupPaths(Hierarchy.MEMORY, machine) as memory, CgroupPaths(Hierarchy.UNIFIED, machine) as unified:
        assert memory.path(number(machine, "memory")) == "/"
        assert memory.path(number(machine, "memory/a.slice/b.service")) == "/a.slice/b.service"
        assert not memory.path(number(machine, "unified/c.scope"))
        assert unified.path(number(machine, "unified/c.scope")) == "/c.scope"


def test_in_a_container_paths_have_what_lies_above_it(machine):
    put(machine, "/proc/self/mountinfo", MEMORY.replace(" / /sys", " /docker/1234 /sys"))
    with CgroupPaths(Hierarchy.MEMORY, machine) as paths:
        assert paths.path(number(machine, "memory")) == "/docker/1234"
        assert paths.path(number(machine, "memory/a.slice")) == "/docker/1234/a.slice"


def test_a_new_cgroup_is_walked_to_not_more_often_than_every_few_seconds(machine, monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr("tracer.kernel.cgroup_paths.time.monotonic", lambda: now_s[0])
    with CgroupPaths(Hierarchy.MEMORY, machine) as paths:
        assert paths.path(1 << 40) == ""
        put(machine, "/sys/fs/cgroup/memory/late/cgroup.procs")
        assert paths.path(number(machine, "memory/late")) == ""
        now_s[0] += 6.0
        assert paths.path(number(machine, "memory/late")) == "/late"
        now_s[0] += 6.0
        assert paths.path(1 << 40) is None


def test_one_that_was_there_at_the_start_is_known_when_it_has_gone(machine, monkeypatch):
    def gone(self: CgroupPaths, cgroup_id: int) -> str:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with CgroupPaths(Hierarchy.MEMORY, machine) as paths:
        monkeypatch.setattr(CgroupPaths, "_by_handle", gone)
        service = number(machine, "memory/a.slice/b.service")
        shutil.rmtree(machine / "sys/fs/cgroup/memory/a.slice")
        assert paths.path(service) == "/a.slice/b.service"
        assert paths.path(1 << 40) is None


def test_without_such_a_hierarchy_no_path_is_known(machine):
    put(machine, "/proc/self/mountinfo", "")
    with CgroupPaths(Hierarchy.UNIFIED, machine) as paths:
        assert paths.path(1) is None


@pytest.mark.parametrize(
    ("place", "path"),
    [("", "/"), ("/x", "/x"), ("/x (deleted)", "/x"), ("elsewhere", None), ("/../y", "/../y")],
)
def test_what_the_kernel_says_of_a_handle_is_a_path_below_the_mount(machine, monkeypatch, place, path):
    told = f"{machine}/sys/fs/cgroup/memory{place}"
    monkeypatch.setattr(CgroupPaths, "_by_handle", lambda self, cgroup_id: told)
    with CgroupPaths(Hierarchy.MEMORY, machine) as paths:
        assert paths.path(7) == path
