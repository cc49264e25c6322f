"""`reclaim-tracer spans`."""

from __future__ import annotations

from itertools import chain

from ..terminal.loading import loading
from ..terminal.messages import print_lines, say
from . import evidence_options as asked
from .options import GAP_S, HORIZON_S, FileOrStdin, From, Gap, Horizon, To


def spans(
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
    """Print a recording's spans, one a line, in order of their begin, indented by what they lie in.

    \b
    Examples:
      reclaim-tracer spans trace.rtrace --from 14.2 --to 14.3
      reclaim-tracer spans trace.rtrace --kind direct_reclaim --pid 4242
      reclaim-tracer spans trace.rtrace --cycle 67 --csv
    """
    asked.require_one_form(as_json=as_json, as_csv=as_csv)
    with loading():
        from ..evidence.clock import Clock, TimeKind
        from ..evidence.printed import SPAN_CELLS, cells, span_json
        from ..jobs.memory_bound import bounded_memory
        from ..terminal.evidence_text import SpanLines

    with bounded_memory(file):
        shown = asked.shown_of(file, (from_s, to_s), kind, pid, cgroup, (finding, cycle), (horizon, gap))
        clock, found, named = Clock.of(shown.recording.metadata), shown.spans(), shown.evidence
        rows = asked.up_to(found, limit, shown)
        values = (span_json(row, clock, is_evidence=None if named is None else row.id in named) for row in rows)
        if as_json:
            print_lines(asked.json_lines(values))
        elif as_csv:
            print_lines(asked.csv_lines(SPAN_CELLS, (cells(each, SPAN_CELLS) for each in values)))
        else:
            lines = SpanLines(clock, TimeKind(time), named)
            print_lines(chain((lines.head,), map(lines.line, rows)))
    if found.late:
        say(f"{found.late:,} events came too late to be taken at their own time.")
