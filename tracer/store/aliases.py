"""Names that say nothing of whose machine it is, in place of those in a recording: the same for the same name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..known_names import CONTAINER_RUNTIMES, KERNEL_THREAD, MEMORY_KILLERS
from ..record import COMM_BYTES

_PAGE: Final = 1 << 12
"""No kernel address lies in the first page: what is below it is a number in an address's place, and stays."""
_ADDRESS_MASK: Final = (1 << 64) - 1
_KEPT_TASKS: Final = frozenset(name.encode() for name in MEMORY_KILLERS | CONTAINER_RUNTIMES)
_KEPT_CGROUPS: Final = frozenset(
    {"", "..", "init.scope", "system.slice", "user.slice", "machine.slice"}
    | {"kubepods", "burstable", "besteffort", "kubepods.slice", "kubepods-burstable.slice", "kubepods-besteffort.slice"}
    | {"docker", "lxc", "system", "user"}
)
_HEX: Final = "[0-9a-f]"
_POD: Final = re.compile(
    rf"(?P<kind>(?:kubepods-(?:burstable-|besteffort-)?)?pod)"
    rf"(?P<name>{_HEX}{{8}}(?:[-_]{_HEX}{{4}}){{3}}[-_]{_HEX}{{12}}|{_HEX}{{32}})(?P<end>(?:\.slice)?)"
)
_CONTAINER: Final = re.compile(
    rf"(?P<kind>(?:(?:cri-containerd|crio|docker|libpod)-)?)(?P<name>{_HEX}{{64}})(?P<end>(?:\.scope)?)"
)
_UNIT: Final = re.compile(
    r"(?P<kind>)(?P<name>.*?)(?P<end>(?:\.(?:service|scope|slice|mount|socket|swap))?)", re.DOTALL
)


class TaskAliases(dict[bytes, bytes]):
    """The alias of each task's name, made when it is first asked for: `task-1`, `task-2`, ...

    Kernel threads and programs that the analysis knows by their names (memory killers, container runtimes) keep them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._made = 0

    def __missing__(self, name: bytes) -> bytes:
        if not name or name in _KEPT_TASKS or KERNEL_THREAD.fullmatch(name):
            alias = name
        else:
            self._made += 1
            alias = b"task-%d" % self._made
        self[name] = alias
        return alias

    def column(self, names: npt.NDArray[np.generic]) -> npt.NDArray[np.bytes_]:
        """The aliases of a column of names, of its shape."""
        return np.array([self[name] for name in names.tolist()], f"S{COMM_BYTES}")


class CgroupAliases(Mapping[int, str]):
    """Paths by number with each part that somebody named replaced; `paths` may grow.

    What the kernel's users all have stays (`system.slice`, `kubepods.slice`), and so does what kind of thing a part is:
    a systemd unit, a pod, a container.
    """

    def __init__(self, paths: Mapping[int, str], parts: dict[str, str] | None = None) -> None:
        """`parts` are the aliases of parts that other recordings have, too; new ones are added."""
        self._paths = paths
        self._seen = 0
        self._aliases: dict[int, str] = {}
        self._parts = {} if parts is None else parts

    def __getitem__(self, number: int) -> str:
        return self._all()[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._paths)

    def _all(self) -> dict[int, str]:
        """In the recording's order, so that an alias does not depend on what is asked for first."""
        for number, path in islice(self._paths.items(), self._seen, None):
            self._aliases[number] = "/".join(map(self._part, path.split("/")))
            self._seen += 1
        return self._aliases

    def _part(self, name: str) -> str:
        if name in _KEPT_CGROUPS:
            return name
        if name not in self._parts:
            self._parts[name] = _part_alias(name, len(self._parts) + 1)
        return self._parts[name]


class AddressAliases(dict[int, int]):
    """The alias of each kernel address (unsigned), made when it is first asked for: 0x1001, 0x1002, ..."""

    def __missing__(self, address: int) -> int:
        self[address] = alias = address if address < _PAGE else _PAGE + len(self) + 1
        return alias

    def column(self, addresses: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.integer[Any]]:
        """The aliases of a column of addresses, of its shape and type."""
        distinct, first, at = np.unique(addresses, return_index=True, return_inverse=True)
        aliases = np.empty_like(distinct)
        for number in np.argsort(first).tolist():
            aliases[number] = self[int(distinct[number]) & _ADDRESS_MASK]
        column: npt.NDArray[np.integer[Any]] = aliases[at]
        return column


class SymbolAliases(Mapping[int, str]):
    """Functions' names by the aliases of their addresses; `symbols` may grow."""

    def __init__(self, symbols: Mapping[int, str], addresses: AddressAliases) -> None:
        self._symbols = symbols
        self._addresses = addresses
        self._seen = 0
        self._names: dict[int, str] = {}

    def __getitem__(self, alias: int) -> str:
        return self._all()[alias]

    def __iter__(self) -> Iterator[int]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._symbols)

    def _all(self) -> dict[int, str]:
        for address, name in islice(self._symbols.items(), self._seen, None):
            self._names[self._addresses[address]] = name
            self._seen += 1
        return self._names


@dataclass
class Aliases:
    """Of recordings that are looked at together: a name that comes again in another has the same alias."""

    tasks: TaskAliases = field(default_factory=TaskAliases)
    cgroup_parts: dict[str, str] = field(default_factory=dict)
    _hosts: dict[str, str] = field(default_factory=dict)
    _files: int = 0

    def host(self, name: str) -> str:
        """`host`, then `host-2`, ...; no name has none."""
        return name and self._hosts.setdefault(name, _numbered("host", len(self._hosts) + 1))

    def next_file(self) -> str:
        """The alias of one more recording: `recording.rtrace`, then `recording-2.rtrace`, ..."""
        self._files += 1
        return file_alias(self._files)


def file_alias(number: int) -> str:
    """Of the first recording, or of a later one."""
    return f"{_numbered('recording', number)}.rtrace"


def _numbered(word: str, number: int) -> str:
    return word if number == 1 else f"{word}-{number}"


def _part_alias(name: str, number: int) -> str:
    if pod := _POD.fullmatch(name):
        return f"{pod['kind']}{number:08x}-0000-0000-0000-000000000000{pod['end']}"
    if container := _CONTAINER.fullmatch(name):
        return f"{container['kind']}{number:012x}{0:052x}{container['end']}"
    unit = _UNIT.fullmatch(name)
    return f"cgroup-{number}{unit['end'] if unit else ''}"
