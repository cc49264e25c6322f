"""Where the memory controller is, and a child cgroup made and removed.

A directory tree stands for the cgroup file system; the real one is `tests/live`'s.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_tree import put

from tracer.errors import TracerError
from tracer.kernel import cgroup
from tracer.kernel.cgroup import MemoryCgroup, MemoryController, find_memory_controller

V1_MOUNT = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
UNIFIED_MOUNT = "36 31 0:33 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def put_v2(root: Path, own: str = "/user.slice/session.scope") -> Path:
    put(root, "/proc/self/mountinfo", V2_MOUNT)
    put(root, "/proc/self/cgroup", f"0::{own}\n")
    mount = root / "sys/fs/cgroup"
    put(root, "/sys/fs/cgroup/cgroup.controllers", "cpu io memory pids\n")
    put(root, "/sys/fs/cgroup/cgroup.subtree_control", "cpu memory\n")
    put(root, f"/sys/fs/cgroup{own}/cgroup.procs", "1\n")
    return mount


def test_v1_is_found_also_beside_a_v2_without_the_memory_controller(tmp_path):
    put(tmp_path, "/proc/self/mountinfo", UNIFIED_MOUNT + V1_MOUNT)
    put(tmp_path, "/proc/self/cgroup", "4:cpu,memory:/jobs/a:b\n1:name=systemd:/\n0::/x\n")
    mount = tmp_path / "sys/fs/cgroup/memory"
    assert find_memory_controller(tmp_path) == MemoryController(1, mount, mount / "jobs/a:b")


def test_v2_is_found_with_its_own_cgroup(tmp_path):
    mount = put_v2(tmp_path)
    assert find_memory_controller(tmp_path) == MemoryController(2, mount, mount / "user.slice/session.scope")


def test_in_a_container_the_own_cgroup_is_below_what_is_mounted(tmp_path):
    put(tmp_path, "/proc/self/mountinfo", V1_MOUNT.replace(" / /sys", " /docker/1234 /sys"))
    put(tmp_path, "/proc/self/cgroup", "4:memory:/docker/1234/inner\n")
    mount = tmp_path / "sys/fs/cgroup/memory"
    assert find_memory_controller(tmp_path).own == mount / "inner"
    put(tmp_path, "/proc/self/cgroup", "4:memory:/elsewhere\n")
    assert find_memory_controller(tmp_path).own == mount


def test_no_controller_is_one_clear_error(tmp_path):
    assert find_memory_controller(tmp_path) is None
    with pytest.raises(TracerError, match="no cgroup memory controller"), MemoryCgroup(1 << 20, root=tmp_path):
        pass


@pytest.fixture
def kernel_makes_files(monkeypatch):
    """mkdir brings the controller's files, rmdir takes them, as a cgroup file system does."""
    real_mkdir, real_rmdir = Path.mkdir, Path.rmdir

    def mkdir(self, *args, **kwargs):
        real_mkdir(self, *args, **kwargs)
        for name in ("memory.limit_in_bytes", "memory.max", "memory.usage_in_bytes", "memory.current", "cgroup.procs"):
            (self / name).write_text("4096\n" if name in ("memory.current", "memory.usage_in_bytes") else "")

    def rmdir(self):
        if (self / "cgroup.procs").read_text() == "busy":
            raise OSError(16, "Device or resource busy")
        for file in self.iterdir():
            file.unlink()
        real_rmdir(self)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(Path, "rmdir", rmdir)
    monkeypatch.setattr(cgroup, "_REMOVE_PAUSE_S", 0)


def test_v2_makes_its_child_where_the_controller_is_handed_down(tmp_path, kernel_makes_files):
    # GIVEN our own cgroup, which holds processes, below a root that hands memory down
    mount = put_v2(tmp_path)
    with MemoryCgroup(64 << 20, "load", tmp_path) as group:
        # THEN the child is the root's and limited
        assert group.path == mount / "load"
        assert (group.path / "memory.max").read_text() == str(64 << 20)
        assert group.usage == 4096
        group.add(4321)
        assert group.pids() == (4321,)
    # AND at the end the process is back in our own cgroup, and the child is gone
    assert not group.path.exists()
    assert (mount / "user.slice/session.scope/cgroup.procs").read_text().startswith("4321")


def test_v2_hands_the_controller_down_where_nobody_does_and_takes_it_back(tmp_path, kernel_makes_files):
    mount = put_v2(tmp_path, "/")
    control = put(tmp_path, "/sys/fs/cgroup/cgroup.subtree_control", "")
    with MemoryCgroup(1 << 20, "load", tmp_path) as group:
        assert group.path == mount / "load"
        assert control.read_text() == "+memory"
    assert control.read_text() == "-memory"


def test_v2_that_hands_nothing_down_is_one_clear_error(tmp_path):
    put_v2(tmp_path)
    (tmp_path / "sys/fs/cgroup/cgroup.subtree_control").unlink()
    with pytest.raises(TracerError, match="can delegate the memory controller"), MemoryCgroup(1 << 20, root=tmp_path):
        pass


def test_a_cgroup_somebody_else_made_is_left_alone(tmp_path, kernel_makes_files):
    mount = put_v2(tmp_path)
    (mount / "load").mkdir()
    with pytest.raises(TracerError, match="exists already"), MemoryCgroup(1 << 20, "load", tmp_path):
        pass
    assert (mount / "load").is_dir()


def test_a_busy_cgroup_is_told_unless_another_error_is_on_its_way(tmp_path, kernel_makes_files):
    put_v2(tmp_path)

    def end_busy(group):
        (group.path / "cgroup.procs").write_text("busy")
        group.pids = tuple

    with pytest.raises(TracerError, match="rmdir it later"), MemoryCgroup(1 << 20, "one", tmp_path) as group:
        end_busy(group)
    with pytest.raises(KeyError), MemoryCgroup(1 << 20, "two", tmp_path) as group:
        {}[end_busy(group)]
