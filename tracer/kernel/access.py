"""Can this process trace this kernel: each requirement, how it stands, and the exact command that mends it."""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from .capabilities import (
    TRACING,
    Capability,
    bounding_capabilities,
    effective_capabilities,
    effective_uid,
    is_filtered,
    knows_bpf,
    may_trace,
    missing_to_trace,
    names,
)
from .container import (
    container_engine,
    grant_capabilities,
    grant_folder,
    grant_system_calls,
    leave_user_namespace,
)
from .counters import pressure_state
from .host import Distribution, in_initial_namespace, read_distribution
from .kallsyms import hidden_by_kernel, why_hidden
from .paths import ROOT, read_text, under
from .remedies import as_root, boot_with, kernel_with, run_as_root, run_with
from .tracefs import find_tracefs

_MEMLOCK_BYTES: Final = 8 << 20
"""What newer kernels allow everybody; those that allow 64 KiB are also those that count BPF maps against it."""
_ADDRESS_SPACE_BYTES: Final = 200 << 20
"""Of a recorder, which mlockall(2) counts as a whole."""
_BTF: Final = "/sys/kernel/btf/vmlinux"
_TRACEFS: Final = "/sys/kernel/tracing"
_MOST_PARANOID: Final = 2
"""Of kernel.perf_event_paranoid, Documentation/admin-guide/sysctl/kernel.rst; some distributions' kernels know more."""
_OPEN_PERF_EVENTS: Final = f"kernel.perf_event_paranoid={_MOST_PARANOID}"
_UNRELATED: Final = Distribution("linux", "linux", "other")


