"""`reclaim-tracer events`."""

from __future__ import annotations

from itertools import chain

from ..terminal.loading import loading
from ..terminal.messages import print_lines, say
from .evidence_options import ChoiceGroup, FormGroup, csv_lines, json_lines, up_to
from .grouped import with_groups
from .options import GAP_S, HORIZON_S, FileOrStdin, Gap, Horizon, Redact

_ALL, _AS_TEXT = ChoiceGroup(), FormGroup()


@with_groups
def events(
    file: FileOrStdin,
    choice: ChoiceGroup = _ALL,
    form: FormGroup = _AS_TEXT,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    redact: Redact = False,
) -> None:
    """Print a recording's events, one a line, in order of time.

    \b
    Examples:
      reclaim-tracer events trace.rtrace --from 14.2 --to 14.3
      reclaim-tracer events trace.rtrace --kind throttled --time wall
      reclaim-tracer events trace.rtrace --finding 1418402 --json
    """
    form.require_one()
    with loading():
        from ..analyze import Options
        from ..evidence.clock import Clock, TimeKind
        from ..evidence.printed import EVENT_CELLS, as_json, event_cells, event_columns, event_values
        from ..jobs.analysis import rare_collections
        from ..jobs.memory_bound import bounded_memory
        from ..terminal.evidence_text import EventLines

    with bounded_memory(file), rare_collections():
        shown = choice.shown(file, Options(horizon_s=horizon, gap_s=gap), redact=redact)
        clock, found = Clock.of(shown.recording.metadata), shown.events()
        rows = up_to(found, form.limit, shown)
        values = (event_values(row, clock) for row in rows)
        if form.as_json:
            print_lines(json_lines(as_json(each, EVENT_CELLS) for each in values))
        elif form.as_csv:
            print_lines(csv_lines(event_columns(choice.kinds), map(event_cells(choice.kinds), values)))
        else:
            lines = EventLines(clock, TimeKind(form.time))
            print_lines(chain((lines.head,), map(lines.line, rows)))
    if found.late:
        say(f"{found.late:,} events came too late to be shown at their own time.")
