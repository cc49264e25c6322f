"""May this process trace: each requirement and its fix."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from kernel_tree import put, put_tracefs

from tracer.kernel.access import explain_refusal, function_probes, perf_buffers, requirements
from tracer.kernel.capabilities import effective_capabilities, may_trace
from tracer.kernel.host import Distribution
from tracer.kernel.remedies import boot_with, install_bcc_command, kernel_with, run_as_root

ALL = (1 << 41) - 1
BPF, PERFMON, SYSLOG, SYS_RESOURCE, SYS_ADMIN, IPC_LOCK = (1 << bit for bit in (39, 38, 34, 24, 21, 14))
BPF_AND_PERFMON = BPF | PERFMON
DOCKER_DEFAULT = 0x00000000A80425FB


def put_status(root: Path, capabilities: int, uid: int = 0, seccomp: int = 0) -> None:
    text = f"Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nCapEff:\t{capabilities:016x}\nSeccomp:\t{seccomp}\n"
    put(root, "/proc/self/status", text)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    put_status(tmp_path, ALL)
    put_tracefs(tmp_path, "6.18")
    put(tmp_path, "/proc/kallsyms", "ffffffff81000000 T _text\n")
    put(tmp_path, "/sys/kernel/btf/vmlinux")
    put(tmp_path, "/proc/sys/kernel/perf_event_paranoid", "2\n")
    put(tmp_path, "/proc/pressure/memory", "some avg10=0.00\n")
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


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        (BPF, "CAP_PERFMON is missing"),
        (PERFMON, "CAP_BPF is missing"),
        (SYSLOG, "CAP_BPF and CAP_PERFMON are missing"),
    ],
)
def test_whoever_holds_some_capabilities_is_told_which_one_lacks_and_the_command_that_gives_it(machine, held, missing):
    put_status(machine, held, uid=1000)
    found = by_name(machine)["privileges"]
    assert found.detail == missing
    assert "--ambient-caps=+bpf,+perfmon,+syslog,+sys_resource,+ipc_lock reclaim-tracer" in found.fix


def test_a_kernel_without_cap_bpf_asks_for_the_old_one(machine):
    put(machine, "/proc/sys/kernel/cap_last_cap", "37\n")
    put_status(machine, BPF_AND_PERFMON, uid=1000)
    assert "CAP_SYS_ADMIN is missing" in by_name(machine)["privileges"].detail
    put_status(machine, SYS_ADMIN, uid=1000)
    assert by_name(machine)["privileges"].ok


@pytest.mark.parametrize("missing", [SYSLOG, SYS_RESOURCE])
def test_optional_capabilities_are_named_when_they_lack_and_nothing_is_forbidden(machine, missing):
    put(machine, "/proc/kallsyms", "0000000000000000 T _text\n")
    put_status(machine, (BPF_AND_PERFMON | SYSLOG | SYS_RESOURCE) & ~missing, uid=1000)
    name, capability = ("kernel symbols", "CAP_SYSLOG") if missing == SYSLOG else ("OOM shield", "CAP_SYS_RESOURCE")
    found = by_name(machine)[name]
    assert (found.ok, found.needed) == (False, False)
    assert found.detail.startswith(f"{capability} is missing")
    assert "setpriv" in found.fix


def test_what_can_only_not_be_had_as_an_extra_is_not_asked_for(machine):
    # GIVEN a machine where nobody may have CAP_SYS_RESOURCE, which tracing does without
    for uid, held, fix in ((1000, 0, "sudo reclaim-tracer ..."), (0, SYSLOG, "+bpf,+perfmon,+syslog,+ipc_lock ")):
        put_status(machine, held, uid=uid)
        with (machine / "proc/self/status").open("a") as status:
            status.write(f"CapBnd:\t{ALL & ~SYS_RESOURCE:016x}\n")
        found = by_name(machine)["privileges"]
        assert found.detail == "CAP_BPF and CAP_PERFMON are missing"
        assert fix in found.fix


def test_whoever_is_bounded_is_told_by_what(machine):
    put_status(machine, BPF_AND_PERFMON | SYSLOG)
    with (machine / "proc/self/status").open("a") as status:
        status.write(f"CapBnd:\t{ALL & ~SYS_RESOURCE:016x}\n")
    assert "CAP_SYS_RESOURCE in its bounding set; systemd" in by_name(machine)["OOM shield"].fix


def test_root_of_a_user_namespace_is_not_the_machines(machine):
    link = machine / "proc/self/ns/user"
    link.parent.mkdir(parents=True)
    link.symlink_to("user:[4026532999]")
    assert not by_name(machine)["privileges"].ok
    assert "user namespace" in by_name(machine)["privileges"].detail
    assert "host itself" in by_name(machine)["privileges"].fix


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


def test_hidden_symbols_missing_btf_and_no_pressure_degrade_but_do_not_forbid(machine):
    put(machine, "/proc/kallsyms", "0000000000000000 T _text\n")
    put(machine, "/proc/sys/kernel/kptr_restrict", "2\n")
    (machine / "sys/kernel/btf/vmlinux").unlink()
    (machine / "proc/pressure/memory").unlink()
    names = {"kernel symbols", "BTF", "pressure (PSI)"}
    assert broken(machine) == names
    assert not any(by_name(machine)[name].needed for name in names)
    assert by_name(machine)["kernel symbols"].fix == "sysctl kernel.kptr_restrict=1"


def test_a_kernel_without_perf_events_can_not_attach(machine):
    (machine / "proc/sys/kernel/perf_event_paranoid").unlink()
    assert by_name(machine)["perf events"].needed
    assert not by_name(machine)["perf events"].ok


@pytest.mark.parametrize(
    ("level", "capabilities", "closed"),
    [(2, BPF_AND_PERFMON, False), (3, BPF_AND_PERFMON, True), (4, BPF_AND_PERFMON, True), (3, SYS_ADMIN, False)],
)
def test_a_stricter_level_of_perf_events_than_the_kernels_own_is_told(machine, level, capabilities, closed):
    # GIVEN a level that only some distributions' kernels heed
    put_status(machine, capabilities, uid=1000)
    put(machine, "/proc/sys/kernel/perf_event_paranoid", f"{level}\n")
    # THEN it is told before anything is tried, and what to do once everything was refused
    assert ("some kernels ask for CAP_SYS_ADMIN" in by_name(machine)["perf events"].detail) is closed
    assert ("sysctl kernel.perf_event_paranoid=2" in explain_refusal("Permission denied", machine)) is closed


def test_without_proc_nothing_else_is_said_to_be_missing(tmp_path):
    (needed,) = requirements(tmp_path)
    assert (needed.name, needed.ok, needed.needed) == ("proc", False, True)
    assert "mount -t proc" in needed.fix


def test_everything_broken_comes_with_a_fix(tmp_path):
    put_status(tmp_path, 0, uid=1000)
    assert all(item.fix for item in requirements(tmp_path) if not item.ok)


@pytest.mark.parametrize(
    ("family", "command"),
    [
        ("debian", "apt-get install python3-bpfcc"),
        ("fedora", "dnf install python3-bcc"),
        ("arch", "pacman -S python-bcc"),
        ("suse", "zypper install python3-bcc"),
        ("alpine", "apk add py3-bcc"),
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


@pytest.mark.parametrize(
    ("id_", "family", "words"),
    [
        ("debian", "debian", "apt-get install linux-image-$(dpkg --print-architecture)"),
        ("ubuntu", "debian", "apt-get install linux-image-generic"),
        ("rocky", "fedora", "dnf install kernel"),
        ("arch", "arch", "pacman -S linux"),
        ("nixos", "other", "boot a kernel with CONFIG_X=y"),
    ],
)
def test_a_kernel_feature_comes_with_the_distributions_kernel(id_, family, words):
    fix = kernel_with("CONFIG_X=y", Distribution(id_, "X", family))
    assert "CONFIG_X=y" in fix
    assert fix.endswith(words)


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("debian", "update-grub"),
        ("fedora", "grubby --update-kernel=ALL --args=psi=1"),
        ("arch", "grub-mkconfig -o /boot/grub/grub.cfg"),
        ("other", "psi=1 on the kernel's command line"),
    ],
)
def test_a_boot_argument_is_set_in_the_distributions_way(family, words):
    assert words in boot_with("psi=1", Distribution("x", "X", family))


@pytest.fixture
def docker(machine):
    put(machine, "/.dockerenv")
    link = machine / "proc/self/ns/pid"
    link.parent.mkdir(parents=True)
    link.symlink_to("pid:[4026532999]")
    put_status(machine, DOCKER_DEFAULT)
    return machine


def test_a_container_is_told_the_flags_that_give_it_what_it_lacks(docker):
    put(docker, "/proc/self/mountinfo", "35 31 0:32 / /sys ro - sysfs sysfs ro\n")
    assert by_name(docker)["privileges"].fix == (
        "docker run --cap-add BPF --cap-add PERFMON --cap-add SYSLOG --cap-add SYS_RESOURCE --cap-add IPC_LOCK ..."
    )
    assert by_name(docker)["tracefs"].fix == "docker run -v /sys/kernel/tracing:/sys/kernel/tracing:ro ..."


def test_the_containers_distribution_does_not_name_the_machines_kernel(docker):
    put(docker, "/etc/os-release", "ID=debian\n")
    (docker / "sys/kernel/btf/vmlinux").unlink()
    assert "apt-get" not in by_name(docker)["BTF"].fix


def test_a_filter_that_refuses_system_calls_is_named_before_the_kernel(docker):
    put_status(docker, BPF_AND_PERFMON, seccomp=2)
    assert explain_refusal("Operation not permitted", docker) == "docker run --security-opt seccomp=unconfined ..."
    put_status(docker, BPF_AND_PERFMON, seccomp=0)
    assert "asks for more" in explain_refusal("Permission denied", docker)
    put_status(docker, SYS_ADMIN)
    assert "CONFIG_BPF_EVENTS" in explain_refusal("Invalid argument", docker)


@pytest.fixture
def memlock(monkeypatch):
    """Sets RLIMIT_MEMLOCK, in MiB."""

    def limit(mib: int) -> None:
        monkeypatch.setattr("resource.getrlimit", lambda _: (mib << 20, mib << 20))

    return limit


def test_keeping_the_tracer_in_memory_takes_a_capability_or_a_high_limit(machine, memlock):
    memlock(8)
    assert by_name(machine)["memory lock"].ok
    put_status(machine, ALL & ~IPC_LOCK)
    found = by_name(machine)["memory lock"]
    assert (found.ok, found.needed) == (False, False)
    assert "CAP_IPC_LOCK is missing, and ulimit -l is 8192 KiB" in found.detail
    assert "+ipc_lock" in found.fix
    memlock(300)
    assert by_name(machine)["memory lock"].ok


@pytest.mark.parametrize(
    ("capabilities", "paranoid", "limit_mib", "ok"),
    [
        (BPF_AND_PERFMON, 2, 8, False),
        (BPF_AND_PERFMON | IPC_LOCK, 2, 8, True),
        (BPF_AND_PERFMON, -1, 8, True),
        (BPF_AND_PERFMON, 2, 16, True),
    ],
)
def test_perf_buffers_take_locked_memory(machine, memlock, capabilities, paranoid, limit_mib, ok):
    # GIVEN two CPUs with 8 MiB and a page each, of which 2 x 516 KiB are free for all
    put_status(machine, capabilities, uid=1000)
    put(machine, "/proc/sys/kernel/perf_event_paranoid", f"{paranoid}\n")
    put(machine, "/proc/sys/kernel/perf_event_mlock_kb", "516\n")
    memlock(limit_mib)
    found = perf_buffers(8 << 20, 2, machine)
    assert (found.ok, found.needed) == (ok, False)
    assert found.detail.startswith("16 MiB by default")
    if not ok:
        assert "may lock 9 " in found.detail
        assert found.fix.startswith("record --buffer-size 4, or CAP_IPC_LOCK: ")


def test_without_function_probes_nothing_has_to_be_done_and_what_it_would_take_is_said(machine):
    put(machine, "/etc/os-release", "ID=debian\n")
    found = function_probes((), ("this kernel has no kprobes",), machine)
    assert (found.ok, found.needed, found.detail) == (False, False, "this kernel has no kprobes")
    assert found.fix.startswith("nothing: tracepoints suffice")
    assert "CONFIG_KPROBES=y" in found.fix
    assert function_probes(("fentry",), ("no kprobes",), machine).ok
