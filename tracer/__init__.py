"""Trace how Linux gives memory back: reclaim, shrinkers and the balloon.

`open` is the way in for programs; it and `Trace` load numpy and pandas when they are first used, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import RecordingError, TracerError, UsageError

if TYPE_CHECKING:
    from os import PathLike

    from .frames import Trace

__version__ = "0.1.0"
__all__ = ["RecordingError", "Trace", "TracerError", "UsageError", "__version__", "open"]


def open(  # noqa: A001 - `tracer.open(path)` reads as what it does
    path: str | PathLike[str],
    *,
    horizon_s: float = 10.0,
    gap_s: float = 1.0,
    start_s: float | None = None,
    end_s: float | None = None,
) -> Trace:
    """Open a recording. Raises RecordingError where it can't be read, UsageError where the options make no sense.

    `horizon_s`: how long leaked pages may stay out before coming back is no cycle. `gap_s`: the longest pause inside an
    episode. `start_s`, `end_s`: only this part, in seconds since the recording's start.
    """
    from .frames import Trace

    return Trace.open(path, horizon_s=horizon_s, gap_s=gap_s, start_s=start_s, end_s=end_s)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> type[Trace]:
        if name == "Trace":
            from .frames import Trace

            return Trace
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
