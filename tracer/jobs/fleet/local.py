"""Tasks worked through by processes on this machine, one at a time each."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO, Final

from ...recorder.handover import begin_apart
from .work import FAILED, Outcome, Task

_WORKER: Final = f"{__package__}.worker"
_TRIES: Final = 2
"""A recording whose process dies is tried once more: something else may have killed it."""


class LocalPool:
    """So many processes. `stop` hands out no more; what is being worked on is brought to its end."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._stopped = threading.Event()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._threads: list[threading.Thread] = []
        self.died = 0

    def stop(self) -> None:
        """From any thread."""
        self._stopped.set()

    def finish(self) -> None:
        """Wait until what was begun is done."""
        for thread in self._threads:
            thread.join()

    @property
    def processes(self) -> tuple[subprocess.Popen[bytes], ...]:
        """Those that run."""
        return (*self._running.values(),)

    def run(self, tasks: Iterable[Task], told: Callable[[Outcome], object]) -> None:
        """Work through all of them; `told` is handed each outcome, in the caller's thread, as it comes.

        Raises OSError where no process can be started.
        """
        waiting: SimpleQueue[Task] = SimpleQueue()
        count = 0
        for task in tasks:
            waiting.put(task)
            count += 1
        done: SimpleQueue[Outcome | BaseException | None] = SimpleQueue()
        self._threads = threads = [
            threading.Thread(target=self._work, args=(number, waiting, done), daemon=True)
            for number in range(min(self._processes, count))
        ]
        for thread in threads:
            thread.start()
        self._collect(len(threads), done, told)

    def _collect(
        self, threads: int, done: SimpleQueue[Outcome | BaseException | None], told: Callable[[Outcome], object]
    ) -> None:
        failure: BaseException | None = None
        while threads:
            came = done.get()
            if came is None:
                threads -= 1
            elif isinstance(came, Outcome):
                told(came)
            else:
                failure = came
                self.stop()
        if failure is not None:
            raise failure

    def _work(self, number: int, waiting: SimpleQueue[Task], done: SimpleQueue[Outcome | BaseException | None]) -> None:
        process: subprocess.Popen[bytes] | None = None
        try:
            while not self._stopped.is_set():
                try:
                    task = waiting.get_nowait()
                except Empty:
                    break
                for _ in range(_TRIES):
                    process = self._alive(number, process)
                    outcome = _asked(process, task)
                    if outcome.state != FAILED or process.poll() is None or self._stopped.is_set():
                        break
                    self.died += 1
                if not (self._stopped.is_set() and process is not None and process.poll() is not None):
                    done.put(outcome)
        except BaseException as error:  # noqa: BLE001 - told in the caller's thread
            done.put(error)
        finally:
            if process is not None:
                _end(process)
            done.put(None)

    def _alive(self, number: int, process: subprocess.Popen[bytes] | None) -> subprocess.Popen[bytes]:
        if process is not None:
            if process.poll() is None:
                return process
            _end(process)
        process = begin_apart(_WORKER, {}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._running[number] = process
        return process


def _asked(process: subprocess.Popen[bytes], task: Task) -> Outcome:
    """A process's answer; FAILED where it died of it."""
    to, answers = _pipes(process)
    with suppress(BrokenPipeError):
        to.write(json.dumps(task.to_json()).encode() + b"\n")
        to.flush()
        if line := answers.readline():
            return Outcome.from_json(json.loads(line))
    status = process.wait()
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    return Outcome(task.source, FAILED, why=f"the process that read it {how}")


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    to, answers = _pipes(process)
    with suppress(BrokenPipeError):
        to.close()
    process.wait()
    answers.close()
