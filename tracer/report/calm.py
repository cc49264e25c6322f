"""What a page says where nothing was flagged: what was judged, how near memory came to being short, how to see more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from ..analyze.curves import Quantity
from ..analyze.findings.registry import KIND_BY_NAME
from ..wording.length import length_of
from ..wording.numbers import bytes_, count, offset
from ..wording.verdict import UNKNOWN
from .section import Source

_AVAILABLE: Final = "meminfo.MemAvailable_bytes"
_FREE: Final = "vmstat.nr_free_pages"
_PRESSURE: Final = "psi.memory.some_total_us"


def calm(source: Source) -> list[str]:
    """Sentences, with `code` in them."""
    return ["Nothing was flagged.", *_judged(source), *_memory(source), _more(source)]


def _judged(source: Source) -> Iterator[str]:
    every = len(KIND_BY_NAME)
    judged = every - len(source.analysis.not_judged)
    length = length_of(source.analysis, source.facts)
    if judged:
        yield f"{count(judged)} of {count(every)} kinds of problems could be judged, over {length}."
    else:
        yield "No kind of problem could be judged."


def _memory(source: Source) -> Iterator[str]:
    samples, metadata = source.analysis.samples, source.facts.metadata
    if lowest := _lowest(samples.get(_AVAILABLE)):
        of = f" of {bytes_(metadata.memory_total_bytes)}" if metadata.memory_total_bytes else ""
        yield f"MemAvailable was lowest at {offset(lowest[1])}: {bytes_(lowest[0])}{of}."
    low_pages = metadata.watermark_low_pages
    if low_pages is not None and (free := _lowest(samples.get(_FREE))):
        room = (free[0] - low_pages) * source.page_bytes
        side = "above" if room >= 0 else "below"
        yield f"Free memory came no lower than {bytes_(abs(room))} {side} the low watermark, in samples."
    if (waited := _growth(samples.get(_PRESSURE))) is not None:
        yield (
            "No task waited for memory (PSI)." if not waited else f"Tasks waited {waited / 1e6:.3g} s for memory (PSI)."
        )


def _more(source: Source) -> str:
    if source.verdict.kind == UNKNOWN:
        return "`reclaim-tracer check` says what can be traced on this machine and why not more."
    return "To see a shortage, record while it lasts: `reclaim-tracer record -d 600 -o trace.rtrace`."


def _lowest(quantity: Quantity | None) -> tuple[float, float] | None:
    """The lowest reading, and when it was."""
    if quantity is None or not np.isfinite(quantity.values).any():
        return None
    at = int(np.nanargmin(quantity.values))
    return float(quantity.values[at]), float(quantity.time_s[at])


def _growth(quantity: Quantity | None) -> float | None:
    if quantity is None:
        return None
    values = quantity.values[np.isfinite(quantity.values)]
    return float(values[-1] - values[0]) if len(values) > 1 else None