@dataclass(frozen=True)
class Requirement:
    """One thing live tracing rests on. `fix` is a command or an action, empty where `ok`; only `needed` ones forbid."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True


def requirements(root: Path = ROOT) -> tuple[Requirement, ...]:
    """Everything the kernel side asks for; bcc is told by whoever looks for it. Only /proc where that is not there."""
    if read_text(root, "/proc/self/status") is None:
        return (Requirement("proc", False, "/proc is not mounted", as_root("mount -t proc proc /proc")),)
    return _Access(root).requirements()


def explain_refusal(error: str, root: Path = ROOT) -> str:
    """What to do where every program was refused although nothing seemed to be missing."""
    return _Access(root).after_refusal(error)


def function_probes(ways: Sequence[str], reasons: Sequence[str], root: Path = ROOT) -> Requirement:
    """How functions are probed here: the `ways` in use (fentry, kprobe), else the reasons why none is."""
    if ways:
        return Requirement("function probes", True, " and ".join(ways), needed=False)
    return _Access(root).without_function_probes(reasons)


def perf_buffers(wanted_bytes: int, cpus: int, root: Path = ROOT) -> Requirement:
    """Whether this process may lock perf buffers of `wanted_bytes` each for `cpus`: kernel/events/core.c, perf_mmap."""
    return _Access(root).perf_buffers(wanted_bytes, cpus)


class _Access:
    """What this process may do on the machine below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._held = effective_capabilities(root)
        self._engine = container_engine(root)
        # A container's distribution says nothing about the kernel's.
        self._distribution = _UNRELATED if self._engine else read_distribution(root)

    def requirements(self) -> tuple[Requirement, ...]:
        """In the order of their being met."""
        return (
            self._privileges(),
            self._tracefs(),
            self._lockdown(),
            self._perf_events(),
            self._symbols(),
            self._locked_memory(),
            self._memory_lock(),
            self._oom_shield(),
            self._btf(),
            self._pressure(),
        )

    def after_refusal(self, error: str) -> str:
        """See `explain_refusal`."""
        denied = os.strerror(1) in error or os.strerror(13) in error
        if denied and is_filtered(self._root):
            return grant_system_calls(self._engine)
        if denied and self._perf_events_may_be_closed:
            fix = self._as_root(f"sysctl {_OPEN_PERF_EVENTS}")
            return f"{fix} (above it kernels of Debian and Ubuntu ask for CAP_SYS_ADMIN)"
        if denied and Capability.CAP_SYS_ADMIN not in self._held:
            return f"{run_as_root()} (this kernel asks for more than {names(TRACING)})"
        return self._kernel_with("CONFIG_BPF_EVENTS=y and CONFIG_FTRACE=y")

    def without_function_probes(self, reasons: Sequence[str]) -> Requirement:
        """See `function_probes`."""
        fix = self._kernel_with("CONFIG_KPROBES=y")
        advice = f"nothing: tracepoints suffice; for what they don't show, {fix}"
        return Requirement("function probes", False, "; ".join(reasons), advice, needed=False)

    def perf_buffers(self, wanted_bytes: int, cpus: int) -> Requirement:
        """See the function."""
        locked = cpus * (wanted_bytes + resource.getpagesize())
        shown = f"{locked >> 20} MiB by default"
        paranoid = int(read_text(self._root, "/proc/sys/kernel/perf_event_paranoid") or 2)
        if Capability.CAP_IPC_LOCK in self._held or paranoid < 0:
            return Requirement("perf buffers", True, f"{shown}, no limit", needed=False)
        free_kib = cpus * int(read_text(self._root, "/proc/sys/kernel/perf_event_mlock_kb") or 0)
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        if limit == resource.RLIM_INFINITY or locked <= (free_kib << 10) + limit:
            return Requirement("perf buffers", True, f"{shown}, within the limit", needed=False)
        allowed = (free_kib << 10) + limit
        detail = f"{shown}, of which this process may lock {allowed >> 20} (ulimit -l, kernel.perf_event_mlock_kb)"
        fix = f"record --buffer-size {max(allowed >> 21, 1)}, or CAP_IPC_LOCK: {self._grant(Capability.CAP_IPC_LOCK)}"
        return Requirement("perf buffers", False, detail, fix, needed=False)

    @cached_property
    def _may_trace(self) -> bool:
        return may_trace(self._root)

    def _privileges(self) -> Requirement:
        missing = missing_to_trace(self._root)
        if not in_initial_namespace("user", self._root):
            fix = leave_user_namespace(self._engine)
            return Requirement("privileges", False, "root in a user namespace has no privileges over the kernel", fix)
        if not missing:
            how = "CAP_SYS_ADMIN" if Capability.CAP_SYS_ADMIN in self._held else names(TRACING)
            return Requirement("privileges", True, how)
        detail = f"{names(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        if not knows_bpf(self._root):
            detail += " (this kernel has no CAP_BPF)"
        return Requirement("privileges", False, detail, self._grant(*self._tracing))

    def _tracefs(self) -> Requirement:
        mount = find_tracefs(self._root)
        if mount is not None:
            return self._readable(mount)
        if not under(self._root, _TRACEFS).is_dir():
            return Requirement("tracefs", False, "this kernel has no tracefs", self._kernel_with("CONFIG_FTRACE=y"))
        mounting = self._as_root(f"mount -t tracefs tracefs {_TRACEFS}")
        in_container = self._engine and Capability.CAP_SYS_ADMIN not in self._held
        return Requirement(
            "tracefs", False, "not mounted", grant_folder(self._engine, _TRACEFS) if in_container else mounting
        )

    def _readable(self, mount: Path) -> Requirement:
        shown = f"/{mount.relative_to(self._root)}"
        try:
            events = next((mount / "events" / "vmscan").iterdir(), None)
            if events is not None and (events / "format").exists():
                (events / "format").open("rb").close()
        except FileNotFoundError:
            detail = f"{shown} has no vmscan events"
            return Requirement("tracefs", False, detail, self._kernel_with("CONFIG_FTRACE=y"))
        except OSError as error:
            return Requirement("tracefs", False, f"{shown}: {error.strerror}", self._open_tracefs(shown))
        return Requirement("tracefs", True, shown)

    def _open_tracefs(self, mount: str) -> str:
        if not self._held:
            return run_as_root()
        return self._as_root(f"mount -o remount,mode=750,gid={os.getegid()} {mount}")

    def _lockdown(self) -> Requirement:
        text = read_text(self._root, "/sys/kernel/security/lockdown") or ""
        state = text.partition("[")[2].partition("]")[0]
        if state != "confidentiality":
            return Requirement("lockdown", True, state or "not in force, as far as visible")
        detail = "confidentiality: the kernel refuses tracing"
        return Requirement("lockdown", False, detail, boot_with("lockdown=integrity", self._distribution))

    def _perf_events(self) -> Requirement:
        level = read_text(self._root, "/proc/sys/kernel/perf_event_paranoid")
        if level is None:
            detail = "this kernel has no perf events"
            return Requirement("perf events", False, detail, self._kernel_with("CONFIG_PERF_EVENTS=y"))
        limit = ", no limit with these privileges" if self._may_trace else ""
        if self._perf_events_may_be_closed:
            limit = ", for which some kernels ask for CAP_SYS_ADMIN"
        return Requirement("perf events", True, f"perf_event_paranoid {level}{limit}")

    @property
    def _perf_events_may_be_closed(self) -> bool:
        """Whether kernels of Debian and Ubuntu refuse them: `perf_paranoid_any() && !capable(CAP_SYS_ADMIN)`, by their
        patch to perf_event_open() in kernel/events/core.c.
        """
        level = int(read_text(self._root, "/proc/sys/kernel/perf_event_paranoid") or 0)
        return level > _MOST_PARANOID and Capability.CAP_SYS_ADMIN not in self._held

    def _symbols(self) -> Requirement:
        why = why_hidden(self._root)
        if not why:
            return Requirement("kernel symbols", True, "addresses readable", needed=False)
        detail = f"{why}: shrinkers have no names, the balloon's work is not traced"
        setting = hidden_by_kernel(self._root)
        fix = self._as_root(f"sysctl {setting}") if setting else self._grant(Capability.CAP_SYSLOG)
        return Requirement("kernel symbols", False, detail, fix, needed=False)

    def _locked_memory(self) -> Requirement:
        shown, enough = _memlock_limit(_MEMLOCK_BYTES)
        if enough or Capability.CAP_SYS_RESOURCE in self._held:
            return Requirement("locked memory", True, shown, needed=False)
        detail = f"{shown}: kernels before 5.11 count BPF maps against it"
        return Requirement("locked memory", False, detail, "ulimit -l unlimited", needed=False)

    def _memory_lock(self) -> Requirement:
        shown, enough = _memlock_limit(_ADDRESS_SPACE_BYTES)
        if enough or Capability.CAP_IPC_LOCK in self._held:
            return Requirement("memory lock", True, "the tracer locks its pages in memory", needed=False)
        detail = f"CAP_IPC_LOCK is missing, and ulimit -l is {shown}: reclaim can stall the tracer"
        return Requirement("memory lock", False, detail, self._grant(Capability.CAP_IPC_LOCK), needed=False)

    def _oom_shield(self) -> Requirement:
        if Capability.CAP_SYS_RESOURCE in self._held:
            return Requirement("OOM shield", True, "the OOM killer spares the tracer", needed=False)
        detail = "CAP_SYS_RESOURCE is missing: the OOM killer may kill the tracer"
        return Requirement("OOM shield", False, detail, self._grant(Capability.CAP_SYS_RESOURCE), needed=False)

    def _btf(self) -> Requirement:
        if under(self._root, _BTF).exists():
            return Requirement("BTF", True, _BTF, needed=False)
        detail = "none: function arguments and kernel counters can't be read; tracepoints work"
        return Requirement("BTF", False, detail, self._kernel_with("CONFIG_DEBUG_INFO_BTF=y"), needed=False)

    def _pressure(self) -> Requirement:
        off = pressure_state(self._root)
        if not off:
            return Requirement("pressure (PSI)", True, "on", needed=False)
        built_in = under(self._root, "/proc/pressure").is_dir()
        fix = boot_with("psi=1", self._distribution) if built_in else self._kernel_with("CONFIG_PSI=y")
        return Requirement("pressure (PSI)", False, off.partition(":")[0], fix, needed=False)

    @property
    def _tracing(self) -> tuple[Capability, ...]:
        """What loading and attaching take here."""
        admin = Capability.CAP_SYS_ADMIN in self._held or not knows_bpf(self._root)
        return (Capability.CAP_SYS_ADMIN,) if admin else TRACING

    def _grant(self, *needed: Capability) -> str:
        """How this process, started in the way it was, gets what is needed and whatever else is of use."""
        bounds = bounding_capabilities(self._root) or frozenset(Capability)
        wanted = (*self._tracing, Capability.CAP_SYSLOG, Capability.CAP_SYS_RESOURCE, Capability.CAP_IPC_LOCK)
        if self._engine:
            return grant_capabilities(self._engine, wanted)
        if beyond := [item.name for item in needed if item not in bounds]:
            return f"start it with {' and '.join(beyond)} in its bounding set; systemd: CapabilityBoundingSet="
        if effective_uid(self._root) != 0 and not self._held & {*Capability}:
            return run_as_root()
        return run_with(",".join(f"+{item.name.removeprefix('CAP_').lower()}" for item in wanted if item in bounds))

    def _kernel_with(self, option: str) -> str:
        return kernel_with(option, self._distribution)

    def _as_root(self, command: str) -> str:
        return as_root(command, effective_uid(self._root))


def _memlock_limit(wanted_bytes: int) -> tuple[str, bool]:
    """RLIMIT_MEMLOCK in words, and whether it is as much as wanted."""
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit == resource.RLIM_INFINITY:
        return "unlimited", True
    return f"{limit // 1024} KiB", limit >= wanted_bytes
