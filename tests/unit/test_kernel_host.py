"""Facts about the machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from kernel_tree import put

from tracer.kernel.host import (
    clock_anchor,
    container_hint,
    in_initial_namespace,
    online_cpus,
    read_distribution,
    read_host,
)
from tracer.kernel.paths import number_list


def test_a_machine_is_read_from_its_files(tmp_path):
    put(tmp_path, "/proc/sys/kernel/random/boot_id", "a27475cc-8afd-4287-b680-4be20d82b980\n")
    put(tmp_path, "/sys/devices/system/cpu/possible", "0-7\n")
    put(tmp_path, "/sys/devices/system/cpu/online", "0-2,5\n")
    put(tmp_path, "/sys/devices/system/node/online", "0,2\n")
    put(tmp_path, "/proc/meminfo", "MemTotal:       24683656 kB\nMemFree: 1 kB\n")
    host = read_host(tmp_path)
    assert host.boot_id == "a27475cc-8afd-4287-b680-4be20d82b980"
    assert (host.cpus_possible, host.cpus_online, host.numa_nodes) == (8, 4, (0, 2))
    assert host.memory_total_bytes == 24683656 * 1024
    assert host.kernel_release == os.uname().release


def test_a_machine_without_those_files_is_still_described(tmp_path):
    host = read_host(tmp_path)
    assert host.cpus_online == os.cpu_count()
    assert (host.numa_nodes, host.memory_total_bytes, host.boot_id) == ((0,), 0, "")


@pytest.mark.parametrize(("text", "numbers"), [("0-3,8\n", (0, 1, 2, 3, 8)), ("5", (5,)), ("", ())])
def test_kernel_lists(text, numbers):
    assert number_list(text) == numbers


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', "debian"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "debian"),
        ('# comment\nID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ("ID=manjaro\nID_LIKE=arch\n", "arch"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "suse"),
        ("ID=nixos\n", "other"),
        ("", "other"),
        ('ID="unclosed\n', "other"),
    ],
)
def test_the_distributions_family_decides_the_package_manager(tmp_path, text, family):
    put(tmp_path, "/etc/os-release", text)
    assert read_distribution(tmp_path).family == family


def test_cpus_are_those_that_are_online_at_each_call(tmp_path):
    for text, cpus in (("0-3,8\n", {0, 1, 2, 3, 8}), ("0,2\n", {0, 2}), ("0-3,8\n", {0, 1, 2, 3, 8})):
        put(tmp_path, "/sys/devices/system/cpu/online", text)
        assert online_cpus(tmp_path) == cpus


@pytest.mark.parametrize("text", ["", "all of them", None])
def test_where_nothing_tells_which_cpus_are_online_all_of_them_are(tmp_path, text):
    if text is not None:
        put(tmp_path, "/sys/devices/system/cpu/online", text)
    assert online_cpus(tmp_path) == set(range(os.cpu_count()))


def test_the_clock_anchor_is_one_moment_on_both_clocks():
    before_mono, before_utc = time.monotonic_ns(), time.time_ns()
    anchor = clock_anchor()
    assert before_mono <= anchor.monotonic_ns <= time.monotonic_ns()
    # Both clocks advanced alike between the two readings; the machine may have been busy.
    drift = (anchor.utc_ns - before_utc) - (anchor.monotonic_ns - before_mono)
    assert abs(drift) < 5_000_000
    assert 0 <= anchor.error_ns < 5_000_000


def namespace(root: Path, name: str, inode: int) -> None:
    link = root / "proc/self/ns" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"{name}:[{inode}]")


def test_a_process_outside_the_initial_namespaces_is_contained(tmp_path):
    namespace(tmp_path, "user", 4026531837)
    namespace(tmp_path, "pid", 4026532201)
    assert in_initial_namespace("user", tmp_path)
    assert not in_initial_namespace("pid", tmp_path)
    assert container_hint(tmp_path) == "not in the machine's initial pid namespace"


def test_container_marks_are_seen_and_a_plain_machine_has_none(tmp_path, tmp_path_factory):
    assert container_hint(tmp_path) == ""
    put(tmp_path, "/run/.containerenv")
    assert "mark" in container_hint(tmp_path)
    other = tmp_path_factory.mktemp("pod")
    put(other, "/proc/1/cgroup", "0::/kubepods/besteffort/pod1\n")
    assert "cgroup" in container_hint(other)
