"""Trace how Linux gives memory back: reclaim, shrinkers and the balloon.

`open`, `rows` and `keep` are the ways in for programs; they and `Trace` load numpy and what else they need when they
are first used, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import RecordingError, TracerError, UsageError

if TYPE_CHECKING:
    from os import PathLike

    import pyarrow as pa

    from .frames import Trace
    from .jobs.fleet.work import Outcome

__version__ = "0.1.0"
__all__ = ["RecordingError", "Trace", "TracerError", "UsageError", "__version__", "keep", "open", "rows"]


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


def rows(path: str | PathLike[str], *, horizon_s: float = 10.0, gap_s: float = 1.0) -> dict[str, pa.RecordBatch]:
    """The tables that `fleet` keeps of a recording, by name (docs/fleet.md).

    Raises RecordingError where it can't be read, TracerError without pyarrow.
    """
    from pathlib import Path

    from .analyze import Options
    from .jobs.fleet.work import rows

    return rows(Path(path), Options(horizon_s=horizon_s, gap_s=gap_s))


def keep(path: str, output: str, *, horizon_s: float = 10.0, gap_s: float = 1.0) -> Outcome:
    """Keep the same tables as a fragment in `output`, which `fleet -o OUTPUT` then finds. Both may be URLs.

    What goes wrong is told by the outcome's `state` (made, kept, unread, failed) and `why`.
    """
    from .jobs.fleet.work import Task, work

    return work(Task(path, output, horizon_s, gap_s))


if not TYPE_CHECKING:

    def __getattr__(name: str) -> type[Trace]:
        if name == "Trace":
            from .frames import Trace

            return Trace
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
