"""What `record` may ask to be compiled for one kernel, whatever its options."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..kernel.paths import ROOT
from .attach import load_request
from .lru import LruDetail
from .plan import Targets, make_plan
from .request import LoadRequest
from .transport import Transport, choose_transport
from .trials import RUNNING, Trials


def every_request(
    root: Path = ROOT, trials: Trials = RUNNING, release: str | None = None, page_bytes: int | None = None
) -> Iterator[LoadRequest]:
    """The way out that is taken by default and perf buffers, scans of the LRU lists one by one and summed.

    Of the machine below `root`, whose uname's `release` and pages are this one's without any.
    """
    transports = dict.fromkeys((choose_transport(trials=trials).transport, Transport.PERF))
    for detail in LruDetail:
        plan = make_plan(Targets(lru_detail=detail), root=root, page_bytes=page_bytes)
        yield from (
            load_request(plan, transport, root=root, trials=trials, release=release) for transport in transports
        )
