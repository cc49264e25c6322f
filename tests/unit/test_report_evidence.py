"""The spans that findings stand on, in the page: those that results name, under the ids and times that they have."""

from __future__ import annotations

import subprocess
import sys

import pytest
from command_line import ENV
from golden.cases import DATA
from streams import METADATA, MS, SECOND, event, records
from typer.testing import CliRunner
from written_recordings import write_recording

import tracer
from tracer.analyze import Options
from tracer.commands.app import app
from tracer.evidence.moments import MOST_KEPT, Moments
from tracer.evidence.numbering import Anchors
from tracer.evidence.standing import MOST_READINGS, MOST_ROWS, FindingSpans
from tracer.jobs.analysis import WHOLE, Span, analyse
from tracer.jobs.standing import analyse_for_report
from tracer.outputs import FileIdentity
from tracer.store import Writer, open_recording

GUEST = DATA / "guest-out-of-reach.rtrace"


def standing(path, span=WHOLE):
    part, anchors = span.part(open_recording(path)), Anchors()
    moments = Moments(part.recording)

    def note(stretch):
        anchors(stretch)
        moments(stretch)

    analysis = analyse(part, Options(), note)
    spans = FindingSpans(part, anchors, moments)
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
    source = analyse_for_report(open_recording(GUEST))
    storm = next(finding for finding in source.analysis.findings if finding.kind == "storm")
    table = source.evidence[storm.id]
    spans = len(set(storm.spans))
    assert len(table.rows) >= spans
    assert table.note.startswith(
        f"{spans} spans that the analysis keeps as evidence; "
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
    found = FindingSpans(part, anchors, Moments(recording)).of(storm)
    assert (found.named, [row.id for row in found.rows]) == (len(once), once)


def kill_among_others(path):
    """A task that waits in direct reclaim, throttled there, while another is throttled, and is killed at its end."""
    waits = [event(SECOND, "direct_reclaim_begin", 7, "hog"), event(5 * SECOND, "direct_reclaim_end", 7, "hog")]
    throttled = [
        event((at * 100 + 1100) * MS, "throttled", 7 + at % 2, "hog", usec_delayed=1500, reason=1) for at in range(24)
    ]
    kill = event(4 * SECOND, "mark_victim", 7, "hog", pid=7, victim_comm="victim", anon_rss=2048, total_vm=4096)
    stream = records(waits[0], *throttled, kill, waits[1])
    return write_recording_of(path, stream)


def write_recording_of(path, stream):
    writer = Writer(path, METADATA)
    writer.write_events(stream)
    writer.close()
    return path


def test_single_events_of_its_time_stand_beside_a_findings_spans(tmp_path):
    source = analyse_for_report(open_recording(kill_among_others(tmp_path / "a.rtrace")))
    ids = {finding.kind: finding.id for finding in source.analysis.findings}
    rows = {kind: [[cell.text for cell in row] for row in source.evidence[number].rows] for kind, number in ids.items()}
    (kill,) = [row for row in rows["oom_kill"] if row[4] == "mark_victim"]
    assert kill == ["4.000000 s", "\u2013", "hog", "7", "mark_victim", "victim victim (7), 2.0 MiB anon"]
    # Of a wait: events of its own thread alone, in order of time among its spans.
    assert {row[3] for row in rows["long_stall"]} == {"7"}
    assert [row[4] for row in rows["long_stall"]] == ["direct_reclaim", *["throttled"] * 12, "mark_victim"]
    assert rows["long_stall"][1][5] == "waited 1.50 ms, reason: writeback"


def test_a_table_of_events_alone_says_that_no_span_was_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tracer.evidence.standing.MOST_READINGS", 0)
    source = analyse_for_report(open_recording(kill_among_others(tmp_path / "a.rtrace")))
    (kill,) = [finding.id for finding in source.analysis.findings if finding.kind == "oom_kill"]
    assert source.evidence[kill].note.startswith(
        "No span of its time was read for this page; reclaim-tracer spans FILE"
    )


def test_of_too_many_events_a_table_has_some_and_says_of_how_many(tmp_path, monkeypatch):
    stream = [event(SECOND, "direct_reclaim_begin", 7, "hog")]
    stream += [event(SECOND + at * 10 * MS, "throttled", 7, "hog", usec_delayed=9) for at in range(1, 100)]
    stream += [event(4 * SECOND, "direct_reclaim_end", 7, "hog")]
    path = write_recording_of(tmp_path / "a.rtrace", records(*stream))
    for kept, told in ((MOST_KEPT, "18 single events of 99 of"), (30, "18 single events of at least 30 of")):
        monkeypatch.setattr("tracer.evidence.moments.MOST_KEPT", kept)
        source = analyse_for_report(open_recording(path))
        (number,) = [finding.id for finding in source.analysis.findings if finding.kind == "long_stall"]
        assert f"{told} its time; reclaim-tracer events FILE --finding {number} prints" in source.evidence[number].note
        assert len(source.evidence[number].rows) == 19


def test_the_pages_of_demo_and_live_have_evidence_too(tmp_path):
    path = write_recording(tmp_path / "a.rtrace")
    device, inode = FileIdentity.of(path.stat())
    closing = (
        "from tracer.jobs.closing_summary import run; from tracer.outputs import FileIdentity\n"
        f"written = {{FILE: FileIdentity({device}, {inode})}}\n"
        "run(FILE, written, os.getppid(), verbose=False, page=OUT)"
    )
    calls = closing, "from tracer.jobs.live_report import run\nrun(FILE, OUT)"
    for number, call in enumerate(calls):
        page = tmp_path / f"{number}.html"
        code = f"import os\nfrom pathlib import Path\nFILE, OUT = Path({str(path)!r}), Path({str(page)!r})\n{call}"
        subprocess.run([sys.executable, "-c", code], check=True, env=ENV, capture_output=True)
        assert "that the analysis keeps as evidence" in page.read_text()
