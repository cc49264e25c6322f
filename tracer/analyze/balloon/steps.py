"""One movement of the balloon, and facts of the driver that bound it."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..terms import Cause, Quality

OOM_NOTIFY_PAGES: Final = 256
"""Pages one OOM notification takes: VIRTIO_BALLOON_OOM_NR_PAGES in drivers/virtio/virtio_balloon.c."""
RUN_PAGES: Final = 256
"""Pages one work run moves at most: VIRTIO_BALLOON_ARRAY_PFNS_MAX in drivers/virtio/virtio_balloon.c."""
PUFF_NS: Final = 200_000_000
"""How long fill_balloon sleeps when it could not allocate: msleep(200) in drivers/virtio/virtio_balloon.c."""


class Step(NamedTuple):
    """Guest pages that came in (> 0), went out (< 0), or a run that tried for long and got none (0).

    `cause` is None for an inflation. `rung` is that of the ladder, -1 without one. `priority` is the reclaim priority
    of a shrinker leak, -1 elsewhere. `teardown`: the driver gave its pages back on its own account (unload, freeze),
    nobody asked.
    """

    begin_ns: int
    end_ns: int
    pages: int
    cause: Cause | None
    span: int | None
    rung: int = -1
    quality: Quality = Quality.INFERRED
    priority: int = -1
    teardown: bool = False
