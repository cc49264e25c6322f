"""Answers about the running kernel's symbols and types, which stay the same until a module comes or goes, or a reboot.

Finding them takes most of a start: /proc/kallsyms is printed anew for each reader, and types are megabytes. Whoever
keeps the answers between two starts says by `state_of_kernel` what they are of.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .btf import Btf
from .capabilities import effective_capabilities
from .kallsyms import Symbol, find_symbols
from .paths import ROOT, read_text

_STATE: Final = ("/proc/sys/kernel/random/boot_id", "/proc/sys/kernel/kptr_restrict", "/proc/modules")


class Answers:
    """Questions and answers, both as JSON has them; `is_new` once a question was not among those that were known."""

    def __init__(self, known: Mapping[str, Any] | None = None) -> None:
        self._known = dict(known or {})
        self._types: dict[str | None, Btf | None] = {}
        self.asked: dict[str, Any] = {}
        self.is_new = False

    def ask(self, question: str, find: Callable[[], Any]) -> Any:  # noqa: ANN401 - JSON
        """The answer, found now where it is not known."""
        if question not in self.asked:
            if question not in self._known:
                self._known[question] = find()
                self.is_new = True
            self.asked[question] = self._known[question]
        return self.asked[question]

    def types(self, module: str | None) -> Btf | None:
        """The kernel's types or a module's, read once, for questions that are new."""
        if module not in self._types:
            self._types[module] = Btf.read(module)
        return self._types[module]


class RememberedBtf(Btf):
    """Types that are read only for a question that nobody has asked before."""

    def __init__(self, answers: Answers, module: str | None) -> None:
        self._answers, self._module = answers, module

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
        types = self._answers.types(self._module)
        return None if types is None else find(types)


_current: Answers | None = None


@contextmanager
def remembering(answers: Answers) -> Iterator[None]:
    """Within the block, questions about the running kernel are put to `answers` first."""
    global _current  # noqa: PLW0603 - who asks is many calls away from who remembers
    before, _current = _current, answers
    try:
        yield
    finally:
        _current = before


def read_types(module: str | None = None, root: Path = ROOT) -> Btf | None:
    """As `Btf.read`."""
    if _current is None or root != ROOT:
        return Btf.read(module, root)
    types = RememberedBtf(_current, module)
    return types if types.is_there else None


def read_symbols(names: Collection[str], root: Path = ROOT) -> dict[str, tuple[Symbol, ...]]:
    """As `find_symbols`."""
    if _current is None or root != ROOT:
        return find_symbols(names, root)
    question = f"symbols:{hashlib.sha256(' '.join(sorted(names)).encode()).hexdigest()}"
    rows = _current.ask(question, lambda: _rows(find_symbols(names)))
    found: dict[str, tuple[Symbol, ...]] = {}
    for name, address, module in rows:
        found[name] = (*found.get(name, ()), Symbol(name, address, module))
    return found


def state_of_kernel(root: Path = ROOT) -> str:
    """What answers hold for: this boot, with these modules, seen by somebody who may see as much."""
    text = "\n".join(read_text(root, path) or "" for path in _STATE)
    may_see = f"{os.geteuid()} {sorted(effective_capabilities(root))}"
    return hashlib.sha256(f"{text}\n{may_see}".encode()).hexdigest()


def _rows(found: Mapping[str, tuple[Symbol, ...]]) -> list[list[Any]]:
    return [[symbol.name, symbol.address, symbol.module] for symbols in found.values() for symbol in symbols]
