"""What `kill -9` costs: a storm at a known rate, the tracer killed in the middle, and what its file gives back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from tracer.batch import Batch
from tracer.store import Recording

from ..storm.generator import TRACEPOINT, Generator, build_generator, new_token
from .measure import choose_cpus, interleave_able
from .peers import Perf, Splice
from .rows import Row, Subject
from .setting import Setting
from .tracers import OursToDisk, Target, Tracer

GROUP = "After kill -9, at 50,000 events a second"
RATE = 50_000
_FLUSH = "ours flushes once a second, the peer writes whenever its buffer is half full"
_SHORTEST_S, _LONGER_BY_S = 1.6, 0.3
"""Killed at another phase of the writers' own periods in every round."""
_EVENTS_A_PAGE = (4096 - 16) // 68
"""Of tracefs: include/linux/ring_buffer.h's page header, a sys_enter record of 68 bytes."""


def rows(setting: Setting) -> Iterator[Row]:
    """Ours beside the peers that write files."""
    rounds = setting.size(5, 1)
    kinds: tuple[type[Tracer], ...] = (OursToDisk, Splice, Perf)
    actions: dict[type[Tracer], Callable[[], float]] = {kind: _Victim(kind, setting).lost_s for kind in kinds}
    lost, refused = interleave_able(rounds, actions, (OursToDisk,))
    for name, kind in {"tracefs_splice": Splice, "perf": Perf}.items():
        subject = Subject(
            f"kill_loss_vs_{name}", GROUP, "seconds of events lost", "s", budget="one block: at most 1 s", behind=_FLUSH
        )
        if kind in refused:
            yield subject.alone(lost[OursToDisk], kind.label, f"{kind.label} can't run here: {refused[kind]}")
        else:
            yield subject.against(kind.label, lost[OursToDisk], lost[kind])


class _Victim:
    """A tracer that is killed once a round, later each time."""

    def __init__(self, kind: type[Tracer], setting: Setting) -> None:
        self._tracer = kind(setting.folder)
        self._generator = build_generator(setting.folder)
        self._next_s = 0.1 if setting.quick else _SHORTEST_S

    def lost_s(self) -> float:
        """Seconds of events that its file lacks."""
        token, for_s = new_token(), self._next_s
        self._next_s += _LONGER_BY_S
        cpus = [choose_cpus().producer]
        with Generator(self._generator, token, cpus, calls=RATE * 60, rate=RATE) as generator:
            target = Target((TRACEPOINT,), generator.pid, token)
            with self._tracer.tracing(target) as process:
                start = time.monotonic()
                generator.go()
                time.sleep(for_s)
                process.kill()
                made = (time.monotonic() - start) * RATE
                process.wait()
                return max(0.0, made - self._readable()) / RATE

    def _readable(self) -> int:
        tracer = self._tracer
        if isinstance(tracer, Perf):
            return tracer.readable()[0]
        if isinstance(tracer, Splice):
            return sum(path.stat().st_size for path in tracer.outputs()) // 4096 * _EVENTS_A_PAGE
        items = Recording.open(tracer.folder / "storm.rtrace").items()
        return sum(len(item) for item in items if isinstance(item, Batch))
