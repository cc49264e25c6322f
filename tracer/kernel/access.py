"""Can this process trace this kernel: each requirement, how it stands, and the exact command that mends it."""

from __future__ import annotations

import os
import resource
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .host import Distribution, in_initial_namespace, read_distribution
from .kallsyms import why_hidden
from .paths import ROOT, read_text, under
from .tracefs import find_tracefs

CAP_SYS_ADMIN: Final = 21
CAP_SYS_RESOURCE: Final = 24
CAP_PERFMON: Final = 38
CAP_BPF: Final = 39
"""Bits of the capability sets: include/uapi/linux/capability.h."""

_BCC_INSTALL: Final = {
    "debian": "apt-get install python3-bpfcc",
    "fedora": "dnf install python3-bcc",
    "arch": "pacman -S python-bcc",
    "suse": "zypper install python3-bcc",
}
_MEMLOCK_BYTES: Final = 8 << 20
"""What newer kernels allow everybody; those that allow 64 KiB are also those that count BPF maps against it."""
_BTF: Final = "/sys/kernel/btf/vmlinux"
_PROGRAM: Final = "reclaim-tracer"
_ROOTS_PATH: Final = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""sudo's usual secure_path."""
_MOUNT_TRACEFS: Final = "mount -t tracefs tracefs /sys/kernel/tracing"


@dataclass(frozen=True)
class Requirement:
    """One thing live tracing rests on. `fix` is a command or an action, empty where `ok`; only `needed` ones forbid."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True


def requirements(root: Path = ROOT) -> tuple[Requirement, ...]:
    """Everything the kernel side asks for, needed ones first; bcc is told by whoever looks for it."""
    privileged = may_trace(root)
    return (
        _privileges(root, privileged),
        _tracefs(root, privileged),
        _lockdown(root),
        _symbols(root, privileged),
        _memlock(root),
        _perf_paranoia(root, privileged),
        _btf(root),
    )


def may_trace(root: Path = ROOT) -> bool:
    """Whether this process may load tracing programs: CAP_SYS_ADMIN, or CAP_BPF with CAP_PERFMON, on the machine."""
    held = effective_capabilities(root)
    enough = CAP_SYS_ADMIN in held or {CAP_BPF, CAP_PERFMON} <= held
    return enough and in_initial_namespace("user", root)


def effective_capabilities(root: Path = ROOT) -> frozenset[int]:
    """Capability numbers in effect, from /proc/self/status; empty where it can't be read."""
    for line in (read_text(root, "/proc/self/status") or "").splitlines():
        if line.startswith("CapEff:"):
            bits = int(line.split()[1], 16)
            return frozenset(bit for bit in range(bits.bit_length()) if bits >> bit & 1)
    return frozenset()


def install_bcc_command(distribution: Distribution | None = None) -> str:
    """The command that installs the distribution's bcc."""
    command = _BCC_INSTALL.get((distribution or read_distribution()).family)
    if command is None:
        return "install your distribution's Python 3 bindings of bcc (not the `bcc` of PyPI)"
    return command if os.geteuid() == 0 else f"sudo {command}"


def run_as_root() -> str:
    """How to run this program as root; by its whole path where sudo would not find it, as in a virtual environment."""
    program = Path(sys.argv[0])
    if program.name != _PROGRAM or str(program.parent) in _ROOTS_PATH:
        return f"sudo {_PROGRAM} ..."
    return f"sudo {shlex.quote(os.path.abspath(program))} ..."  # noqa: PTH100 - a link into the environment stays one


def _privileges(root: Path, privileged: bool) -> Requirement:
    held = effective_capabilities(root)
    if privileged:
        how = "CAP_SYS_ADMIN" if CAP_SYS_ADMIN in held else "CAP_BPF and CAP_PERFMON"
        return Requirement("privileges", True, how)
    if not in_initial_namespace("user", root):
        return Requirement("privileges", False, "root of a user namespace only", "run as root of the machine itself")
    detail = "needs root (CAP_SYS_ADMIN, or CAP_BPF and CAP_PERFMON)"
    if _effective_uid(root) == 0:
        return Requirement("privileges", False, detail, "run on the host, or in a container started with --privileged")
    return Requirement("privileges", False, detail, run_as_root())


def _tracefs(root: Path, privileged: bool) -> Requirement:
    mount = find_tracefs(root)
    if mount is not None:
        return _tracefs_readable(mount, root)
    if not under(root, "/sys/kernel/tracing").is_dir():
        return Requirement("tracefs", False, "this kernel has no tracefs", "use a kernel with CONFIG_FTRACE=y")
    fix = _MOUNT_TRACEFS if privileged else f"sudo {_MOUNT_TRACEFS}"
    return Requirement("tracefs", False, "not mounted", fix)


def _tracefs_readable(mount: Path, root: Path) -> Requirement:
    shown = f"/{mount.relative_to(root)}"
    try:
        next((mount / "events" / "vmscan").iterdir(), None)
    except FileNotFoundError:
        return Requirement("tracefs", False, f"{shown} has no vmscan events", "use a kernel with CONFIG_FTRACE=y")
    except OSError as error:
        return Requirement("tracefs", False, f"{shown}: {error.strerror}", run_as_root())
    return Requirement("tracefs", True, shown)


def _lockdown(root: Path) -> Requirement:
    text = read_text(root, "/sys/kernel/security/lockdown") or ""
    state = text.partition("[")[2].partition("]")[0]
    if state == "confidentiality":
        return Requirement(
            "lockdown", False, "confidentiality: the kernel refuses tracing", "boot with lockdown=integrity"
        )
    return Requirement("lockdown", True, state or "not in force, as far as can be seen")


def _symbols(root: Path, privileged: bool) -> Requirement:
    why = why_hidden(root)
    if not why:
        return Requirement("kernel symbols", True, "addresses readable", needed=False)
    fix = "sysctl kernel.kptr_restrict=1" if privileged else run_as_root()
    detail = f"{why}: shrinkers stay unnamed, balloon work unseen"
    return Requirement("kernel symbols", False, detail, fix, needed=False)


def _memlock(root: Path) -> Requirement:
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit == resource.RLIM_INFINITY:
        return Requirement("locked memory", True, "unlimited", needed=False)
    shown = f"{limit // 1024} KiB"
    if CAP_SYS_RESOURCE in effective_capabilities(root) or limit >= _MEMLOCK_BYTES:
        return Requirement("locked memory", True, shown, needed=False)
    detail = f"{shown}: kernels before 5.11 count BPF maps against it"
    return Requirement("locked memory", False, detail, "ulimit -l unlimited", needed=False)


def _perf_paranoia(root: Path, privileged: bool) -> Requirement:
    level = read_text(root, "/proc/sys/kernel/perf_event_paranoid")
    if level is None:
        detail = "this kernel has no perf events (CONFIG_PERF_EVENTS)"
        return Requirement("perf events", False, detail, "use a kernel with CONFIG_PERF_EVENTS=y")
    if privileged:
        return Requirement("perf events", True, f"perf_event_paranoid {level}, no limit with these privileges")
    return Requirement("perf events", True, f"perf_event_paranoid {level}")


def _btf(root: Path) -> Requirement:
    if under(root, _BTF).exists():
        return Requirement("BTF", True, _BTF, needed=False)
    detail = "none: counters cannot be read inside the kernel, tracepoints work"
    return Requirement("BTF", False, detail, "use a kernel with CONFIG_DEBUG_INFO_BTF=y", needed=False)


def _effective_uid(root: Path) -> int:
    for line in (read_text(root, "/proc/self/status") or "").splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[2])
    return -1
