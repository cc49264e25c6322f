"""What a Dask scheduler carries: a real one, real workers, the tool's own loop, and work that does nothing or sleeps.

`python -m tests.fleet.simulate --tasks 2000 --workers 16`, all of it on loopback. A worker that sleeps takes no CPU, so
one machine has room for as many as it can feed. CPU times are the processes' own, so that other load moves them little;
the rate is by wall-clock time, and workers and the command have their shares of the CPUs in it. With `--kill-every` a
process of workers is killed every so often and another one started in its place.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from tests.fleet.stand_in import stand_in, tasks
from tracer.jobs.fleet import cluster
from tracer.jobs.fleet.running import Tally
from tracer.jobs.fleet.work import MADE, Outcome

_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_ENV: Final = {
    **os.environ,
    "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "false",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "false",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
}
"""Many workers share a process and a machine here, so they do not look at themselves a hundred times a second each."""
_LOOK_S: Final = 0.5


def cpu_s(pid: int) -> float:
    """What a process has used so far."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) * _TICK_S


def memory_bytes(pid: int, name: str = "VmRSS") -> int:
    """Resident now, or at most (`VmHWM`)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


@dataclass
class Workers:
    """Processes of workers; CPU times of those that were killed are counted as well."""

    address: str
    folder: str
    each: int
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    spent_s: float = 0.0
    killed: int = 0

    def begin(self) -> None:
        """One more."""
        words = (self.address, str(self.each), self.folder)
        command = [sys.executable, "-m", "tests.fleet.workers", *words]
        self.running.append(subprocess.Popen(command, env=_ENV, stderr=subprocess.DEVNULL))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """At once."""
        self.spent_s += cpu_s(process.pid)
        process.kill()
        process.wait()
        self.running.remove(process)

    def cpu_s(self) -> float:
        """Of all so far."""
        return self.spent_s + sum(cpu_s(process.pid) for process in self.running)

    def replace_one(self, chance: random.Random) -> None:
        """One dies, and another one comes."""
        self.kill(chance.choice(self.running))
        self.killed += self.each
        self.begin()


@dataclass(frozen=True)
class Figures:
    """One run; CPU times and memory by process, memory as it was before any task and at most."""

    tasks: int
    workers: int
    named: bool
    window: int
    made: int
    failed: int
    wall_s: float
    tasks_a_second: float
    scheduler_cpu_ms: float
    command_cpu_ms: float
    worker_cpu_ms: float
    scheduler_before_bytes: int
    scheduler_peak_bytes: int
    command_peak_bytes: int
    killed: int
    seen_dead: int
    load: float


@contextmanager
def scheduler(folder: Path) -> Iterator[tuple[str, int]]:
    """A scheduler's address and process."""
    told = folder / "scheduler.json"
    words = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(told))
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *words]
    process = subprocess.Popen(command, env=_ENV, stderr=subprocess.DEVNULL)
    try:
        while not told.exists():
            with suppress(subprocess.TimeoutExpired):
                raise SystemExit(f"the scheduler ended with {process.wait(0.1)}")
        yield json.loads(told.read_text())["address"], process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def working(address: str, folder: Path, asked: argparse.Namespace) -> Iterator[Workers]:
    """Its workers, once all of them are there."""
    import distributed

    workers = Workers(address, str(folder), max(asked.workers // asked.processes, 1))
    try:
        for _ in range(max(asked.workers // workers.each, 1)):
            workers.begin()
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(len(workers.running) * workers.each, timeout=300)
        yield workers
    finally:
        for process in [*workers.running]:
            workers.kill(process)


@contextmanager
def deaths(workers: Workers, every_s: float) -> Iterator[None]:
    """A process of workers dies every so often; never where that is 0."""
    ended, chance = threading.Event(), random.Random(1)

    def go_on() -> None:
        while not ended.wait(every_s):
            workers.replace_one(chance)

    thread = threading.Thread(target=go_on, daemon=True)
    if every_s:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if every_s:
            thread.join()


def simulate(asked: argparse.Namespace) -> Figures:
    """One run of the tool's own loop."""
    cluster.work_in_turn = stand_in
    if asked.all_at_once:
        cluster._EACH_THREAD = asked.tasks
    todo = tasks(asked.tasks, asked.mean_s, asked.stragglers, asked.straggler_s)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address, pid = stack.enter_context(scheduler(folder))
        workers = stack.enter_context(working(address, folder, asked))
        pool = cluster.ClusterPool(address)
        stack.callback(pool.close)
        if asked.named:
            pool._where = {"workers": pool._able(), "allow_other_workers": True}
            pool._look = lambda: None
        before = cpu_s(pid), time.process_time(), workers.cpu_s(), memory_bytes(pid), time.monotonic()
        tally = Tally()
        with deaths(workers, asked.kill_every):
            pool.run(todo, lambda outcome: take(tally, outcome, asked.progress))
        wall_s = time.monotonic() - before[4]
        return Figures(
            asked.tasks,
            asked.workers,
            asked.named,
            pool._most(),
            tally.states[MADE],
            asked.tasks - tally.states[MADE],
            wall_s,
            asked.tasks / wall_s,
            (cpu_s(pid) - before[0]) * 1e3 / asked.tasks,
            (time.process_time() - before[1]) * 1e3 / asked.tasks,
            (workers.cpu_s() - before[2]) * 1e3 / asked.tasks,
            before[3],
            memory_bytes(pid, "VmHWM"),
            memory_bytes(os.getpid(), "VmHWM"),
            workers.killed,
            pool.died,
            os.getloadavg()[0],
        )


def take(tally: Tally, outcome: Outcome, every: int) -> None:
    """Count it, and say now and then how far it is."""
    tally.take(outcome)
    done = sum(tally.states.values())
    if every and done % every == 0:
        print(f"{done:,}: command {memory_bytes(os.getpid()) >> 20} MiB", file=sys.stderr, flush=True)


def main() -> None:
    """Print one run's figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--processes", type=int, default=2, help="so many hold the workers")
    parser.add_argument("--mean-s", type=float, default=0.0, help="duration of a task; 0: it does nothing")
    parser.add_argument("--stragglers", type=float, default=0.0, help="share of tasks that take --straggler-s")
    parser.add_argument("--straggler-s", type=float, default=10.0)
    parser.add_argument("--kill-every", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--all-at-once", action="store_true", help="hand the scheduler every task at the start")
    parser.add_argument("--named", action="store_true", help="name the workers at each task")
    parser.add_argument("--progress", type=int, default=0, metavar="TASKS")
    print(json.dumps(asdict(simulate(parser.parse_args())), indent=1))


if __name__ == "__main__":
    main()
