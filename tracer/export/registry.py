"""Every format that a recording can be exported to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from .source import Source, Writer

Write = Callable[[bytes], object]


@dataclass(frozen=True)
class Format:
    """One format. `maker` is module and class of its writer in this package; `binary` output is none for a terminal."""

    name: str
    what: str
    suffix: str
    maker: tuple[str, str]
    binary: bool = False

    def writer(self, source: Source, write: Write) -> Writer:
        """A writer of one recording, which hands what it makes to `write`. Raises TracerError."""
        module, name = self.maker
        made: Writer = getattr(import_module(f".{module}", __package__), name)(source, write)
        return made


FORMATS: Final = (
    Format("perfetto", "trace for Perfetto", ".pftrace", ("perfetto", "PerfettoWriter"), binary=True),
    Format("chrome", "JSON for chrome://tracing", ".json", ("chrome", "ChromeWriter")),
    Format("folded", "stacks of waiting, for flame graphs", ".folded", ("folded", "FoldedWriter")),
)

BY_NAME: Final = {each.name: each for each in FORMATS}
