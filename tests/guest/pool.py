"""Trials on several machines at once."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Final, Self

from .trial import Bench, Machine, Outcome, Trial

_WORKER_MIB: Final = 2048
"""Of the host's memory: a guest of 1 GiB, and what QEMU and the analysis take."""


def workers_here() -> int:
    """As many as there are CPUs, an emulated guest keeps one busy however many it has, and as fit into memory."""
    with Path("/proc/meminfo").open() as file:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in file}
    return max(1, min(len(os.sched_getaffinity(0)), (kib["MemAvailable"] >> 10) // _WORKER_MIB))


class Pool:
    """Runs `trials` in the background, each worker one after another on a machine that it keeps while it can.

    Use it as a context manager: what still runs at its end is given up, with its machine.
    """

    def __init__(self, folder: Path, trials: Sequence[Trial], options: tuple[str, ...] = (), workers: int = 0) -> None:
        self._left = list(trials)
        self._outcomes: dict[Trial, Future[Outcome]] = {trial: Future() for trial in trials}
        self._lock = threading.Lock()
        count = min(workers or workers_here(), len(trials))
        self._benches = [Bench(folder, options) for _ in range(count)]
        self._threads = [threading.Thread(target=self._work, args=(bench,), daemon=True) for bench in self._benches]
        for thread in self._threads:
            thread.start()

    def outcome(self, trial: Trial) -> Outcome:
        """Waits for it."""
        return self._outcomes[trial].result()

    def outcomes(self) -> Iterator[Outcome]:
        """All, as they end."""
        return (future.result() for future in as_completed(self._outcomes.values()))

    def close(self) -> None:
        """Give up what has not ended; idempotent."""
        with self._lock:
            self._left.clear()
        for bench in self._benches:
            bench.abandon()
        for thread in self._threads:
            thread.join()
        for future in self._outcomes.values():
            future.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self, bench: Bench) -> None:
        with bench:
            while trial := self._next(bench.machine):
                try:
                    self._outcomes[trial].set_result(bench.attempt(trial))
                except Exception as error:  # noqa: BLE001 - whoever waits for the outcome has to learn of it
                    self._outcomes[trial].set_exception(error)

    def _next(self, machine: Machine | None) -> Trial | None:
        """One for the worker's own machine, else for that with the most left."""
        with self._lock:
            left = Counter(trial.machine for trial in self._left)
            if not left:
                return None
            wanted = machine if machine in left else left.most_common(1)[0][0]
            trial = next(trial for trial in self._left if trial.machine == wanted)
            self._left.remove(trial)
            return trial
