"""Metrics at an address and in a file, and the process that has them beside a recorder."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import signal
import socket
import stat
import threading
import urllib.request
from pathlib import Path

import exports
import pytest
from command_line import ENV, run
from metric_series import samples
from prometheus_client.core import CollectorRegistry, GaugeMetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parsed
from prometheus_server import asked, eventually, fetching
from test_collect_process import may_favour_itself
from written_recordings import write_recording

from tests.golden.cases import DATA as GOLDEN
from tracer.analyze import Options
from tracer.analyze.terms import Scope
from tracer.analyze.wait_lengths import STEPS_A_DOUBLING
from tracer.commands.metrics_options import Address, address_of
from tracer.errors import TracerError
from tracer.jobs.analysis import WHOLE, analyse
from tracer.jobs.metrics_options import MetricsOptions
from tracer.jobs.publishing import MetricsProcess
from tracer.metrics.collector import ResultsCollector, live_registry
from tracer.metrics.printing import PrintedMetrics
from tracer.metrics.results import results_of
from tracer.metrics.serving import MetricsServer
from tracer.metrics.textfile import MetricsFile
from tracer.store import open_recording
from tracer.store.notes import facts_of
from tracer.terminal.messages import Messages

LOOPBACK = "127.0.0.1"
PATIENCE_S = 30.0
REAL = GOLDEN / "guest-host-reasserts.rtrace"


class One:
    """A registry's only collector."""

    value = 1.5

    def collect(self):
        return [GaugeMetricFamily("x_bytes", "X.", self.value)]


@pytest.fixture
def registry() -> CollectorRegistry:
    made = CollectorRegistry(support_collectors_without_names=True)
    made.register(One())
    return made


def get(url: str, accept: str = "text/plain") -> tuple[str, str]:
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]


