"""How a balloon was seen to give pages back under pressure: in a recording, or in one made for the purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from .analysis import analyse_file
from .options import GAP_S, HORIZON_S

if TYPE_CHECKING:
    from ..analyze import Analysis

_PATHS: Final = ("shrinker", "oom_notifier")


@dataclass(frozen=True)
class Observation:
    """Pages that left the balloon in `where`, by cause; `quality` is `measured` or `inferred`."""

    where: str
    leaked_pages: Mapping[str, int]
    quality: str

    @property
    def path(self) -> str | None:
        """The reclaim path that was taken, the busier one first where both were; None where neither was."""
        taken = sorted((name for name in _PATHS if self.leaked_pages[name]), key=lambda name: -self.leaked_pages[name])
        return ", ".join(taken) or None

    def to_json(self) -> dict[str, Any]:
        """Keys as in `docs/json.md`."""
        return {"where": self.where, "leaked_pages": dict(self.leaked_pages), "quality": self.quality}

    def __str__(self) -> str:
        if self.path is None:
            return f"nothing: no page left the balloon under pressure in {self.where}"
        pages = " and ".join(f"{self.leaked_pages[name]:,} pages by {name}" for name in self.path.split(", "))
        return f"{self.path}: {pages} ({self.quality}) in {self.where}"


def observe_recording(path: Path) -> Observation:
    """What a recording shows. Raises RecordingError."""
    return _observation(analyse_file(path, HORIZON_S, GAP_S)[0], str(path))


def observe_now(seconds: float) -> Observation:
    """Trace this machine for so long, or until a signal. Raises CannotTraceError."""
    from ..terminal.messages import Messages
    from .capture import CaptureRequest, capture
    from .output import Output

    with TemporaryDirectory(prefix="reclaim-tracer-") as folder:
        output = Path(folder) / "observed.rtrace"
        capture(CaptureRequest(Output(output), duration_s=seconds), Messages(quiet=True))
        analysis = analyse_file(output, HORIZON_S, GAP_S)[0]
    return _observation(analysis, f"{analysis.duration_s:.1f} s on this machine")


def _observation(analysis: Analysis, where: str) -> Observation:
    balloon = analysis.balloon
    leaked = {cause.value: pages for cause, pages in balloon.leaked_pages.items()}
    return Observation(where, leaked, balloon.quality.value)
