"""This process's capabilities: which it holds, and what they allow on the machine."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path

from .host import in_initial_namespace
from .paths import ROOT, read_text


class Capability(IntEnum):
    """Bits of the capability sets: include/uapi/linux/capability.h."""

    CAP_SETGID = 6
    CAP_SETUID = 7
    CAP_IPC_LOCK = 14
    CAP_SYS_ADMIN = 21
    CAP_SYS_RESOURCE = 24
    CAP_SYSLOG = 34
    CAP_PERFMON = 38
    CAP_BPF = 39


TRACING = (Capability.CAP_BPF, Capability.CAP_PERFMON)
"""What loading and attaching take; CAP_SYS_ADMIN stands for both, and on kernels before 5.8 nothing else does."""


def effective_capabilities(root: Path = ROOT) -> frozenset[int]:
    """Capability numbers in effect, from /proc/self/status; empty where it can't be read."""
    return _set(root, "CapEff")


def bounding_capabilities(root: Path = ROOT) -> frozenset[int]:
    """What this process and all that it starts can have at most; empty where it can't be read."""
    return _set(root, "CapBnd")


def missing_to_trace(root: Path = ROOT) -> tuple[Capability, ...]:
    """What this process lacks to load and attach tracing programs; empty where nothing."""
    held = effective_capabilities(root)
    if Capability.CAP_SYS_ADMIN in held:
        return ()
    wanted = TRACING if knows_bpf(root) else (Capability.CAP_SYS_ADMIN,)
    return tuple(item for item in wanted if item not in held)


def may_trace(root: Path = ROOT) -> bool:
    """Whether this process may load and attach tracing programs: the capabilities count on the machine itself only."""
    return not missing_to_trace(root) and in_initial_namespace("user", root)


def knows_bpf(root: Path = ROOT) -> bool:
    """Whether this kernel has CAP_BPF at all; True where it doesn't say."""
    last = read_text(root, "/proc/sys/kernel/cap_last_cap")
    return last is None or int(last) >= Capability.CAP_BPF


def names(items: Iterable[Capability]) -> str:
    """`CAP_BPF and CAP_PERFMON`."""
    return " and ".join(item.name for item in items)


def effective_uid(root: Path = ROOT) -> int:
    """As /proc/self/status has it; -1 where it can't be read."""
    fields = (_status(root, "Uid") or "").split()
    return int(fields[1]) if len(fields) > 1 else -1


def is_filtered(root: Path = ROOT) -> bool:
    """Whether a seccomp filter decides which system calls this process may make."""
    return _status(root, "Seccomp") == "2"


def _set(root: Path, name: str) -> frozenset[int]:
    bits = int(_status(root, name) or "0", 16)
    return frozenset(bit for bit in range(bits.bit_length()) if bits >> bit & 1)


def _status(root: Path, name: str) -> str | None:
    for line in (read_text(root, "/proc/self/status") or "").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value.strip()
    return None
