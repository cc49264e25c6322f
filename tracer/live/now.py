"""How memory and the balloon stand, and where events come from."""

from __future__ import annotations

from typing import Final

from ..analyze.balloon_result import BalloonSize
from ..analyze.curves import Quantity
from ..analyze.model import Analysis
from ..analyze.terms import Quality
from ..balloon_counters import HOSTS_FULL, HOSTS_TARGET
from ..metadata import Metadata, SourceState
from .looks import AVAILABLE
from .model import BalloonNow, MemoryNow, Source

_TOTAL: Final = "meminfo.MemTotal_bytes"
_FREE: Final = "meminfo.MemFree_bytes"
_KEEPS_TOTAL: Final = "deflate_on_oom"
"""With this feature the driver leaves MemTotal as it is: fill_balloon() in drivers/virtio/virtio_balloon.c."""
_EVENTS: Final = "events"
_WAYS: Final = {
    "tracepoint": "tracepoints",
    "fentry": "fentry",
    "kprobe": "kprobes",
}
"""By what a source's name begins with."""


def memory_now(analysis: Analysis, metadata: Metadata) -> MemoryNow:
    """Memory as it was read last."""
    samples = analysis.samples
    free, low = _newest(samples.get(_FREE)), _bytes(metadata.watermark_low_pages, metadata)
    return MemoryNow(
        total_bytes=_newest(samples.get(_TOTAL)) or metadata.memory_total_bytes or None,
        available_bytes=_newest(samples.get(AVAILABLE)),
        free_bytes=free,
        min_bytes=_bytes(metadata.watermark_min_pages, metadata),
        low_bytes=low,
        high_bytes=_bytes(metadata.watermark_high_pages, metadata),
        above_low_bytes=None if free is None or low is None else free - low,
    )


def balloon_now(analysis: Analysis, metadata: Metadata) -> BalloonNow:
    """The balloon as it was read last; where nothing reads its size, what went in and did not come out since the
    recording's start is the least that it holds."""
    size = analysis.balloon.size
    if size is None:
        return _by_events(analysis, metadata)
    full = _full(analysis, metadata, size)
    target, hosts_target = size.target_bytes, _newest(analysis.samples.get(HOSTS_TARGET))
    if target is None and hosts_target is not None and full is not None:
        target = max(full - hosts_target, 0)
    return BalloonNow(size.end_bytes, target, full, size.quality, size.source)


def source_of(analysis: Analysis, metadata: Metadata, name: str) -> Source:
    """What is traced, and how."""
    return Source(
        name=name,
        host=metadata.host,
        kernel_release=metadata.kernel_release,
        start_utc_ns=metadata.start_utc_ns,
        balloon_driver=metadata.balloon.driver,
        balloon_features=metadata.balloon.features,
        reclaim_path=analysis.balloon.reclaim_path,
        way=way_of(metadata),
        page_size_bytes=metadata.page_size_bytes,
    )


def way_of(metadata: Metadata) -> str:
    """How events are had: `tracepoints, fentry; ring buffer`."""
    if metadata.imported_from is not None:
        return f"imported from {metadata.imported_from}"
    used = [row.source.partition(":")[0] for row in metadata.plan if row.state is SourceState.USED]
    ways = dict.fromkeys(way for prefix, way in _WAYS.items() if prefix in used)
    return f"{', '.join(ways) or 'unknown'}; {metadata.transport} buffer"


def _bytes(pages: int | None, metadata: Metadata) -> int | None:
    return None if pages is None else pages * metadata.page_size_bytes


def _newest(quantity: Quantity | None) -> int | None:
    return None if quantity is None or not len(quantity.values) else round(float(quantity.values[-1]))


def _by_events(analysis: Analysis, metadata: Metadata) -> BalloonNow:
    net = analysis.balloon.net_pages
    if not net or net < 0:
        return BalloonNow(None, None, None, Quality.UNKNOWN, None)
    return BalloonNow(net * metadata.page_size_bytes, None, None, Quality.LOWER_BOUND, _EVENTS)


def _full(analysis: Analysis, metadata: Metadata, size: BalloonSize) -> int | None:
    """The guest's memory with an empty balloon: what the host says, or MemTotal, and what the driver took out of it."""
    by_host, total = _newest(analysis.samples.get(HOSTS_FULL)), _newest(analysis.samples.get(_TOTAL))
    if total is None:
        total = metadata.memory_total_bytes or None
    if total is not None and _KEEPS_TOTAL not in metadata.balloon.features:
        total += size.end_bytes
    known = [one for one in (by_host, total) if one is not None]
    return max(known) if known else None
