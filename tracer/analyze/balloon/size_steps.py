"""Steps of balloons that the kernel's event counters leave out: their size, read again and again, is all that tells."""

from __future__ import annotations

from typing import Final

from ...balloon_counters import counts_events
from ...batch import Samples
from ...metadata import Metadata
from ...schema import SAMPLE_NULL
from ..terms import Cause
from .steps import Step

_SIZE: Final = "meminfo.Balloon_bytes"


class SizeSteps:
    """What the size changed by from one reading to the next, inferred: to and fro in between is not seen."""

    def __init__(self, metadata: Metadata) -> None:
        self._wanted = not counts_events(metadata) and "balloon_status" not in metadata.kinds_traced
        self._page_bytes = metadata.page_size_bytes
        self._last: tuple[int, int] | None = None

    @property
    def was_read(self) -> bool:
        """Whether these readings count the balloon's pages."""
        return self._last is not None

    def sample(self, samples: Samples) -> list[Step]:
        """Steps up to these readings."""
        column = samples.column(_SIZE) if self._wanted else None
        steps: list[Step] = []
        if column is None:
            return steps
        for now_ns, size in zip(samples.time_ns.tolist(), column.tolist(), strict=True):
            if size == SAMPLE_NULL:
                continue
            pages = size // self._page_bytes
            before_ns, before = self._last or (now_ns, pages)
            if pages != before:
                steps.append(Step(before_ns, now_ns, pages - before, Cause.HOST if pages < before else None, None))
            self._last = (now_ns, pages)
        return steps

    def read_until(self, read_ns: int) -> int:
        """Up to when readings up to `read_ns` tell all steps."""
        return read_ns if self._last is None else min(read_ns, self._last[0])

    def pending_begins(self) -> list[int]:
        """When a step that the next reading tells began."""
        return [] if self._last is None else [self._last[0]]
