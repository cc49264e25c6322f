"""Kernel functions worth a probe, and the probes on them: fentry and fexit by BTF, else kprobes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from ..kernel.btf import Btf
from ..kernel.kallsyms import Symbol, why_hidden
from ..kernel.paths import ROOT, under
from ..kernel.remembered import read_types
from ..schema import KIND_BY_NAME, Kind
from .boot_constants import constant_flag
from .probe import How, Probe, Source, Subject

WITH_FUNCTIONS: Final = "-DRT_WITH_FUNCTIONS"
MAX_CALLBACKS: Final = 4
"""OOM callbacks that bpf/functions.bpf.c has programs for."""
KPROBES: Final = "/sys/bus/event_source/devices/kprobe/type"


@dataclass(frozen=True)
class Traced:
    """What entry and return of a function tell. `functions`: its names, by kernel; the first there is taken."""

    begin: str
    end: str | None
    functions: tuple[str, ...]


WORK: Final = Traced("update_balloon_size_begin", "update_balloon_size_end", ("update_balloon_size_func",))
FUNCTIONS: Final = (
    Traced("fill_balloon_begin", "fill_balloon_end", ("fill_balloon",)),
    Traced("leak_balloon_begin", "leak_balloon_end", ("leak_balloon",)),
    Traced("tell_host", None, ("tell_host",)),
    Traced(
        "balloon_shrinker_begin", "balloon_shrinker_end", ("virtio_balloon_shrinker_scan", "vmballoon_shrinker_scan")
    ),
    Traced("virtballoon_changed", None, ("virtballoon_changed",)),
    Traced("virtballoon_migratepage", None, ("virtballoon_migratepage", "vmballoon_migratepage")),
    Traced("out_of_memory_begin", "out_of_memory_end", ("out_of_memory",)),
    Traced("proactive_reclaim_begin", "proactive_reclaim_end", ("user_proactive_reclaim", "memory_reclaim")),
    Traced("drop_caches_begin", "drop_caches_end", ("drop_caches_sysctl_handler", "drop_slab")),
)
"""Virtio's and VMware's balloon drivers; mm/oom_kill.c; mm/vmscan.c or mm/memcontrol.c; fs/drop_caches.c."""

TELL_PAGES: Final = frozenset({"fill_balloon_begin", "leak_balloon_begin", "tell_host"})
"""Of these, the ones that say how many pages came or went."""

_RETURN_AT: Final = ("proactive_reclaim_end",)
"""Programs that are told where the return value is, because it moved."""
_FROM_STRUCTURES: Final = {
    "tell_host": ("num_pfns", "virtio_balloon", "virtio_balloon"),
    "balloon_shrinker_begin": ("nr_to_scan", None, "shrink_control"),
}
"""Fields read out of a structure: field (and member), the module whose it is, the structure."""
_OOM_CONTROL: Final[dict[str, dict[str, tuple[tuple[str, str], ...]]]] = {
    "out_of_memory_begin": {
        "gfp_flags": (("oom_control", "gfp_mask"),),
        "order": (("oom_control", "order"),),
        "memcg_id": (
            ("oom_control", "memcg"),
            ("mem_cgroup", "css"),
            ("cgroup_subsys_state", "cgroup"),
            ("cgroup", "kn"),
            ("kernfs_node", "id"),
        ),
    },
    "out_of_memory_end": {"constraint": (("oom_control", "constraint"),)},
}
"""Structures and members on the way to each field, by kind: include/linux/oom.h and what it points to."""
_ASKED_FOR: Final = frozenset(
    (
        *(name for traced in (WORK, *FUNCTIONS) for name in traced.functions),
        *(name for field, _, structure in _FROM_STRUCTURES.values() for name in (field, structure)),
        *(name for ways in _OOM_CONTROL.values() for way in ways.values() for step in way for name in step),
    )
)
"""Names in the types, of those that are asked for at every start."""
_NEVER: Final[dict[str, tuple[str, ...]]] = {"update_balloon_size_begin": ("num_pages",)}


class FunctionProbes:
    """Makes sources for functions of the running kernel."""

    def __init__(self, symbols: Mapping[str, tuple[Symbol, ...]], root: Path = ROOT, *, unwanted: str = "") -> None:
        """`unwanted`: why no function is to be probed; empty where they are."""
        self.symbols = symbols
        self._unwanted = unwanted
        self._root = root
        self._module_types: dict[str, Btf | None] = {}
        self._has_kprobes = under(root, KPROBES).exists()

    @cached_property
    def types(self) -> Btf | None:
        """The kernel's own types."""
        return self._read_types(None)

    def subject(self, traced: Traced) -> Subject:
        """A subject with a source for each way."""
        return Subject(tuple(self.sources(traced)))

    def sources(self, traced: Traced) -> Iterator[Source]:
        """Sources that tell of a function's entry and return, best first."""
        kinds = tuple(KIND_BY_NAME[name] for name in (traced.begin, traced.end) if name)
        function = next((name for name in traced.functions if name in self.symbols), None)
        if function is None:
            yield Source(f"function:{traced.functions[0]}", kinds, obstacle=_why_no_function(traced))
            return
        places = ((kinds[0], False), *((kind, True) for kind in kinds[1:]))
        flags, absent = self._structure_fields(traced.begin)
        flags += self._return_flags(traced, function)
        for kind in kinds:
            places_of, unknown = self._oom_fields(kind.name)
            flags, absent = flags + places_of, {**absent, **unknown}
        for traces in (True, False):
            name = f"{How.FENTRY if traces else How.KPROBE}:{function}"
            probes = tuple(self.probe(kind.name, function, kind, on_return=end, traces=traces) for kind, end in places)
            yield Source(name, kinds, probes, self.obstacle(function, traces=traces), flags, absent)

    def callbacks(self, names: tuple[str, ...]) -> Iterator[Source]:
        """Sources that tell of entry and return of those OOM callbacks that the kernel has."""
        kinds = (KIND_BY_NAME["oom_notify_begin"], KIND_BY_NAME["oom_notify_end"])
        found = [name for name in names if self.address(name)][:MAX_CALLBACKS]
        if not found:
            yield Source("function:oom_notify", kinds, obstacle=self._why_no_callbacks(names))
            return
        flags = (WITH_FUNCTIONS, *(constant_flag(f"RT_OOM_CALLBACK_{n}") for n in range(MAX_CALLBACKS)))
        addresses = {f"RT_OOM_CALLBACK_{n}": self.address(function) for n, function in enumerate(found)}
        for traces in (True, False):
            probes = [
                probe
                for number, function in enumerate(found)
                for probe in (
                    self.probe(f"oom_notify_begin_{number}", function, kinds[0], on_return=False, traces=traces),
                    self.probe("oom_notify_end", function, kinds[1], on_return=True, traces=traces),
                )
            ]
            obstacle = next(filter(None, (self.obstacle(name, traces=traces) for name in found)), "")
            name = f"{How.FENTRY if traces else How.KPROBE}:{','.join(found)}"
            yield Source(name, kinds, tuple(probes), obstacle, flags, boot=addresses)

    def _why_no_callbacks(self, names: tuple[str, ...]) -> str:
        if there := [name for name in names if name in self.symbols]:
            return f"no address of {', '.join(there)}: {why_hidden(self._root) or 'the kernel does not show it'}"
        return f"this kernel has none of the known callbacks ({', '.join(names)})"

    def probe(self, program: str, function: str, kind: Kind | None, *, on_return: bool, traces: bool) -> Probe:
        """One probe at a function's entry or return; `traces` for fentry and fexit."""
        if not traces:
            return Probe(program, How.KRETPROBE if on_return else How.KPROBE, function, kind)
        how = How.FEXIT if on_return else How.FENTRY
        module, found = self.module(function), self._type(function)
        return Probe(f"{program}_traced", how, function, kind, module=module, type_number=found[0] if found else 0)

    def obstacle(self, function: str, *, traces: bool) -> str:
        """Why a function can't even be tried; empty where it can."""
        if self._unwanted:
            return self._unwanted
        if traces:
            return "" if self._type(function) else f"no BTF for it ({self.module(function) or 'vmlinux'})"
        return "" if self._has_kprobes else "this kernel has no kprobes"

    def arguments(self, function: str) -> int:
        """How many arguments a function takes, by BTF; 0 where that is not to be had."""
        found = self._type(function)
        return found[1] if found else 0

    def module(self, function: str) -> str | None:
        """The module a function is in; None for the kernel itself."""
        return next((symbol.module for symbol in self.symbols.get(function, ())), None)

    def address(self, function: str) -> int:
        """Where a function is; 0 where that is not to be had."""
        return next((symbol.address for symbol in self.symbols.get(function, ())), 0)

    def _type(self, function: str) -> tuple[int, int] | None:
        types = self.types_of(self.module(function))
        return types.function(function) if types else None

    def types_of(self, module: str | None) -> Btf | None:
        """A module's types, or the kernel's own; None where they are not to be had."""
        if module is None:
            return self.types
        if module not in self._module_types:
            self._module_types[module] = self._read_types(module)
        return self._module_types[module]

    def _read_types(self, module: str | None) -> Btf | None:
        types = read_types(module, self._root)
        if types is not None:
            types.expect(_ASKED_FOR)
        return types

    def _structure_fields(self, program: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
        """Flags that tell where in a structure a field is, and the fields of which that is not known."""
        absent: dict[str, tuple[str, ...]] = {program: _NEVER[program]} if program in _NEVER else {}
        if program not in _FROM_STRUCTURES:
            return (WITH_FUNCTIONS,), absent
        field, owner, structure = _FROM_STRUCTURES[program]
        module = next((symbol.module for symbol in self.symbols.get(program, ())), None) if owner else None
        types = self.types_of(module)
        offset = types.member_offset_bytes(structure, field) if types else None
        if offset is None:
            return (WITH_FUNCTIONS,), {program: (field,)}
        return (WITH_FUNCTIONS, f"-DRT_AT_{program}_{field}={offset}"), absent

    def _oom_fields(self, kind: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
        """Flags that tell where what an OOM is about is kept, and the fields of which that is not known."""
        flags: list[str] = []
        unknown: list[str] = []
        for name, way in _OOM_CONTROL.get(kind, {}).items():
            offsets = [self.types.member_offset_bytes(*step) if self.types else None for step in way]
            if None in offsets:
                unknown.append(name)
                continue
            flags += [f"-DRT_AT_{owner}_{member}={at}" for (owner, member), at in zip(way, offsets, strict=True)]
        return tuple(flags), {kind: tuple(unknown)} if unknown else {}

    def _return_flags(self, traced: Traced, function: str) -> tuple[str, ...]:
        if traced.end not in _RETURN_AT:
            return ()
        return (f"-DRT_RETURN_OF_{traced.end}={self.arguments(function)}",)


def _why_no_function(traced: Traced) -> str:
    return f"this kernel has no function {' or '.join(traced.functions)} (inlined, or its driver is not loaded)"
