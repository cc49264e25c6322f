"""Prometheus fetches the metrics of a recording that goes on, in a storm."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from bench.reclaim import LIMIT_BYTES, waiting
from command_line import ENV, ROOT, run
from otlp_requests import parsed as parsed_request
from otlp_requests import records, series
from otlp_server import taking
from prometheus_client.parser import text_string_to_metric_families as parsed
from prometheus_server import PATIENCE_S, asked, eventually, fetching

from tracer.kernel.cgroup import find_memory_controller

pytestmark = pytest.mark.usefixtures("bcc")

TURNS = 600
"""Of the load; each is some 1,200 events."""
MOSTLY, MOST_SCRAPE_S = 0.8, 0.05


@pytest.fixture
def prometheus(tmp_path: Path, need) -> Callable[[str], Any]:
    need("live", shutil.which("prometheus") is not None, "no prometheus on PATH (`.ci/setup test`)")
    return partial(fetching, tmp_path)


@contextmanager
def recording(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A recorder, and where its metrics are."""
    command = [sys.executable, "-m", "tracer", "record", "--no-summary", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=ENV) as recorder:
        try:
            assert recorder.stderr is not None
            line = next(line for line in recorder.stderr if line.startswith("Metrics: "))
            next(line for line in recorder.stderr if line.startswith("Tracing"))
            yield recorder, line.split()[1]
        finally:
            if recorder.poll() is None:
                recorder.kill()


def ended(recorder: subprocess.Popen[str]) -> str:
    recorder.send_signal(signal.SIGINT)
    _, said = recorder.communicate(timeout=PATIENCE_S)
    assert recorder.returncode == 0, said
    return said


def metrics_process(recorder: int) -> int:
    """The recorder's child that has the metrics: the compiler is gone by now."""
    (child,) = Path(f"/proc/{recorder}/task/{recorder}/children").read_text().split()
    return int(child)


@pytest.fixture
def load(tmp_path: Path, need) -> Callable[[int], None]:
    """Reclaim so much in a small memory cgroup; returns when that is done."""
    need("live", find_memory_controller() is not None, "no memory cgroup controller is mounted")

    def reclaim(turns: int) -> None:
        command = [sys.executable, "-m", "tests.bench.reclaim_load", str(tmp_path), str(turns), str(os.getpid())]
        with waiting(command, LIMIT_BYTES) as process:
            process.communicate("go\n")
            assert process.returncode == 0

    return reclaim


def test_prometheus_fetches_in_a_storm(
    tmp_path: Path, prometheus: Callable[[str], Any], load: Callable[[int], None]
) -> None:
    path, file = tmp_path / "storm.rtrace", tmp_path / "storm.prom"
    with recording("-o", path, "--metrics", "0", "--metrics-file", file) as (recorder, url):
        target = urllib.parse.urlsplit(url).netloc
        with prometheus(target) as server:
            eventually(lambda: asked(server, "reclaim_tracer_recording_active == 1"))
            load(TURNS)
            # THEN what Prometheus has grows to what was recorded, by tier and source
            reclaimed = 'sum(reclaim_tracer_reclaimed_bytes_total{tier="direct",scope="memcg"}) > 0'
            eventually(lambda: asked(server, reclaimed))
            # On a machine that others keep busy, what a fetch takes is their doing: the shortest is its own.
            ((_, shortest_s),) = asked(server, "min_over_time(scrape_duration_seconds[1h])")
            ((_, up),) = asked(server, "avg_over_time(up[1h])")
            said = ended(recorder)
    assert up > MOSTLY
    assert shortest_s < MOST_SCRAPE_S
    # AND the recorder lost nothing
    wrote = re.search(r"\(([\d,]+) events, ([\d,]+) lost", said)
    assert wrote, said
    events = int(wrote[1].replace(",", ""))
    assert events > 100 * TURNS
    assert wrote[2] == "0"
    # AND what was written last is what the recording says
    told = {one.name: 0.0 for family in parsed(file.read_text()) for one in family.samples}
    for family in parsed(file.read_text()):
        for one in family.samples:
            told[one.name] += one.value
    summary = json.loads(run("summary", path, "--json").stdout)
    assert told["reclaim_tracer_events_total"] == summary["recording"]["events"] == events
    assert told["reclaim_tracer_events_lost_total"] == 0
    assert told["reclaim_tracer_recording_active"] == 0


def test_what_is_found_is_sent_to_an_endpoint(tmp_path: Path, load: Callable[[int], None]) -> None:
    path = tmp_path / "sent.rtrace"
    with taking() as server:
        url = f"http://127.0.0.1:{server.port}"
        with recording("-o", path, "--otlp", url, "--otlp-interval", "1") as (recorder, _):
            # GIVEN metrics that come while nothing has happened yet
            server.wait_for(lambda _: len(server.of("metrics")) > 1)
            load(20)
            said = ended(recorder)
        sent, _, metrics = records(map(parsed_request, [*server.of("traces"), *server.of("metrics")[-1:]]))
    # THEN each episode was sent once, under the id that an export gives it, and nothing was lost
    exported = run("export", path, "--format", "otlp").stdout.encode().splitlines()
    spans, _, _ = records(map(parsed_request, exported))
    assert sorted(span.span_id for span in sent) == sorted(span.span_id for span in spans)
    assert {span.span_id: span for span in sent} == {span.span_id: span for span in spans}
    assert spans
    told = series(metrics)
    assert told["reclaim_tracer_recording_active", ()] == 0
    summary = json.loads(run("summary", path, "--json").stdout)["recording"]
    assert sum(value for (name, _), value in told.items() if name == "reclaim_tracer_events_total") == summary["events"]
    assert summary["lost"] == 0
    assert "OTLP:" not in said


def test_a_metrics_process_that_is_killed_costs_the_recording_nothing(tmp_path: Path) -> None:
    path = tmp_path / "goes-on.rtrace"
    with recording("-o", path, "--metrics", "0") as (recorder, _):
        os.kill(metrics_process(recorder.pid), signal.SIGKILL)
        assert recorder.stderr is not None
        told = next(line for line in recorder.stderr if line.startswith("Metrics have"))
        assert told == "Metrics have ended (SIGKILL); the recording goes on\n"
        subprocess.run(["sh", "-c", "echo 2 > /proc/sys/vm/drop_caches"], check=True)
        ended(recorder)
    recorded = json.loads(run("summary", path, "--json").stdout)["recording"]
    assert recorded["complete"]
    assert recorded["events"] > 0


def test_a_recorder_that_is_killed_ends_the_metrics(tmp_path: Path) -> None:
    path, file = tmp_path / "cut.rtrace", tmp_path / "cut.prom"
    with recording("-o", path, "--metrics", "0", "--metrics-file", file) as (recorder, url):
        eventually(lambda: file.exists() and "recording_active 1.0" in file.read_text())
        child = metrics_process(recorder.pid)
        recorder.kill()
        recorder.wait()
        eventually(lambda: not Path(f"/proc/{child}").exists())
    assert "recording_active 0.0" in file.read_text()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url)
