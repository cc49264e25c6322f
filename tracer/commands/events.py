"""`reclaim-tracer events`."""

from __future__ import annotations

from itertools import chain

from ..terminal.loading import loading
from ..terminal.messages import print_lines, say
from . import evidence_options as asked
from .options import GAP_S, HORIZON_S, FileOrStdin, From, Gap, Horizon, To


def events(
    file: FileOrStdin,
    from_s: From = None,
    to_s: To = None,
    kind: asked.KindsOption = None,
    pid: asked.PidsOption = None,
    cgroup: asked.CgroupOption = None,
    finding: asked.FindingOption = None,
    cycle: asked.CycleOption = None,
    time: asked.TimeOption = asked.TimeColumn.START,
    limit: asked.LimitOption = None,
    as_json: asked.JsonOption = False,
    as_csv: asked.CsvOption = False,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
) -> None:
    """Print a recording's events, one a line, in order of time.

    \b
    Examples:
      reclaim-tracer events trace.rtrace --from 14.2 --to 14.3
      reclaim-tracer events trace.rtrace --kind throttled --time wall
      reclaim-tracer events trace.rtrace --finding 1418402 --json
    """
    asked.require_one_form(as_json=as_json, as_csv=as_csv)
    with loading():
        from ..evidence.clock import Clock, TimeKind
        from ..evidence.printed import cells, event_columns, event_json
        from ..jobs.memory_bound import bounded_memory
        from ..terminal.evidence_text import EventLines

    with bounded_memory(file):
        shown = asked.shown_of(file, (from_s, to_s), kind, pid, cgroup, (finding, cycle), (horizon, gap))
        clock, found = Clock.of(shown.recording.metadata), shown.events()
        rows = asked.up_to(found, limit, shown)
        if as_json:
            print_lines(asked.json_lines(event_json(row, clock) for row in rows))
        elif as_csv:
            columns = event_columns(frozenset(kind or ()) or None)
            print_lines(asked.csv_lines(columns, (cells(event_json(row, clock), columns) for row in rows)))
        else:
            lines = EventLines(clock, TimeKind(time))
            print_lines(chain((lines.head,), map(lines.line, rows)))
    if found.late:
        say(f"{found.late:,} events came too late to be shown at their own time.")
