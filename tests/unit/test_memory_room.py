"""How much memory there is room for: the machine's, and that of this process's cgroups, from files."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_tree import put

from tracer.kernel.memory_room import MemoryRoom, memory_room

MIB = 1 << 20
V1 = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
UNLIMITED = "9223372036854771712"


def put_meminfo(root: Path, available_mib: int = 1000) -> None:
    put(root, "/proc/meminfo", f"MemTotal:  2048000 kB\nMemFree:  5 kB\nMemAvailable:  {available_mib << 10} kB\n")


def v1(root: Path, own: str = "/a/b") -> None:
    put(root, "/proc/self/mountinfo", V1)
    put(root, "/proc/self/cgroup", f"4:memory:{own}\n0::/\n")


def v2(root: Path, own: str = "/a/b") -> None:
    put(root, "/proc/self/mountinfo", V2)
    put(root, "/proc/self/cgroup", f"0::{own}\n")
    put(root, "/sys/fs/cgroup/cgroup.controllers", "cpu memory\n")


def put_v1(root: Path, path: str, limit: object, usage_mib: int, file_mib: int = 0, **more: object) -> None:
    place = f"/sys/fs/cgroup/memory{path}"
    put(root, f"{place}/memory.limit_in_bytes", f"{limit}\n")
    put(root, f"{place}/memory.usage_in_bytes", f"{usage_mib * MIB}\n")
    rows = {"active_file": 7, "total_active_file": file_mib * MIB, "total_inactive_file": 0, **more}
    put(root, f"{place}/memory.stat", "".join(f"{name} {value}\n" for name, value in rows.items()))


def put_v2(root: Path, path: str, usage_mib: int, file_mib: int = 0, *, limit: object = "max", high: object = "max"):
    place = f"/sys/fs/cgroup{path}"
    put(root, f"{place}/memory.max", f"{limit}\n")
    put(root, f"{place}/memory.high", f"{high}\n")
    put(root, f"{place}/memory.current", f"{usage_mib * MIB}\n")
    put(root, f"{place}/memory.stat", f"anon 5\nactive_file {file_mib * MIB}\ninactive_file 0\n")


def available_mib(root: Path) -> float | None:
    found = memory_room(root).available_bytes
    return None if found is None else found / MIB


def test_without_cgroups_it_is_what_the_machine_has(tmp_path):
    put_meminfo(tmp_path, 47)
    assert memory_room(tmp_path) == MemoryRoom(47 * MIB, "MemAvailable")


def test_where_nothing_tells_it_is_unknown_and_not_nothing(tmp_path):
    room = memory_room(tmp_path)
    assert room == MemoryRoom(None)
    assert room.allows(1 << 40)


def test_half_may_be_taken_and_no_more():
    room = MemoryRoom(100 * MIB, "MemAvailable")
    assert room.allows(50 * MIB)
    assert not room.allows(50 * MIB + 1)


@pytest.mark.parametrize("own", ["/", "/a", "/a/b"])
def test_v1_a_limit_anywhere_above_counts(tmp_path, own):
    # GIVEN a limit at the top, in which 20 of 90 MiB in use are page cache
    put_meminfo(tmp_path)
    v1(tmp_path, own)
    for path in ("", "/a", "/a/b"):
        put_v1(tmp_path, path, UNLIMITED, 1)
    put_v1(tmp_path, "", 100 * MIB, 90, 20)
    room = memory_room(tmp_path)
    assert room == MemoryRoom(30 * MIB, f"the memory cgroup {tmp_path}/sys/fs/cgroup/memory")


def test_v1_the_tightest_of_nested_limits_counts(tmp_path):
    put_meminfo(tmp_path)
    v1(tmp_path)
    put_v1(tmp_path, "", UNLIMITED, 900)
    put_v1(tmp_path, "/a", 200 * MIB, 190)
    put_v1(tmp_path, "/a/b", 150 * MIB, 100)
    assert available_mib(tmp_path) == 10


def test_v1_unlimited_cgroups_limit_nothing_even_where_the_machine_is_unknown(tmp_path):
    v1(tmp_path, "/a")
    put_v1(tmp_path, "", UNLIMITED, 900)
    put_v1(tmp_path, "/a", UNLIMITED, 900)
    assert available_mib(tmp_path) is None


def test_v1_a_parent_that_is_not_hierarchical_counts_nothing_of_its_children(tmp_path):
    put_meminfo(tmp_path)
    v1(tmp_path)
    put_v1(tmp_path, "/a/b", 150 * MIB, 100)
    put_v1(tmp_path, "/a", 101 * MIB, 100)
    put(tmp_path, "/sys/fs/cgroup/memory/a/memory.use_hierarchy", "0\n")
    assert available_mib(tmp_path) == 50
    put(tmp_path, "/sys/fs/cgroup/memory/a/memory.use_hierarchy", "1\n")
    assert available_mib(tmp_path) == 1


def test_v1_memory_and_swap_together_may_be_tighter(tmp_path):
    put_meminfo(tmp_path)
    v1(tmp_path, "/a")
    put_v1(tmp_path, "/a", 150 * MIB, 100)
    put(tmp_path, "/sys/fs/cgroup/memory/a/memory.memsw.limit_in_bytes", str(160 * MIB))
    put(tmp_path, "/sys/fs/cgroup/memory/a/memory.memsw.usage_in_bytes", str(145 * MIB))
    assert available_mib(tmp_path) == 15


def test_page_cache_that_has_to_be_written_first_is_no_room(tmp_path):
    put_meminfo(tmp_path)
    v1(tmp_path, "/a")
    put_v1(tmp_path, "/a", 100 * MIB, 100, 60, total_dirty=20 * MIB, total_writeback=10 * MIB)
    assert available_mib(tmp_path) == 30


@pytest.mark.parametrize("own", ["/a", "/a/b"])
@pytest.mark.parametrize("name", ["limit", "high"])
def test_v2_max_and_high_count_at_every_level(tmp_path, own, name):
    put_meminfo(tmp_path)
    v2(tmp_path, own)
    put_v2(tmp_path, "/a", 90, 20, **{name: 100 * MIB})
    put_v2(tmp_path, "/a/b", 1)
    assert memory_room(tmp_path) == MemoryRoom(30 * MIB, f"the memory cgroup {tmp_path}/sys/fs/cgroup/a")


def test_v2_without_a_limit_it_is_the_machine(tmp_path):
    put_meminfo(tmp_path, 300)
    v2(tmp_path)
    put_v2(tmp_path, "/a/b", 900)
    assert memory_room(tmp_path).limited_by == "MemAvailable"


def test_the_machine_may_be_tighter_than_the_cgroup(tmp_path):
    put_meminfo(tmp_path, 47)
    v2(tmp_path)
    put_v2(tmp_path, "/a/b", 1, limit=100 * MIB)
    assert available_mib(tmp_path) == 47


def test_a_cgroup_beyond_its_limit_has_no_room(tmp_path):
    put_meminfo(tmp_path)
    v2(tmp_path)
    put_v2(tmp_path, "/a/b", 120, limit=100 * MIB)
    assert available_mib(tmp_path) == 0


def test_a_cgroup_that_was_removed_leaves_those_above_it(tmp_path):
    put_meminfo(tmp_path)
    v2(tmp_path, "/a/b (deleted)")
    put_v2(tmp_path, "/a", 90, limit=100 * MIB)
    assert available_mib(tmp_path) == 10


def test_outside_of_the_cgroup_namespace_only_the_mount_is_looked_at(tmp_path):
    put_meminfo(tmp_path)
    v2(tmp_path, "/../../other")
    put_v2(tmp_path, "/../other", 90, limit=100 * MIB)
    put_v2(tmp_path, "", 90, limit=130 * MIB)
    assert available_mib(tmp_path) == 40


@pytest.mark.parametrize("gone", ["memory.usage_in_bytes", "memory.stat"])
def test_a_usage_that_cannot_be_read_leaves_the_limit_itself(tmp_path, gone):
    put_meminfo(tmp_path)
    v1(tmp_path, "/a")
    put_v1(tmp_path, "/a", 100 * MIB, 90)
    (tmp_path / "sys/fs/cgroup/memory/a" / gone).unlink()
    assert available_mib(tmp_path) == 100


HOSTILE = ["", "max", "-5", "1e9", "٣٤", "0x10", "9" * 5000, "12 34", "\0", "\udcff" * 3, "1" * 19]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["memory.max", "memory.high", "memory.current", "memory.stat"])
def test_files_that_say_anything_else_never_end_it(tmp_path, text, name):
    put_meminfo(tmp_path, 500)
    v2(tmp_path, "/a")
    put_v2(tmp_path, "/a", 10, limit=400 * MIB)
    (tmp_path / "sys/fs/cgroup/a" / name).write_bytes(text.encode(errors="surrogateescape"))
    assert 0 <= available_mib(tmp_path) <= 500


@pytest.mark.parametrize("text", [*HOSTILE, "MemAvailable: x kB", "MemAvailable: -4 kB", "MemAvailable: 4"])
def test_a_meminfo_without_the_number_is_unknown(tmp_path, text):
    put(tmp_path, "/proc/meminfo").write_bytes(text.encode(errors="surrogateescape"))
    assert available_mib(tmp_path) is None
