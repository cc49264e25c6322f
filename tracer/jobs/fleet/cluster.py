"""Tasks worked through by a Dask cluster: the same function and the same fragments."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from ... import __version__
from ...errors import TracerError, UsageError, printable
from ...fleet.places import is_url
from .work import FAILED, Outcome, Task, work

_WAIT_S: Final = 30
_LOOK_S: Final = 0.1
_WORKERS_LOOK_S: Final = 5
_CONNECTED: Final = ("running", "connecting")
_GOES_ON: Final = "what was done is kept, and the same command goes on with the rest"
_EACH_THREAD: Final = 4
"""So many tasks for each of the cluster's threads are with the scheduler at once."""
_TRIES: Final = 4
_ONE_AT_A_TIME: Final = threading.Lock()
"""A limit on memory is a process's own: threads of a worker take turns."""


def work_in_turn(task: Task) -> Outcome:
    """`work` on a cluster's node."""
    with _ONE_AT_A_TIME:
        return work(task)


def _absolute(task: Task) -> Task:
    """The same on a node, whatever folder that was started in."""
    source, output = (name if is_url(name) else str(Path(name).absolute()) for name in (task.source, task.output))
    return replace(task, source=source, output=output)


def lack(version: str) -> str:
    """Why a node can't do work of this version of the tool; empty where it can."""
    if version != __version__:
        return f"it has reclaim-tracer {__version__}, not {version}"
    try:
        import_module("pyarrow")
    except ImportError as error:
        return str(error)
    return ""


class ClusterPool:
    """A scheduler's workers, those that come later as well."""

    def __init__(self, scheduler: str | None, config: Path | None = None) -> None:
        """Raises TracerError where it can't be reached, UsageError where nobody said where it is."""
        self._distributed = _distributed()
        self._client = self._connected(scheduler, config)
        self._stopped = threading.Event()
        self._threads: dict[str, int] = {}
        self._met: dict[str, str] = {}
        self._where: dict[str, Any] = {}
        try:
            self._look()
            self._check_able()
        except BaseException:
            self.close()
            raise

    @property
    def remarks(self) -> list[str]:
        """Of each worker that can't be used why."""
        return [f"worker {printable(name)} can't be used: {printable(why)}" for name, why in self._met.items() if why]

    @property
    def died(self) -> int:
        """Workers that were there and are not any more."""
        return len(self._met.keys() - self._threads.keys())

    def stop(self) -> None:
        """Begin nothing more; what workers have in hand they bring to its end."""
        self._stopped.set()

    def finish(self) -> None:
        """Workers end what they have in hand by themselves; the next run finds its fragments."""

    def close(self) -> None:
        """Leave the cluster."""
        self._client.close()

    def run(self, tasks: Iterable[Task], told: Callable[[Outcome], object]) -> None:
        """Work through all of them; `told` is handed each outcome in the caller's thread. Raises TracerError where no
        worker can do it."""
        waiting = iter(tasks)
        running = self._distributed.as_completed(loop=self._client.loop)
        known: dict[str, tuple[Task, int]] = {}

        def begin(chosen: Iterator[Task], tries: int) -> None:
            for task in chosen:
                future = self._client.submit(work_in_turn, _absolute(task), pure=False, **self._where)
                known[future.key] = (task, tries)
                running.add(future)

        def refill() -> None:
            begin(islice(waiting, max(self._most() - len(known), 0)), 1)

        refill()
        for future in self._ended(running):
            task, tries = known.pop(future.key)
            outcome, failure = _outcome(future, task), _failure(future)
            future.release()
            if outcome is None and tries < _TRIES and not self._stopped.is_set():
                begin(iter([task]), tries + 1)
                continue
            told(outcome or Outcome(task.source, FAILED, why=f"{failure}, tried {tries} times"))
            if not self._stopped.is_set():
                refill()
        self._look()

    def _ended(self, running: Any) -> Iterator[Any]:  # noqa: ANN401 - futures as they end
        """Each future once it has ended. Raises TracerError where nothing will end any more."""
        alone_since: float | None = None
        looked = monotonic()
        while not running.is_empty():
            ended = running.next_batch(block=False)
            yield from ended
            if not ended:
                if self._client.status not in _CONNECTED:
                    raise TracerError(f"the scheduler is gone: {_GOES_ON}")
                sleep(_LOOK_S)
            if monotonic() - looked < _WORKERS_LOOK_S:
                continue
            looked = monotonic()
            alone_since = None if self._has_worker() else alone_since or looked
            if alone_since is not None and looked - alone_since > _WAIT_S:
                raise TracerError(f"the scheduler has had no worker for {_WAIT_S} s: {_GOES_ON}")

    def _has_worker(self) -> bool:
        """Whether anybody is there to work; also where the scheduler can't be asked now."""
        try:
            self._look()
        except (OSError, ValueError):
            return True
        return bool(self._threads)

    def _most(self) -> int:
        """Tasks that are with the scheduler at once."""
        return _EACH_THREAD * max(sum(self._threads.values()), 1)

    def _able(self) -> list[str]:
        return [name for name in self._threads if not self._met[name]]

    def _look(self) -> None:
        """Which workers are there, and whether new ones have what is needed. Raises OSError."""
        there = dict(self._client.nthreads())
        if new := [name for name in there if name not in self._met]:
            answers = self._client.run(lack, __version__, workers=new, on_error="return")
            self._met |= {name: str(answers.get(name, "")) for name in new}
        self._threads = there
        able = self._able()
        # Naming workers costs the scheduler time for each of them at each task, so it is done where one can't be used.
        self._where = {"workers": able, "allow_other_workers": True} if len(able) < len(there) else {}

    def _check_able(self) -> None:
        if not self._able():
            raise TracerError(
                "; ".join(self.remarks) or "the scheduler has no worker: start some (dask worker ADDRESS)"
            )

    def _connected(self, scheduler: str | None, config: Path | None) -> Any:  # noqa: ANN401 - distributed's client
        settings = import_module("dask.config")
        if config is not None:
            settings.update(settings.config, settings.collect([str(config)], env={}))
        address = scheduler or settings.get("scheduler-address", None)
        if not address:
            raise UsageError("no scheduler is known: --scheduler ADDRESS, or scheduler-address in --dask-config")
        try:
            return self._distributed.Client(address, timeout=_WAIT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise TracerError(f"the scheduler {printable(str(address))} can't be reached: {error}") from error


def _distributed() -> Any:  # noqa: ANN401 - a module without types
    try:
        return import_module("distributed")
    except ModuleNotFoundError:
        raise TracerError("Dask is not installed: pip install 'reclaim-tracer[fleet]'") from None


def _outcome(future: Any, task: Task) -> Outcome | None:  # noqa: ANN401
    """What a worker answered; None where none did, or went before its answer was fetched."""
    if future.status != "finished":
        return None
    try:
        made = future.result(timeout=_WAIT_S)
    except (TimeoutError, OSError):
        return None
    return replace(made, source=task.source) if isinstance(made, Outcome) else None


def _failure(future: Any) -> str:  # noqa: ANN401
    error = future.exception() if future.status == "error" else None
    return printable(f"{type(error).__name__}: {error}" if error is not None else "no worker answered")
