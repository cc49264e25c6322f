"""How much to measure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """A folder for files, and sizes. Quick sizes keep the benchmarks alive in tests; their figures mean nothing."""

    folder: Path
    quick: bool = False

    def size(self, whole: int, quick: int) -> int:
        """One number for a whole run and one for a quick run."""
        return quick if self.quick else whole
