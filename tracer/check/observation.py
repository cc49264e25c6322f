"""How a balloon was seen to give pages back under pressure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_PATHS: Final = ("shrinker", "oom_notifier")


@dataclass(frozen=True)
class Observation:
    """Pages that left the balloon in `where`, by cause; `quality` is `measured` or `inferred`."""

    where: str
    leaked_pages: Mapping[str, int | None]
    quality: str

    @property
    def path(self) -> str | None:
        """The reclaim path that was taken, the busier one first where both were; None where neither was."""
        pages = {name: self.leaked_pages[name] or 0 for name in _PATHS}
        taken = sorted((name for name in _PATHS if pages[name]), key=lambda name: -pages[name])
        return ", ".join(taken) or None

    def to_json(self) -> dict[str, Any]:
        """Keys as in `docs/json.md`."""
        return {"where": self.where, "leaked_pages": dict(self.leaked_pages), "quality": self.quality}

    def __str__(self) -> str:
        if self.path is None:
            return f"none: no page left the balloon under pressure in {self.where}"
        pages = " and ".join(f"{self.leaked_pages[name]:,} pages by {name}" for name in self.path.split(", "))
        return f"{self.path}: {pages} ({self.quality}) in {self.where}"
