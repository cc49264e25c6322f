"""Golden cases: real inputs in `data/`, each with the summary expected of it beside it as `<name>.json`."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import tracer
from tracer.frames import Trace
from tracer.imports import ImportRequest, import_trace

DATA: Final = Path(__file__).parent / "data"
COMMAND: Final = "python -m tests.golden.regenerate"
"""Writes what the analysis says now as what is expected; `make golden` runs it."""
DIGITS: Final = 6
"""Decimals that floats are compared to, exactly."""

RECORDINGS: Final = "*.rtrace"
TEXTS: Final = "*.txt.*"


@dataclass(frozen=True)
class Case:
    """One input: a recording, or another tracer's text with the guest's counters and the host's log where there are."""

    source: Path

    @property
    def name(self) -> str:
        """The file's name without its suffixes."""
        return self.source.name.partition(".")[0]

    @property
    def expected(self) -> Path:
        """Where the expected summary is."""
        return DATA / f"{self.name}.json"

    def actual(self) -> str:
        """What the analysis says now, as the expected file's text."""
        return as_text(opened(self).summary())

    def recording(self, folder: Path) -> Path:
        """The input as a recording: itself, or its text imported into `folder`."""
        if self.source.match(RECORDINGS):
            return self.source
        imported = folder / f"{self.name}.rtrace"
        if not imported.exists():
            import_trace(
                ImportRequest(str(self.source), imported, samples=self._side("samples"), host_log=self._side("host"))
            )
        return imported

    def _side(self, what: str) -> Path | None:
        path = DATA / f"{self.name}.{what}.jsonl.gz"
        return path if path.exists() else None


@cache
def opened(case: Case) -> Trace:
    """The case's analysis; its import is no longer there."""
    with tempfile.TemporaryDirectory() as folder:
        trace = tracer.open(case.recording(Path(folder)))
        assert trace.analysis
    return trace


def all_cases() -> list[Case]:
    """Every input there is, by name."""
    sources = [*DATA.glob(RECORDINGS), *DATA.glob(TEXTS)]
    return sorted(map(Case, sources), key=lambda case: case.name)


def as_text(value: dict[str, Any]) -> str:
    """JSON, floats rounded, one key a line: differences are easy to read."""
    return json.dumps(rounded(value), indent=1, ensure_ascii=True) + "\n"


def rounded(value: Any) -> Any:
    """The same value with every float rounded to DIGITS decimals."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return round(value, DIGITS) if isinstance(value, float) else value
