"""May this process trace: each requirement and its fix."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from kernel_tree import put, put_tracefs

from tracer.kernel.access import effective_capabilities, install_bcc_command, may_trace, requirements, run_as_root
from tracer.kernel.host import Distribution

ALL = (1 << 41) - 1
BPF_AND_PERFMON = 1 << 39 | 1 << 38
SYS_ADMIN = 1 << 21


def put_status(root: Path, capabilities: int, uid: int = 0) -> None:
    put(root, "/proc/self/status", f"Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapEff:\t{capabilities:016x}\n")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    put_status(tmp_path, ALL)
    put_tracefs(tmp_path, "6.18")
    put(tmp_path, "/proc/kallsyms", "ffffffff81000000 T _text\n")
    put(tmp_path, "/sys/kernel/btf/vmlinux")
    put(tmp_path, "/proc/sys/kernel/perf_event_paranoid", "2\n")
    return tmp_path


def by_name(root: Path):
    return {item.name: item for item in requirements(root)}


def broken(root: Path) -> set[str]:
    return {item.name for item in requirements(root) if not item.ok and item.name != "locked memory"}


def test_a_machine_with_everything_lacks_nothing(machine):
    assert broken(machine) == set()


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [(ALL, True), (SYS_ADMIN, True), (BPF_AND_PERFMON, True), (1 << 39, False), (1 << 38, False), (0, False)],
)
def test_which_capabilities_suffice(machine, capabilities, expected):
    put_status(machine, capabilities)
    assert may_trace(machine) is expected
    assert by_name(machine)["privileges"].ok is expected


def test_capabilities_are_bit_numbers(tmp_path):
    put_status(tmp_path, 0b1001)
    assert effective_capabilities(tmp_path) == {0, 3}
    assert effective_capabilities(tmp_path / "nowhere") == frozenset()


def test_an_ordinary_user_is_told_to_use_sudo(machine):
    put_status(machine, 0, uid=1000)
    assert by_name(machine)["privileges"].fix == "sudo reclaim-tracer ..."


def test_root_without_capabilities_is_told_about_its_container(machine):
    put_status(machine, 0x00000000A80425FB)
    assert "--privileged" in by_name(machine)["privileges"].fix


def test_root_of_a_user_namespace_is_not_the_machines(machine):
    link = machine / "proc/self/ns/user"
    link.parent.mkdir(parents=True)
    link.symlink_to("user:[4026532999]")
    assert not by_name(machine)["privileges"].ok
    assert "user namespace" in by_name(machine)["privileges"].detail


def test_without_tracefs_and_without_root_both_are_told(machine):
    put_status(machine, 0, uid=1000)
    put(machine, "/proc/self/mountinfo", "35 31 0:32 / /sys rw - sysfs sysfs rw\n")
    assert {"privileges", "tracefs"} <= broken(machine)
    assert by_name(machine)["tracefs"].fix == "sudo mount -t tracefs tracefs /sys/kernel/tracing"


def test_root_mounts_tracefs_without_sudo(machine):
    put(machine, "/proc/self/mountinfo", "35 31 0:32 / /sys rw - sysfs sysfs rw\n")
    assert by_name(machine)["tracefs"].fix == "mount -t tracefs tracefs /sys/kernel/tracing"


def test_a_kernel_without_tracefs_is_not_told_to_mount_it(tmp_path):
    put_status(tmp_path, ALL)
    assert "CONFIG_FTRACE" in by_name(tmp_path)["tracefs"].fix


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("none [integrity] confidentiality\n", True),
        ("none integrity [confidentiality]\n", False),
        ("[none] integrity confidentiality\n", True),
    ],
)
def test_only_confidentiality_lockdown_forbids_tracing(machine, text, ok):
    put(machine, "/sys/kernel/security/lockdown", text)
    assert by_name(machine)["lockdown"].ok is ok


def test_hidden_symbols_and_missing_btf_degrade_but_do_not_forbid(machine):
    put(machine, "/proc/kallsyms", "0000000000000000 T _text\n")
    (machine / "sys/kernel/btf/vmlinux").unlink()
    assert broken(machine) == {"kernel symbols", "BTF"}
    assert not any(by_name(machine)[name].needed for name in ("kernel symbols", "BTF"))
    assert by_name(machine)["kernel symbols"].fix == "sysctl kernel.kptr_restrict=1"


def test_a_kernel_without_perf_events_can_not_attach(machine):
    (machine / "proc/sys/kernel/perf_event_paranoid").unlink()
    assert by_name(machine)["perf events"].needed
    assert not by_name(machine)["perf events"].ok


def test_everything_broken_comes_with_a_fix(tmp_path):
    assert all(item.fix for item in requirements(tmp_path) if not item.ok)


@pytest.mark.parametrize(
    ("family", "command"),
    [
        ("debian", "apt-get install python3-bpfcc"),
        ("fedora", "dnf install python3-bcc"),
        ("arch", "pacman -S python-bcc"),
    ],
)
@pytest.mark.parametrize(("uid", "prefix"), [(0, ""), (1000, "sudo ")])
def test_bcc_is_installed_by_the_distributions_package_manager(monkeypatch, family, command, uid, prefix):
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert install_bcc_command(Distribution("x", "X", family)) == prefix + command


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("/usr/bin/reclaim-tracer", "sudo reclaim-tracer ..."),
        ("/home/me/my env/bin/reclaim-tracer", "sudo '/home/me/my env/bin/reclaim-tracer' ..."),
        ("/usr/bin/pytest", "sudo reclaim-tracer ..."),
    ],
)
def test_sudo_is_given_the_whole_path_where_it_would_not_find_the_program(monkeypatch, program, command):
    monkeypatch.setattr(sys, "argv", [program])
    assert run_as_root() == command


def test_an_unknown_distribution_is_warned_of_pypis_bcc():
    assert "not the `bcc` of PyPI" in install_bcc_command(Distribution("x", "X", "other"))
