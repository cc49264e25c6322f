"""`reclaim-tracer spans`."""

from __future__ import annotations

from itertools import chain

from ..terminal.loading import loading
from ..terminal.messages import print_lines, say
from .evidence_options import ChoiceGroup, FormGroup, csv_lines, json_lines, up_to
from .grouped import with_groups
from .options import GAP_S, HORIZON_S, FileOrStdin, Gap, Horizon, Redact

_ALL, _AS_TEXT = ChoiceGroup(), FormGroup()


@with_groups
def spans(
    file: FileOrStdin,
    choice: ChoiceGroup = _ALL,
    form: FormGroup = _AS_TEXT,
    horizon: Horizon = HORIZON_S,
    gap: Gap = GAP_S,
    redact: Redact = False,
) -> None:
    """Print a recording's spans, one a line, in order of their begin, indented by what they lie in.

    \b
    Examples:
      reclaim-tracer spans trace.rtrace --from 14.2 --to 14.3
      reclaim-tracer spans trace.rtrace --kind direct_reclaim --pid 4242
      reclaim-tracer spans trace.rtrace --cycle 67 --csv
    """
    form.require_one()
    with loading():
        from ..analyze import Options
        from ..evidence.clock import Clock, TimeKind
        from ..evidence.printed import SPAN_CELLS, as_json, cells, span_values
        from ..jobs.analysis import rare_collections
        from ..jobs.memory_bound import bounded_memory
        from ..terminal.evidence_text import SpanLines

    with bounded_memory(file), rare_collections():
        shown = choice.shown(file, Options(horizon_s=horizon, gap_s=gap), redact=redact)
        clock, found, named = Clock.of(shown.recording.metadata), shown.spans(), shown.evidence
        rows = up_to(found, form.limit, shown)
        values = (span_values(row, clock, is_evidence=None if named is None else row.id in named) for row in rows)
        if form.as_json:
            print_lines(json_lines(as_json(each, SPAN_CELLS) for each in values))
        elif form.as_csv:
            print_lines(csv_lines(SPAN_CELLS, map(cells(SPAN_CELLS), values)))
        else:
            lines = SpanLines(clock, TimeKind(form.time), named)
            print_lines(chain((lines.head,), map(lines.line, rows)))
    if found.late:
        say(f"{found.late:,} events came too late to be taken at their own time.")
