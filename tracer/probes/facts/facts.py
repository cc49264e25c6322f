"""What a plan and its programs depend on, of a kernel that need not run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import RecordingError

KERNEL_TYPES = "vmlinux"
"""The kernel's own among `Facts.types`."""


class FactsError(RecordingError):
    """A description that is damaged, or does not tell what is needed; the message does not name the file."""


@dataclass(frozen=True)
class Facts:
    """One kernel, on one machine, as far as compiled programs depend on them; no address and nothing of its users.

    `formats` has the tracepoints that the kernel has by `category:name`. `symbols` are names with their module, None
    for the kernel itself. `types` are BTF by object (`vmlinux`, modules), of what was asked for only. `buddy_orders` is
    how many sizes of block the page allocator has. `balloon_driver` is its name as recordings have it. `trials` has
    what the kernel let programs do, by question (`DescribedKernel`); None where nothing could be tried. `asked` are the
    tracepoints, symbols and types that were looked for: what is none of these is not known. `unknown` says why
    something is not told, one line each.
    """

    tool_version: str
    release: str
    machine: str
    page_bytes: int
    cpus_possible: int
    has_kprobes: bool
    has_lru_gen: bool
    buddy_orders: int | None
    cgroup_version: int | None
    balloon_driver: str | None
    formats: Mapping[str, str]
    symbols: tuple[tuple[str, str | None], ...]
    types: Mapping[str, bytes]
    trials: Mapping[str, bool | str] | None
    asked: frozenset[str]
    unknown: tuple[str, ...] = ()
