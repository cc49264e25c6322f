"""Describing the running kernel: without bcc and without a compiler, as far as this process's rights go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ... import __version__
from ...kernel.access import requirements
from ...kernel.balloon import read_balloon
from ...kernel.btf import Btf
from ...kernel.btf_subset import btf_subset, prototypes
from ...kernel.cgroup import find_memory_controller
from ...kernel.host import read_host
from ...kernel.kallsyms import Symbol, find_symbols
from ...kernel.lru_gen import read_lru_gen
from ...kernel.paths import ROOT, read_text, under
from ...kernel.tracefs import format_text
from ..free_pages import buddy_orders
from ..functions import KPROBES
from ..sources import bpf_dir, kernel_flags
from ..transport import choose_transport
from ..trials import RUNNING, Trials
from .facts import KERNEL_TYPES, Facts
from .questions import ASKED, SYMBOLS, TRACEPOINTS, TYPES
from .trials import NotedTrials


def describe(root: Path = ROOT, trials: Trials = RUNNING) -> Facts:
    """The kernel below `root`, as far as it can be had; `unknown` of what is given says what can't and why."""
    host = read_host(root)
    symbols = find_symbols(SYMBOLS, root)
    unmet = dict(_unmet(root))
    return Facts(
        tool_version=__version__,
        release=host.kernel_release,
        machine=host.machine,
        page_bytes=host.page_size_bytes,
        cpus_possible=host.cpus_possible,
        has_kprobes=under(root, KPROBES).exists(),
        has_lru_gen=read_lru_gen(root).enabled is not None,
        buddy_orders=buddy_orders(root),
        cgroup_version=controller.version if (controller := find_memory_controller(root)) else None,
        balloon_driver=read_balloon(root, symbols).driver,
        formats={name: text for name in sorted(TRACEPOINTS) if (text := format_text(name, root)) is not None},
        symbols=tuple((symbol.name, symbol.module) for found in symbols.values() for symbol in found),
        types=_types(symbols, root),
        trials=None if "privileges" in unmet else _tried(host.kernel_release, root, trials),
        asked=ASKED,
        unknown=tuple(unmet.values()),
    )


def _unmet(root: Path) -> Iterator[tuple[str, str]]:
    """What keeps this process from seeing all of it, by requirement."""
    for item in requirements(root):
        if item.name in ("proc", "tracefs", "privileges", "lockdown") and not item.ok:
            yield item.name, f"{item.name}: {item.detail}; {item.fix}"
    if read_text(root, "/proc/kallsyms") is None:
        yield "symbols", "kernel symbols: /proc/kallsyms can't be read"


def _types(symbols: Mapping[str, tuple[Symbol, ...]], root: Path) -> dict[str, bytes]:
    """What is asked for of the kernel's types, and of those of modules that have one of the functions."""
    kernel = Btf.read(root=root)
    if kernel is None:
        return {}
    owners = sorted({symbol.module for found in symbols.values() for symbol in found if symbol.module})
    modules = {owner: types for owner in owners if (types := Btf.read(owner, root)) is not None}
    shared = {number for types in modules.values() for number in prototypes(types, TYPES)}
    subset = btf_subset(kernel, TYPES, [number for number in shared if number <= len(kernel.starts)])
    before = Btf(subset).strings_end
    subsets = {owner: btf_subset(types, TYPES, strings_before=before) for owner, types in modules.items()}
    return {KERNEL_TYPES: subset, **subsets}


def _tried(release: str, root: Path, trials: Trials) -> Mapping[str, bool | str]:
    """The answers to everything that compiling for this kernel asks."""
    noted = NotedTrials(trials)
    transport = choose_transport(trials=noted).transport
    kernel_flags(release, transport, bpf_dir(), root, noted)
    return noted.answers
