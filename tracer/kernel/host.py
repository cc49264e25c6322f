"""What machine this is: kernel, CPUs, memory, clock, distribution, container."""

from __future__ import annotations

import mmap
import os
import re
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from .kernel_time import now_ns
from .paths import ROOT, number_list, read_text

_INITIAL_NAMESPACES: Final = {"cgroup": 4026531835, "pid": 4026531836, "user": 4026531837}
"""Inode numbers of the initial namespaces: include/linux/proc_ns.h."""
_CONTAINER_MARKS: Final = ("/run/.containerenv", "/.dockerenv")
_CONTAINER_CGROUP: Final = re.compile(r"docker|kubepods|libpod|containerd|/lxc")
_ANCHOR_TRIES: Final = 5

_FAMILIES: Final = {
    "debian": ("debian", "ubuntu"),
    "fedora": ("fedora", "rhel", "centos"),
    "arch": ("arch",),
    "suse": ("suse", "opensuse"),
    "alpine": ("alpine",),
}


@dataclass(frozen=True)
class ClockAnchor:
    """One moment on three clocks: CLOCK_MONOTONIC ns, UTC ns since 1970, CLOCK_BOOTTIME ns, and the most they can be
    apart."""

    monotonic_ns: int
    utc_ns: int
    boottime_ns: int
    error_ns: int


@dataclass(frozen=True)
class Distribution:
    """From os-release. `family` is `debian`, `fedora`, `arch`, `suse`, `alpine` or `other`."""

    id: str
    name: str
    family: str


@dataclass(frozen=True)
class HostInfo:
    """Read-only facts about the machine. `container` says how this process is contained, empty where it isn't."""

    kernel_release: str
    kernel_version: str
    machine: str
    host: str
    boot_id: str
    cpus_possible: int
    cpus_online: int
    numa_nodes: tuple[int, ...]
    page_size_bytes: int
    memory_total_bytes: int
    distribution: Distribution
    container: str


def read_host(root: Path = ROOT) -> HostInfo:
    """The machine below `root`; the kernel's own names come from uname(2)."""
    uname = os.uname()
    online = _count(root, "/sys/devices/system/cpu/online") or os.cpu_count() or 1
    return HostInfo(
        kernel_release=uname.release,
        kernel_version=uname.version,
        machine=uname.machine,
        host=uname.nodename,
        boot_id=read_text(root, "/proc/sys/kernel/random/boot_id") or "",
        cpus_possible=_count(root, "/sys/devices/system/cpu/possible") or online,
        cpus_online=online,
        numa_nodes=_numbers(root, "/sys/devices/system/node/online") or (0,),
        page_size_bytes=os.sysconf("SC_PAGE_SIZE"),
        memory_total_bytes=_memory_total_bytes(root),
        distribution=read_distribution(root),
        container=container_hint(root),
    )


def online_cpus(root: Path = ROOT) -> frozenset[int]:
    """The numbers of the CPUs that are online now; cheap, for those who ask again and again."""
    try:
        fd = os.open(f"{root}/sys/devices/system/cpu/online", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _cpus(os.read(fd, mmap.PAGESIZE))
        finally:
            os.close(fd)
    except OSError:
        return _cpus(b"")


@lru_cache(maxsize=1)
def _cpus(text: bytes) -> frozenset[int]:
    try:
        numbers = number_list(text.decode())
    except ValueError:
        numbers = ()
    return frozenset(numbers or range(os.cpu_count() or 1))


def clock_anchor() -> ClockAnchor:
    """The clocks at one moment: the tightest of a few readings."""
    return min((_read_clocks() for _ in range(_ANCHOR_TRIES)), key=lambda anchor: anchor.error_ns)


def read_distribution(root: Path = ROOT) -> Distribution:
    """The distribution that os-release names."""
    text = read_text(root, "/etc/os-release") or read_text(root, "/usr/lib/os-release") or ""
    values = _os_release(text)
    name = values.get("ID", "linux")
    alike = (name, *values.get("ID_LIKE", "").split())
    family = next((family for family, ids in _FAMILIES.items() if any(known in ids for known in alike)), "other")
    return Distribution(name, values.get("PRETTY_NAME", name), family)


def container_hint(root: Path = ROOT) -> str:
    """Why this looks like a container, in a few words: the kernel's events name tasks as the host sees them."""
    inside = tuple(name for name in _INITIAL_NAMESPACES if not in_initial_namespace(name, root))
    if inside:
        return f"not in the machine's initial {', '.join(inside)} namespace"
    if any((root / mark.lstrip("/")).exists() for mark in _CONTAINER_MARKS):
        return "a container engine left its mark file"
    if _CONTAINER_CGROUP.search(read_text(root, "/proc/1/cgroup") or ""):
        return "process 1 is in a container's cgroup"
    return ""


def in_initial_namespace(name: str, root: Path = ROOT) -> bool:
    """Whether this process is in the machine's first `cgroup`, `pid` or `user` namespace; True where unknown."""
    try:
        target = (root / "proc/self/ns" / name).readlink().name
    except OSError:
        return True
    return target.endswith(f"[{_INITIAL_NAMESPACES[name]}]")


def _read_clocks() -> ClockAnchor:
    before = now_ns()
    utc_ns, boottime_ns = time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    after = now_ns()
    return ClockAnchor((before + after) // 2, utc_ns, boottime_ns, after - before)


def _os_release(text: str) -> Mapping[str, str]:
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: _unquote(value) for key, equals, value in pairs if equals}


def _unquote(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value


def _memory_total_bytes(root: Path) -> int:
    match = re.search(r"^MemTotal:\s*(\d+) kB", read_text(root, "/proc/meminfo") or "", re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def _numbers(root: Path, path: str) -> tuple[int, ...]:
    try:
        return number_list(read_text(root, path) or "")
    except ValueError:
        return ()


def _count(root: Path, path: str) -> int:
    return len(_numbers(root, path))
