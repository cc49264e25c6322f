"""The running kernel's symbols and types, by answers that are known where somebody remembers them (`answers.py`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from .answers import Answers, current_answers
from .btf import Btf
from .kallsyms import Symbol, find_symbols
from .paths import ROOT


class RememberedBtf(Btf):
    """Types that are read only for a question that nobody has asked before."""

    def __init__(self, answers: Answers, module: str | None) -> None:
        self._answers, self._module = answers, module
        self._expected: Collection[str] = ()

    def expect(self, names: Collection[str]) -> None:
        """See `Btf`; nothing is looked for before something is asked for."""
        self._expected = names

    def enumerator(self, name: str) -> int | None:
        """See `Btf`."""
        found: int | None = self._ask("enumerator", name, lambda types: types.enumerator(name))
        return found

    def member_offset_bytes(self, structure: str, member: str) -> int | None:
        """See `Btf`."""
        name = f"{structure}.{member}"
        found: int | None = self._ask("member", name, lambda types: types.member_offset_bytes(structure, member))
        return found

    def size_bytes(self, structure: str) -> int | None:
        """See `Btf`."""
        found: int | None = self._ask("size", structure, lambda types: types.size_bytes(structure))
        return found

    def structure_number(self, structure: str) -> int | None:
        """See `Btf`."""
        found: int | None = self._ask("number", structure, lambda types: types.structure_number(structure))
        return found

    def function(self, name: str) -> tuple[int, int] | None:
        """See `Btf`."""
        found = self._ask("function", name, lambda types: types.function(name))
        return None if found is None else (found[0], found[1])

    @property
    def is_there(self) -> bool:
        """Whether the kernel tells these types."""
        return bool(self._ask("there", "", lambda _: True))

    def _ask(self, what: str, name: str, find: Callable[[Btf], Any]) -> Any:  # noqa: ANN401 - JSON
        return self._answers.ask(f"{self._module or ''}:{what}:{name}", lambda: self._found(find))

    def _found(self, find: Callable[[Btf], Any]) -> Any:  # noqa: ANN401 - JSON
        types = self._read(self._module)
        if types is None:
            return None
        types.expect(self._expected)
        return find(types)

    def _read(self, module: str | None) -> Btf | None:
        def read() -> Btf | None:
            return Btf.read(module, base=self._read(None) if module else None)

        types: Btf | None = self._answers.once(f"types of {module}", read)
        return types


def read_types(module: str | None = None, root: Path = ROOT) -> Btf | None:
    """As `Btf.read`."""
    if (answers := current_answers()) is None or root != ROOT:
        return Btf.read(module, root)
    types = RememberedBtf(answers, module)
    return types if types.is_there else None


def read_symbols(names: Collection[str], root: Path = ROOT) -> dict[str, tuple[Symbol, ...]]:
    """As `find_symbols`."""
    if (answers := current_answers()) is None or root != ROOT:
        return find_symbols(names, root)
    question = f"symbols:{hashlib.sha256(' '.join(sorted(names)).encode()).hexdigest()}"
    rows = answers.ask(question, lambda: _rows(find_symbols(names)))
    found: dict[str, tuple[Symbol, ...]] = {}
    for name, address, module in rows:
        found[name] = (*found.get(name, ()), Symbol(name, address, module))
    return found


def _rows(found: Mapping[str, tuple[Symbol, ...]]) -> list[list[Any]]:
    return [[symbol.name, symbol.address, symbol.module] for symbols in found.values() for symbol in symbols]
