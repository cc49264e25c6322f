"""Golden cases: real inputs in `data/`, each with the summary expected of it beside it as `<name>.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tracer

DATA: Final = Path(__file__).parent / "data"
COMMAND: Final = "python -m tests.golden.regenerate"
"""Writes what the analysis says now as what is expected; `make golden` runs it."""
DIGITS: Final = 6
"""Decimals that floats are compared to, exactly."""

RECORDING: Final = ".rtrace"


@dataclass(frozen=True)
class Case:
    """One input. `name` is its file's name without the suffixes."""

    source: Path

    @property
    def name(self) -> str:
        return self.source.name.partition(".")[0]

    @property
    def expected(self) -> Path:
        """Where the expected summary is."""
        return DATA / f"{self.name}.json"

    def actual(self) -> str:
        """What the analysis says now, as the expected file's text."""
        return as_text(tracer.open(self.source).summary())


def all_cases() -> list[Case]:
    """Every input there is, by name."""
    return sorted((Case(path) for path in DATA.glob(f"*{RECORDING}")), key=lambda case: case.name)


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
