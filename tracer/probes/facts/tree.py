"""A described kernel as files below a root, for all that reads such files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ...kernel.paths import under
from ..functions import KPROBES
from .facts import Facts

_TRACEFS: Final = "/sys/kernel/tracing"
_MOUNTS: Final = f"40 31 0:12 / {_TRACEFS} rw - tracefs tracefs rw\n"
_CGROUPS: Final = {
    1: ("35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "1:memory:/\n"),
    2: ("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "0::/\n"),
}
"""Lines of /proc/self/mountinfo and of /proc/self/cgroup, by the memory controller's version."""
_FIRST_ADDRESS: Final = 0xFFFFFFFF81000000
_ADDRESS_STEP: Final = 64
_MULTI_GEN: Final = "0x0007\n"
_VMWARE: Final = "vmw_balloon"


@contextmanager
def as_tree(facts: Facts) -> Iterator[Path]:
    """A root with the kernel's files, which goes when the block is left.

    It is the fullest boot of that kernel: addresses are shown (made-up ones: they are not compiled in), the multi-gen
    LRU is on where there is one. Programs for it have in them what another boot needs.
    """
    with TemporaryDirectory(prefix="reclaim-tracer-") as folder:
        root = Path(folder)
        for path, data in _files(facts):
            file = under(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        yield root


def _files(facts: Facts) -> Iterator[tuple[str, bytes]]:
    mounted, own = _CGROUPS.get(facts.cgroup_version or 0, ("", ""))
    yield "/proc/self/mountinfo", (_MOUNTS + mounted).encode()
    yield "/proc/self/cgroup", own.encode()
    yield "/sys/fs/cgroup/cgroup.controllers", b"memory\n"
    yield "/proc/kallsyms", "".join(_symbol_lines(facts)).encode()
    yield "/sys/devices/system/cpu/possible", f"0-{facts.cpus_possible - 1}\n".encode()
    if facts.buddy_orders is not None:
        yield "/proc/buddyinfo", b"Node 0, zone Normal" + b" 0" * facts.buddy_orders
    if facts.has_kprobes:
        yield KPROBES, b"6\n"
    if facts.has_lru_gen:
        yield "/sys/kernel/mm/lru_gen/enabled", _MULTI_GEN.encode()
    if facts.balloon_driver == _VMWARE:
        yield f"/sys/module/{_VMWARE}/initstate", b"live\n"
    for name, text in facts.formats.items():
        yield f"{_TRACEFS}/events/{name.replace(':', '/')}/format", text.encode()
    for owner, types in facts.types.items():
        yield f"/sys/kernel/btf/{owner}", types


def _symbol_lines(facts: Facts) -> Iterator[str]:
    yield f"{_FIRST_ADDRESS:x} T _stext\n"
    for number, (name, module) in enumerate(facts.symbols, 1):
        owner = f"\t[{module}]" if module else ""
        yield f"{_FIRST_ADDRESS + number * _ADDRESS_STEP:x} t {name}{owner}\n"
