"""The spans that findings stand on, in the page: those that results name, under the ids and times that they have."""

from __future__ import annotations

import pytest
from golden.cases import DATA
from typer.testing import CliRunner
from written_recordings import write_recording

import tracer
from tracer.analyze import Options
from tracer.commands.app import app
from tracer.evidence.numbering import Anchors
from tracer.evidence.standing import MOST_READINGS, MOST_ROWS, FindingSpans
from tracer.jobs.analysis import WHOLE, Span, analyse
from tracer.jobs.standing import analyse_for_report
from tracer.store import open_recording

GUEST = DATA / "guest-out-of-reach.rtrace"


def standing(path, span=WHOLE):
    part, anchors = span.part(open_recording(path)), Anchors()
    analysis = analyse(part, Options(), anchors)
    spans = FindingSpans(part, anchors)
    return {finding.id: (finding, spans.of(finding)) for finding in analysis.findings}


@pytest.mark.parametrize("start_s", [None, 3.0])
def test_a_page_has_the_spans_that_findings_name(start_s):
    frame = tracer.open(GUEST, start_s=start_s).spans().dropna(subset=["id"]).set_index("id")
    named = [(finding, found) for finding, found in standing(GUEST, Span(start_s)).values() if finding.spans]
    assert len(named) >= 4
    for finding, found in named:
        assert [row.id for row in found.rows] == sorted(set(finding.spans)), finding.kind
        assert [row.kind for row in found.rows] == frame.loc[sorted(set(finding.spans))].kind.tolist()
        assert [row.duration_ns for row in found.rows] == frame.loc[sorted(set(finding.spans))].duration_ns.tolist()


def test_a_finding_without_spans_has_the_first_of_its_time():
    found = {finding.kind: each for finding, each in standing(DATA / "guest-no-deflate.rtrace").values()}
    kill = found["oom_kill"]
    assert kill.named is None
    assert all(row.depth == 0 for row in kill.rows)
    assert "out_of_memory" in {row.kind for row in kill.rows}
    assert found["refault"] is None, "it stands on counters"


def test_rows_and_readings_are_bounded(monkeypatch):
    monkeypatch.setattr("tracer.evidence.standing.MOST_READINGS", 1)
    found = [each for _, each in standing(GUEST).values() if each]
    assert len(found) == 1
    assert len(found[0].rows) <= MOST_ROWS
    assert MOST_READINGS > 1


def test_tables_say_how_many_of_how_many_and_where_the_rest_is():
    source = analyse_for_report(GUEST, Options(), WHOLE, redact=False)
    storm = next(finding for finding in source.analysis.findings if finding.kind == "storm")
    table = source.evidence[storm.id]
    assert len(table.rows) == len(set(storm.spans))
    assert table.note == (
        f"{len(table.rows)} spans that the analysis keeps as evidence; "
        f"reclaim-tracer spans FILE --finding {storm.id} prints every span of its time."
    )


def test_the_report_shows_them_redacted_where_names_are(tmp_path):
    path = write_recording(tmp_path / "a.rtrace")
    page = tmp_path / "a.html"
    for options, shown in (((), True), (("--redact",), False)):
        result = CliRunner().invoke(app, ["report", str(path), "-o", str(page), "--force", *options])
        assert result.exit_code == 0, result.output
        text = page.read_text()
        assert "that the analysis keeps as evidence" in text
        assert ("<td>java</td>" in text) is shown


def test_a_span_that_is_named_twice_counts_once():
    recording = open_recording(GUEST)
    part, anchors = WHOLE.part(recording), Anchors()
    storm = next(each for each in analyse(part, Options(), anchors).findings if each.kind == "storm")
    once = sorted(set(storm.spans))
    storm.spans = [*storm.spans, *once[:3]]
    found = FindingSpans(part, anchors).of(storm)
    assert (found.named, [row.id for row in found.rows]) == (len(once), once)
