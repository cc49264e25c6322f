"""Metrics, what lasted and findings, sent to an OTLP endpoint while a recording is made."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from command_line import ENV, run
from exports import exported
from otlp_requests import named, parsed, records, series
from otlp_server import Taking, free_port, taking

from tests.golden.cases import DATA
from tracer.analyze import NEVER_READ, Analysis, Engine, Options, Pieces
from tracer.errors import TracerError
from tracer.export.otlp.payloads import Payloads
from tracer.export.otlp.requests import Request
from tracer.jobs.metrics_options import MetricsOptions, OtlpOptions
from tracer.jobs.otlp_news import FindingNews, SpanNews
from tracer.jobs.pacing import steps
from tracer.jobs.publishing import MetricsProcess
from tracer.push.endpoint import Endpoint
from tracer.recording_facts import RecordingFacts
from tracer.store import open_recording
from tracer.store.notes import facts_of
from tracer.terminal.messages import Messages

STORM = DATA / "guest-out-of-reach.rtrace"
KILL = DATA / "guest-no-deflate.rtrace"
SECOND_NS = 10**9


def looks(path: Path) -> Iterator[tuple[Analysis, RecordingFacts]]:
    """The results so far at every second of a recording, then those of the end."""
    recording = open_recording(path)
    engine = Engine(recording.metadata, recording.symbols, Options(cycles_kept=256), cgroups=recording.cgroups)
    pieces, next_ns = Pieces(), recording.metadata.start_ns + SECOND_NS

    def feed(items: Any) -> None:
        for item in items:
            engine.feed(item)

    for item in recording.items(leave_out=NEVER_READ):
        for part, now_ns in steps(item):
            feed(pieces.add(part))
            if now_ns >= next_ns:
                feed(pieces.rest())
                analysis = engine.so_far(now_ns)
                yield analysis, facts_of(recording, analysis.accounting.lost)
                next_ns = now_ns + SECOND_NS
    feed(pieces.rest())
    analysis = engine.finish(recording.last_ns)
    yield analysis, facts_of(recording, analysis.accounting.lost)


@cache
def news(path: Path) -> tuple[list[Request], list[Request]]:
    """What is sent while it goes on, and when it is over."""
    spans, findings = SpanNews(Options().horizon_s), FindingNews()
    early: list[Request] = []
    late: list[Request] = []
    for analysis, facts in looks(path):
        now = Payloads(facts.metadata, facts.metadata).at(analysis, facts)
        if analysis.settled_s is None:
            late += [*now.spans(spans.rest(now.found)), *now.log_records(findings.rest(analysis))]
        else:
            early += [*now.spans(spans.new(now.found, analysis)), *now.log_records(findings.new(analysis))]
    return early, late


def last_states(logs: list[Any]) -> dict[int, Any]:
    """The last record of each finding, but for when it was seen."""
    states = {}
    for log in logs:
        log.observed_time_unix_nano = 0
        states[named(log.attributes)["reclaim_tracer.finding.id"]] = log
    return states


@pytest.mark.parametrize("path", [STORM, KILL], ids=lambda path: path.stem)
def test_what_was_sent_is_what_an_export_says(path: Path) -> None:
    early, late = news(path)
    spans, logs, _ = records(parsed(one.body) for one in [*early, *late])
    whole_spans, whole_logs, _ = records(parsed(line) for line in exported(path, "otlp").splitlines())
    assert {span.span_id: span for span in spans} == {span.span_id: span for span in whole_spans}
    assert len(spans) == len(whole_spans)
    assert last_states(logs) == last_states(whole_logs)
    assert sum(one.records for one in early) > 0


def test_a_storm_is_told_while_it_lasts_and_at_the_end() -> None:
    early, late = news(STORM)
    _, logs, _ = records(parsed(one.body) for one in [*early, *late])
    storms = [log for log in logs if log.event_name == "reclaim_tracer.storm"]
    assert [named(log.attributes)["reclaim_tracer.finding.open"] for log in storms] == [True, True]
    assert storms[0].observed_time_unix_nano < storms[-1].observed_time_unix_nano
    assert len({(log.trace_id, log.span_id) for log in storms}) == 1


class Beside:
    """The process beside a recorder that never comes, with an endpoint; what it says."""

    def __init__(self, folder: Path, port: int, headers: Path | None = None) -> None:
        self.path = folder / "new.rtrace"
        self.url = f"http://127.0.0.1:{port}"
        options = MetricsOptions(otlp=OtlpOptions(Endpoint(False, "127.0.0.1", port), headers))
        self.process = MetricsProcess(self.path, options, Messages(), rotated=False)

    def record(self, source: Path) -> None:
        """A recording gets the name, and is over."""
        copy = self.path.with_suffix(".copy")
        shutil.copy(source, copy)
        copy.replace(self.path)
        self.process.close()


def everything(server: Taking) -> tuple[list[Any], list[Any], list[Any]]:
    """All spans and log records, and the last metrics."""
    return records(map(parsed, [*server.of("traces"), *server.of("logs"), *server.of("metrics")[-1:]]))


def test_it_sends_what_an_export_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    headers = tmp_path / "headers"
    headers.write_text("Authorization: Bearer abc\n")
    with taking() as server:
        beside = Beside(tmp_path, server.port, headers)
        beside.record(STORM)
        spans, logs, metrics = everything(server)
        assert all(one.headers["authorization"] == "Bearer abc" for one in server.asked)
    whole_spans, whole_logs, whole_metrics = records(parsed(line) for line in exported(STORM, "otlp").splitlines())
    assert {span.span_id: span for span in spans} == {span.span_id: span for span in whole_spans}
    assert last_states(logs) == last_states(whole_logs)
    ours = {key: value for key, value in series(metrics).items() if "_process_" not in key[0]}
    assert ours == series(whole_metrics)
    assert any("recorder_process" in metric.name or "metrics_process" in metric.name for metric in metrics)
    assert capsys.readouterr().err == f"Metrics: OTLP to {beside.url} every 10 s\n"


def test_an_endpoint_that_is_not_there_is_told_with_what_was_not_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = Beside(tmp_path, free_port())
    beside.record(STORM)
    _, trouble, lost = capsys.readouterr().err.splitlines()
    assert trouble.startswith(f"OTLP: {beside.url}/v1/")
    assert trouble.endswith(": connection refused; it is tried again")
    told = Counter({kind: int(number) for number, kind in (part.split(" ", 1) for part in _parts(lost))})
    assert told.keys() == {"spans", "log records", "metrics"}
    assert (told["spans"], told["log records"]) == (7, 6)
    assert lost.endswith(f" were not taken: connection refused (to {beside.url})")


def _parts(line: str) -> list[str]:
    return line.removeprefix("OTLP: ").partition(" were not")[0].split(" and ")


def test_a_file_of_headers_that_is_none_ends_it_before_anything_is_traced(tmp_path: Path) -> None:
    headers = tmp_path / "headers"
    headers.write_text("secret")
    with pytest.raises(TracerError, match=r"^--otlp-headers .*headers, line 1: is not `Name: value`") as raised:
        Beside(tmp_path, free_port(), headers)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--otlp", "localhost:4318"), "is not http://HOST:PORT"),
        (("--otlp", "http://me:secret@host"), "--otlp-headers"),
        (("--otlp-headers", "x"), "--otlp-headers needs --otlp URL"),
        (("--otlp", "http://x", "--otlp-interval", "0.1"), "--otlp-interval"),
        (("--otlp", "http://x", "-o", "-"), "with -o - there is none"),
    ],
)
def test_what_can_not_be_is_refused(arguments: tuple[str, ...], said: str) -> None:
    done = run("record", *arguments, env=ENV | {"COLUMNS": "200"})
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "secret" not in done.stderr


def test_without_the_library_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['prometheus_client'] = None\n")
    environment = ENV | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ENV['PYTHONPATH']}"}
    done = run("record", "--otlp", "http://127.0.0.1:1", env=environment)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "pip install 'reclaim-tracer[otlp]'" in done.stderr
