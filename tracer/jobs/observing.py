"""How a balloon was seen to give pages back under pressure: in a recording, or in one made for the purpose."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..check.observation import Observation
from .analysis import analyse_file
from .memory_bound import bounded_memory

if TYPE_CHECKING:
    from ..analyze import Analysis
    from ..check.carried import ProgramSources


def observe_recording(path: Path) -> Observation:
    """What a recording shows. Raises RecordingError."""
    with bounded_memory(path):
        return _observation(analyse_file(path)[0], str(path))


def observe_now(seconds: float, programs: ProgramSources) -> Observation:
    """Trace this machine for so long, or until a signal, with programs as `record` gets them. Raises TracerError."""
    from ..recorder.capture import CaptureRequest, capture
    from ..recorder.output import Output
    from ..recorder.starting import Wish, look_before_start
    from ..terminal.messages import Messages

    quiet = Messages(quiet=True)
    start = look_before_start(Wish(compiles=programs.may_compile), quiet)
    with TemporaryDirectory(prefix="reclaim-tracer-") as folder:
        output = Path(folder) / "observed.rtrace"
        target = Output(output, queue_bytes=start.queue_bytes)
        with programs.loader() as loader:
            request = CaptureRequest(target, duration_s=seconds, buffer_bytes=start.buffer_bytes, loader=loader)
            capture(request, quiet)
        analysis = analyse_file(output)[0]
    return _observation(analysis, f"{analysis.duration_s:.1f} s on this machine")


def _observation(analysis: Analysis, where: str) -> Observation:
    from ..analyze.terms import Cause

    balloon = analysis.balloon
    # What compaction took shows no way of giving back.
    leaked = {cause.value: pages for cause, pages in balloon.leaked_pages.items() if cause is not Cause.COMPACTION}
    return Observation(where, leaked, balloon.quality.value)
