"""A fleet worked through: fragments kept, what is damaged told, killed and gone on with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line import ENV, ROOT
from command_line import run as run_command
from fleets import ALL_DAMAGES, small_fleet

import tracer
from tracer.analyze import Options
from tracer.errors import UsageError
from tracer.fleet.as_json import fleet_json
from tracer.fleet.fragments import Fragments
from tracer.fleet.identity import key_of
from tracer.fleet.manifest import entries_of
from tracer.fleet.results import results_of
from tracer.fleet.tables import KEPT as KEPT_TABLES
from tracer.jobs.analysis import analyse_file
from tracer.jobs.fleet.local import LocalPool
from tracer.jobs.fleet.reporting import write_all
from tracer.jobs.fleet.running import LEAST_BYTES, PROCESS_BYTES, Request, Run, Share, share_of
from tracer.jobs.fleet.work import FAILED, KEPT, MADE, UNREAD, Outcome, Task, work
from tracer.jobs.memory_bound import MOST_BYTES

pytest.importorskip("pyarrow")
COUNT = 26
SHARE = Share(2, MOST_BYTES)
DASK = {**ENV, "DASK_DISTRIBUTED__SCHEDULER__WORK_STEALING": "true"}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Recordings, each damage once."""
    folder = tmp_path_factory.mktemp("fleet")
    for path in small_fleet(folder, COUNT, damaged=ALL_DAMAGES):
        # Files that have only just changed are not trusted to be as they were.
        os.utime(path, (1e9, 1e9), follow_symlinks=False)
    return folder / "recordings"


@pytest.fixture(scope="module")
def whole(fleet, tmp_path_factory):
    """What comes of it, uninterrupted."""
    output = tmp_path_factory.mktemp("whole") / "out"
    return ran(fleet, output, processes=2), output


def undamaged(fleet: Path) -> list[Path]:
    """The recordings that nothing befell; the first ones are damaged."""
    return [path for path in sorted(fleet.iterdir()) if int(path.stem[-5:]) >= ALL_DAMAGES]


def begun(fleet: Path, output: Path) -> Run:
    return Run(Request(entries_of([str(fleet)]), str(output), Options(), SHARE), lambda *_: None)


def ran(fleet: Path, output: Path, processes: int = 1) -> Run:
    """A whole run, with its report."""
    run = begun(fleet, output)
    run.work(LocalPool(processes), LocalPool)
    results = results_of(run.gather())
    write_all(run, results, fleet_json(results), 1, lambda *_: None)
    return run


def results_in(output: Path) -> dict[str, bytes]:
    """Every file by its name, but for when files were looked at."""
    files = (path for path in output.rglob("*") if path.is_file() and path.name != "seen.json")
    return {str(path.relative_to(output)): path.read_bytes() for path in files}