def test_it_answers_in_the_format_that_is_asked_for(registry: CollectorRegistry) -> None:
    server = MetricsServer(LOOPBACK, 0, registry)
    try:
        text, kind = get(server.url)
        assert kind.startswith("text/plain")
        assert samples([*parsed(text)]) == {("x_bytes", ()): 1.5}
        text, kind = get(server.url, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        assert kind.startswith("application/openmetrics-text")
        assert samples([*parsed_openmetrics(text)]) == {("x_bytes", ()): 1.5}
        assert text.endswith("# EOF\n")
    finally:
        server.close()
    with pytest.raises(OSError, match="refused"):
        get(server.url)


def test_clients_that_say_nothing_do_not_stop_it(registry: CollectorRegistry) -> None:
    server = MetricsServer(LOOPBACK, 0, registry)
    with contextlib.ExitStack() as stack:
        stack.callback(server.close)
        for _ in range(7):
            stack.enter_context(socket.create_connection((LOOPBACK, server.port)))
        assert "x_bytes 1.5" in get(server.url)[0]


def test_an_address_that_is_taken_is_one_line(registry: CollectorRegistry) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TracerError, match=f"--metrics {LOOPBACK}:{port}: can't listen there: Address already"):
            MetricsServer(LOOPBACK, port, registry)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9464", Address("127.0.0.1", 9464)),
        (":9464", Address("127.0.0.1", 9464)),
        ("localhost:0", Address("127.0.0.1", 0)),
        ("0.0.0.0:80", Address("0.0.0.0", 80)),
        ("[::1]:9464", Address("::1", 9464)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize("text", ["", "host", "guest:9464", "1.2.3:80", "127.0.0.1:99999", "::1:9464", "[::1]", "-1"])
def test_a_bad_address_is_refused_before_anything_is_traced(text: str) -> None:
    done = run("record", f"--metrics={text}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--metrics" in done.stderr


def test_what_can_not_be_is_refused() -> None:
    for arguments, said in (
        (("-o", "-", "--metrics", "0"), "with -o - there is none"),
        (("--metrics-file", "x.txt"), "must end in .prom"),
    ):
        done = run("record", *arguments)
        assert done.returncode == 2
        assert said in " ".join(done.stderr.split())


def test_a_file_is_replaced_as_a_whole_and_everybody_may_read_it(tmp_path: Path, registry: CollectorRegistry) -> None:
    path = tmp_path / "reclaim.prom"
    path.write_text("old")
    file = MetricsFile(path, registry)
    assert path.read_text() == "old"
    with path.open() as old:
        file.write()
        assert old.read() == "old"
    assert samples([*parsed(path.read_text())]) == {("x_bytes", ()): 1.5}
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["reclaim.prom"]


def test_a_link_is_not_followed(tmp_path: Path, registry: CollectorRegistry) -> None:
    target, link = tmp_path / "shadow", tmp_path / "x.prom"
    target.write_text("secret")
    link.symlink_to(target)
    with pytest.raises(TracerError, match="symbolic link"):
        MetricsFile(link, registry)
    assert target.read_text() == "secret"


class Beside:
    """A process beside a recorder that never comes; what it says."""

    def __init__(self, path: Path, options: MetricsOptions, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.process = MetricsProcess(path, options, Messages(), rotated=False)
        self.said = capsys.readouterr().err


def test_it_follows_a_recording_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = tmp_path / "new.rtrace", tmp_path / "new.prom"
    path.write_text("an older file of that name")
    beside = Beside(path, MetricsOptions(LOOPBACK, 0, file), capsys)
    url = beside.said.split()[1]
    # GIVEN nothing recorded yet: what is there are its own costs
    told = samples([*parsed(get(url)[0])])
    assert told["reclaim_tracer_metrics_process_resident_memory_bytes", ()] > 0
    assert not any(name.startswith("reclaim_tracer_balloon") for name, _ in told)
    # WHEN a recording gets the name, and is over
    write_recording(tmp_path / "beside.rtrace", lost=7).replace(path)
    beside.process.close()
    # THEN the file says what an export of the whole says, and that it is over
    told, whole = (
        samples([*parsed(file.read_text())]),
        samples([*parsed(exports.exported(path, "prometheus").decode())]),
    )
    own = {key for key in told if "_process_" in key[0]}
    assert {key: value for key, value in told.items() if key not in own | {("reclaim_tracer_lag_seconds", ())}} == whole
    assert whole["reclaim_tracer_recording_active", ()] == 0
    assert capsys.readouterr().err == ""


def test_one_that_is_killed_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = Beside(tmp_path / "never.rtrace", MetricsOptions(LOOPBACK, 0), capsys)
    (child,) = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    os.waitid(os.P_PID, int(child), os.WEXITED | os.WNOWAIT)
    beside.process.look()
    beside.process.look()
    assert capsys.readouterr().err == "Metrics have ended (SIGKILL); the recording goes on\n"
    beside.process.close()
    assert capsys.readouterr().err == ""


def test_whoever_fetches_does_not_wait_for_other_tasks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = Beside(tmp_path / "never.rtrace", MetricsOptions(LOOPBACK, 0), capsys)
    (child,) = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    wanted = min(os.nice(0), -10) if may_favour_itself() else os.nice(0)
    assert os.getpriority(os.PRIO_PROCESS, int(child)) == wanted
    beside.process.close()


def test_one_that_can_not_have_its_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TracerError, match="does not exist"):
        MetricsProcess(tmp_path / "x.rtrace", MetricsOptions(file=tmp_path / "no/x.prom"), Messages(), rotated=False)


def test_without_the_library_one_line_says_so(tmp_path: Path) -> None:
    # GIVEN an interpreter that finds no prometheus_client
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text("import sys\nsys.modules['prometheus_client'] = None\n")
    environment = ENV | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ENV['PYTHONPATH']}"}
    for arguments in (
        ("record", "--metrics", "0"),
        ("export", write_recording(tmp_path / "x.rtrace"), "--format", "prometheus"),
    ):
        done = run(*arguments, env=environment)
        assert done.returncode == 1
        assert "pip install 'reclaim-tracer[metrics]'" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_real_prometheus_fetches_native_histograms(tmp_path: Path, need) -> None:
    need("live", shutil.which("prometheus") is not None, "no prometheus on PATH (`.ci/setup test`)")
    # GIVEN a recording's results, and a server that keeps native histograms
    recording = open_recording(REAL)
    analysis = analyse(WHOLE.part(recording), Options())
    results = ResultsCollector()
    results.take(results_of(analysis, facts_of(recording, analysis.accounting.lost)))
    server = MetricsServer(LOOPBACK, 0, live_registry(results, os.getpid))
    (waits,) = [one for one in analysis.waits if one.scope is Scope.GLOBAL]
    of = 'reclaim_tracer_wait_seconds{tier="direct",scope="global"}'
    try:
        with fetching(tmp_path, f"{LOOPBACK}:{server.port}", "--enable-feature=native-histograms") as prometheus:
            # THEN it has as many waits, as long together, of such lengths
            ((_, count),) = eventually(lambda: asked(prometheus, f"histogram_count({of})"))
            ((_, total_s),) = asked(prometheus, f"histogram_sum({of})")
            shares = {index: asked(prometheus, _up_to(index, of))[0][1] for index in waits.lengths}
            ((_, inflated),) = asked(prometheus, "reclaim_tracer_balloon_inflated_bytes_total")
    finally:
        server.close()
    assert count == waits.waits > 100
    assert total_s == pytest.approx(waits.waited_ns / 1e9)
    for index, share in shares.items():
        below = sum(number for at, number in waits.lengths.items() if at <= index)
        assert share == pytest.approx(below / waits.waits)
    assert inflated == analysis.balloon.inflated_pages * 4096


def _up_to(index: int, of: str) -> str:
    return f"histogram_fraction(0, {2 ** (index / STEPS_A_DOUBLING)!r}, {of})"


class Counting(One):
    """Counts how often it is asked, and tells that."""

    value = 0

    def collect(self):
        self.value += 1
        return super().collect()


def test_what_is_fetched_again_and_again_is_printed_before_it_is_fetched() -> None:
    # GIVEN metrics that somebody fetched at 0 and at 15 s
    now_s, collector, registry = [0.0], Counting(), CollectorRegistry(support_collectors_without_names=True)
    registry.register(collector)
    printed = PrintedMetrics(registry, clock=lambda: now_s[0])
    printed.fetch("text/plain")
    now_s[0] = 15.0
    printed.fetch("text/plain")
    # WHEN results come every second
    asked = {}
    for second in range(16, 61):
        now_s[0], before = float(second), collector.value
        printed.print_ahead()
        asked[second] = collector.value - before
        if second == 30:
            # THEN the fetch at 30 s has what was printed a moment before, and asks for nothing
            kind, text = printed.fetch("text/plain")
            assert kind.startswith("text/plain")
            assert text.endswith(f"x_bytes {collector.value}.0\n".encode())
            assert collector.value - before == 1
            # ... and one in a format that nobody fetched before has it, too
            assert printed.fetch("application/openmetrics-text")[1].endswith(b"# EOF\n")
    # ... and they are printed shortly before a fetch alone, until nobody fetches any more
    printed_at = [second for second, times in asked.items() if times]
    assert [second for second in printed_at if second <= 30] == [28, 29, 30]
    assert min(second for second in printed_at if second > 30) == 43
    # WHEN nobody has fetched for long
    now_s[0], before = 500.0, collector.value
    printed.print_ahead()
    # THEN nothing is printed ahead, and a fetch gets what is new
    assert collector.value == before
    assert printed.fetch("text/plain")[1].endswith(f"x_bytes {before + 1}.0\n".encode())


def test_an_answer_is_compressed_for_whoever_takes_that(registry: CollectorRegistry) -> None:
    server = MetricsServer(LOOPBACK, 0, registry)
    try:
        request = urllib.request.Request(server.url, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert b"x_bytes 1.5" in gzip.decompress(answer.read())
    finally:
        server.close()


def test_a_file_that_can_not_be_had_is_told_by_its_own_option(tmp_path: Path, registry: CollectorRegistry) -> None:
    with pytest.raises(TracerError, match=r"/no does not exist; create it or choose another path with --metrics-file$"):
        MetricsFile(tmp_path / "no" / "x.prom", registry)
    (tmp_path / "folder.prom").mkdir()
    with pytest.raises(TracerError, match=r"is a directory, .*; choose another path with --metrics-file$"):
        MetricsFile(tmp_path / "folder.prom", registry)
    gone = tmp_path / "gone"
    gone.mkdir()
    file = MetricsFile(gone / "x.prom", registry)
    gone.rmdir()
    with pytest.raises(TracerError, match=r"create it or choose another path with --metrics-file$"):
        file.write()
