"""What works through a fleet's tasks: this machine's processes, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...terminal.messages import say
from .cluster import ClusterPool
from .local import LocalPool
from .running import Pool


@contextmanager
def pool_of(processes: int, scheduler: str | None, config: Path | None) -> Iterator[Pool]:
    """So many processes here, or a cluster where one is named. Raises TracerError where that can't be had."""
    if scheduler is None and config is None:
        yield LocalPool(processes)
        return
    pool = ClusterPool(scheduler, config)
    try:
        told = pool.remarks
        for remark in told:
            say(remark)
        yield pool
        for remark in pool.remarks[len(told) :]:
            say(remark)
    finally:
        pool.close()


def pool_alone(pool: Pool) -> Callable[[int], Pool]:
    """What tries one recording at a time: of a cluster its own workers, which take turns anyway."""
    return LocalPool if isinstance(pool, LocalPool) else lambda _: pool
