"""Answers about the running kernel's symbols and types, which stay the same until a module comes or goes, or a reboot.

Finding them takes most of a start: /proc/kallsyms is printed anew for each reader, and types are megabytes. Whoever
keeps the answers between two starts says by `state_of_kernel` what they are of.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .capabilities import effective_capabilities
from .paths import ROOT, read_text

_STATE: Final = ("/proc/sys/kernel/random/boot_id", "/proc/sys/kernel/kptr_restrict")
_MODULE_COLUMNS: Final = (0, 1, 5)
"""Of /proc/modules: name, size, address; how often one is in use, and by whom, changes all the time."""


class Answers:
    """Questions and answers, both as JSON has them; `is_new` once a question was not among those that were known."""

    def __init__(self, known: Mapping[str, Any] | None = None) -> None:
        self._known = dict(known or {})
        self._made: dict[str, Any] = {}
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

    def once(self, what: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is made
        """Something that new questions need, made for the first of them and not kept between two starts."""
        if what not in self._made:
            self._made[what] = make()
        return self._made[what]


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


def current_answers() -> Answers | None:
    """Those of the block that this is in, if any."""
    return _current


def state_of_kernel(root: Path = ROOT) -> str:
    """What answers hold for: this boot, with these modules, seen by somebody who may see as much."""
    text = "\n".join((*(read_text(root, path) or "" for path in _STATE), *_modules(root)))
    may_see = f"{os.geteuid()} {sorted(effective_capabilities(root))}"
    return hashlib.sha256(f"{text}\n{may_see}".encode()).hexdigest()


def _modules(root: Path) -> Iterator[str]:
    for line in (read_text(root, "/proc/modules") or "").splitlines():
        columns = line.split()
        yield " ".join(columns[number] for number in _MODULE_COLUMNS if number < len(columns))