def command(fleet: Path, output: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tracer", "fleet", str(fleet), "-o", str(output), "--cpus", "1"]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=ENV)


def wait_for_fragments(output: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Until so many are there."""
    while len([*output.glob("fragments-*/*/*.recordings.parquet")]) < count:
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"ended with {process.wait(0.05)}: {process.communicate()}")


def test_every_recording_is_in_the_numbers_or_told_not_to_be(fleet, whole):
    run, _ = whole
    gathered = run.gather()
    told = {each.source for each in gathered.recordings} | {each.source for each in gathered.unread}
    told |= {source for source, _ in gathered.twice}
    assert told == {entry.source for entry in entries_of([str(fleet)])}
    assert run.tally.states[MADE] + run.tally.states[UNREAD] + run.tally.states[FAILED] == COUNT
    assert all(each.why and each.why.isprintable() for each in gathered.unread)
    assert run.tally.died == 0


def test_what_a_recording_comes_to_is_what_its_own_analysis_says(whole):
    run, _ = whole
    for each in run.gather().recordings:
        if each.facts["unseen"] is None:
            analysis, facts = analyse_file(Path(each.source))
            assert each.facts["events"] == analysis.accounting.events
            assert [finding.text for finding in each.findings] == [finding.text for finding in analysis.findings]
            assert each.labels["made"] == "cut-shifted-scaled"
            assert each.facts["host"] == facts.metadata.host


def test_a_second_run_reads_nothing_that_is_as_it_was(fleet, whole):
    first, output = whole
    before = results_in(output)
    run = ran(fleet, output)
    assert run.tally.unchanged == COUNT - first.tally.states[FAILED]
    assert run.tally.states[MADE] == run.tally.states[UNREAD] == 0
    assert results_in(output) == before


def test_what_is_new_changed_or_moved_alone_is_worked_through(fleet, tmp_path):
    recordings = tmp_path / "recordings"
    sound = undamaged(fleet)
    recordings.mkdir()
    for path in sound[:3]:
        shutil.copy2(path, recordings / path.name)
    assert ran(recordings, tmp_path / "out").tally.states[MADE] == 3
    shutil.copy2(sound[3], recordings / sound[3].name)
    (recordings / sound[0].name).rename(recordings / "moved.rtrace")
    changed = recordings / sound[1].name
    os.truncate(changed, changed.stat().st_size - 1)
    run = begun(recordings, tmp_path / "out")
    run.work(LocalPool(1), LocalPool)
    assert (run.tally.states[MADE], run.tally.states[KEPT], run.tally.unchanged) == (2, 1, 1)


def test_killed_twice_and_gone_on_with_it_comes_to_the_same_bytes(fleet, whole, tmp_path):
    output = tmp_path / "out"
    for count in (3, 9):
        process = command(fleet, output)
        wait_for_fragments(output, count, process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    ran(fleet, output)
    assert results_in(output) == results_in(whole[1])


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(fleet, whole, tmp_path):
    told = []

    def interrupt(*words: object) -> None:
        told.append(words)
        if len(told) == 3:
            raise KeyboardInterrupt

    output = tmp_path / "out"
    run = Run(Request(entries_of([str(fleet)]), str(output), Options(), SHARE), interrupt)
    run.work(LocalPool(1), LocalPool)
    assert run.stopped
    assert COUNT - 3 >= run.missing > 0
    ran(fleet, output)
    assert results_in(output) == results_in(whole[1])


def test_a_process_that_dies_is_replaced_and_its_recording_tried_again(fleet, whole, tmp_path):
    run, pool, moment = begun(fleet, tmp_path / "out"), LocalPool(1), threading.Event()

    def kill_one() -> None:
        while not pool.processes:
            moment.wait(0.01)
        pool.processes[0].kill()

    killer = threading.Thread(target=kill_one)
    killer.start()
    run.work(pool, LocalPool)
    killer.join()
    assert run.tally.died == 1
    assert run.tally.states == whole[0].tally.states


def test_a_recording_that_needs_more_memory_than_its_share_is_told(fleet, tmp_path, monkeypatch):
    monkeypatch.setattr("tracer.jobs.fleet.work.rows", lambda *_: bytearray(256 << 20))
    path = undamaged(fleet)[0]
    outcome = work(Task(str(path), str(tmp_path), 10.0, 1.0, memory_bytes=1 << 20))
    assert (outcome.state, outcome.is_memory) == (FAILED, True)
    assert "memory" in outcome.why


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.rtrace")
    outcome = work(Task(str(tmp_path / "a.rtrace"), str(tmp_path / "out"), 10.0, 1.0))
    assert (outcome.state, outcome.why) == (FAILED, "is a pipe, not a file")


def test_a_key_is_of_all_bytes(tmp_path):
    path = tmp_path / "a.rtrace"
    keys = set()
    for content in (b"", b"a", b"b", b"aa"):
        path.write_bytes(content)
        keys.add(key_of([path]))
    assert len(keys) == 4


def test_memory_is_shared_by_as_many_processes_as_have_room():
    assert share_of(8, None) == Share(8, MOST_BYTES)
    each = PROCESS_BYTES + LEAST_BYTES
    assert share_of(8, 3 * each) == Share(3, LEAST_BYTES)
    assert share_of(2, 1 << 40) == Share(2, MOST_BYTES)
    with pytest.raises(UsageError, match="one process needs"):
        share_of(8, each - 1)


def test_every_link_of_the_page_leads_to_a_report(whole):
    _, output = whole
    page = (output / "fleet.html").read_text()
    links = [part.split('"', 1)[0] for part in page.split('href="reports/')[1:]]
    assert links
    assert all((output / "reports" / link).is_file() for link in links)


def test_tables_hold_the_rows_of_all_recordings(whole):
    import pyarrow.parquet as pq

    run, output = whole
    recordings = pq.read_table(output / "tables" / "recordings.parquet")
    assert recordings.num_rows == len(run.gather().recordings)
    findings = pq.read_table(output / "tables" / "findings.parquet")
    assert findings.num_rows == sum(len(each.findings) for each in run.gather().recordings)
    assert set(findings.column("recording_id").to_pylist()) <= set(recordings.column("recording_id").to_pylist())
    assert json.loads((output / "fleet.json").read_text())["format"] == "reclaim-tracer/fleet"


def test_a_program_gets_a_recordings_tables_and_keeps_them_for_the_command(fleet, tmp_path):
    recordings, output = tmp_path / "recordings", tmp_path / "out"
    recordings.mkdir()
    path = Path(shutil.copy2(undamaged(fleet)[0], recordings))
    tables = tracer.rows(path)
    assert [*tables] == [table.name for table in KEPT_TABLES]
    (row,) = tables["recordings"].to_pylist()
    assert row["events"] == analyse_file(path)[0].accounting.events
    assert [tracer.keep(str(path), str(output)).state for _ in range(2)] == [MADE, KEPT]
    run = ran(recordings, output)
    assert (run.tally.states[KEPT], run.tally.states[MADE]) == (1, 0)
    assert tracer.keep(str(tmp_path / "none.rtrace"), str(output)).why == "no such file"
    with pytest.raises(tracer.RecordingError):
        tracer.rows(tmp_path / "none.rtrace")


def started(module: str, *words: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{module}", *map(str, words)]
    return subprocess.Popen(
        command, cwd=ROOT, env=DASK, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[Path, list[subprocess.Popen[bytes]]]]:
    """A scheduler's file, and its two workers."""
    pytest.importorskip("distributed")
    told = tmp_path / "scheduler.json"
    scheduler = started(
        "dask_scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", told
    )
    while not told.exists():
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"the scheduler ended with {scheduler.wait(0.05)}")
    common = ("--scheduler-file", told, "--nthreads", 1, "--no-dashboard", "--no-nanny", "--host", "127.0.0.1")
    workers = [started("dask_worker", *common, "--local-directory", tmp_path / f"w{number}") for number in range(2)]
    try:
        yield told, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def address_in(told: Path) -> str:
    return json.loads(told.read_text())["address"]


def test_a_worker_that_is_killed_in_the_middle_changes_no_byte(cluster, fleet, whole, tmp_path):
    (told, workers), output = cluster, tmp_path / "out"
    words = ("fleet", fleet, "-o", output, "--reports", "worst:1", "--scheduler", address_in(told))
    command = [sys.executable, "-m", "tracer", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=ENV)
    wait_for_fragments(output, 5, process)
    workers[0].send_signal(signal.SIGKILL)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "1 process died" in said
    assert results_in(output) == results_in(whole[1])


def test_a_scheduler_that_is_not_there_is_told_in_one_line(tmp_path):
    small_fleet(tmp_path, 1)
    config = tmp_path / "dask.yaml"
    config.write_text("distributed:\n  comm:\n    timeouts:\n      connect: 1s\n")
    words = ("fleet", tmp_path / "recordings", "-o", tmp_path / "out", "--dask-config", config)
    none = run_command(*words)
    assert (none.returncode, "no scheduler is known" in none.stderr) == (2, True)


def test_deaths_are_counted_once_by_pools_that_are_used_twice(fleet, tmp_path):
    pool = SimpleNamespace(died=0)

    def fail_and_die(tasks: list[Task], told: Callable[[Outcome], object]) -> None:
        pool.died += 1
        for task in tasks:
            told(Outcome(task.source, FAILED, why="out of memory", is_memory=True))

    pool.run = fail_and_die
    run = begun(fleet, tmp_path / "out")
    run.work(pool, lambda _: pool)
    assert (run.tally.died, run.tally.retried) == (2, COUNT)


def test_a_second_run_reads_joined_tables_and_not_fragments(fleet, whole, tmp_path, monkeypatch):
    output = tmp_path / "out"
    shutil.copytree(whole[1], output, copy_function=shutil.copy2)
    before, read = results_in(output), []
    real = Fragments.read
    monkeypatch.setattr(Fragments, "read", lambda self, key, *rest: read.append(key) or real(self, key, *rest))
    run = ran(fleet, output)
    gathered = run.gather()
    assert not {*read} & {each.key for each in gathered.recordings}
    assert results_in(output) == before


@pytest.mark.parametrize("spoilt", ["numbers", "recordings", "tiers"])
def test_tables_that_are_not_of_these_recordings_are_joined_again(fleet, whole, tmp_path, spoilt):
    """As a run over others that was killed in the middle leaves them, or a full disk."""
    output, others = tmp_path / "out", tmp_path / "others"
    shutil.copytree(whole[1], output)
    shutil.copytree(whole[1], others)
    part = tmp_path / "part"
    part.mkdir()
    for path in undamaged(fleet)[:2]:
        shutil.copy2(path, part)
    ran(part, others)
    table = Path("tables") / f"{spoilt}.parquet"
    shutil.copy2(others / table, output / table)
    assert results_in(output) != results_in(whole[1])
    ran(fleet, output)
    assert results_in(output) == results_in(whole[1])
    (output / table).write_bytes((output / table).read_bytes()[:-9])
    ran(fleet, output)
    assert results_in(output) == results_in(whole[1])
