"""The stream cut into stretches: events in time order, paired, each span with its id and tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...batch import Batch, Fields
from ...metadata import Metadata
from .fields_read import NEVER_READ
from .lane import SYNTHETIC
from .ordering import ReorderBuffer, split_after
from .pairing import pair
from .spans import Arguments, Spans, spans_of
from .stretch import Stretch
from .unseen import AwakeFromTheStart, UnseenReclaim, balance_told

I64 = npt.NDArray[np.int64]


class Stretches:
    """Push events in order of arrival, `take` what is due, `close` at the end. What is still open is carried on.

    The fields that single events have in the recorded kernel are the metadata's to tell.
    """

    def __init__(self, metadata: Metadata, reorder_s: float, left_out: Fields = NEVER_READ) -> None:
        """Events may come `reorder_s` seconds of their own time late; they lack arguments `left_out`."""
        self._metadata = metadata
        self._reorder = ReorderBuffer(round(reorder_s * 1e9))
        self.open = Batch.empty()
        """The begins of spans that are open, by time."""
        self._open_ids = np.empty(0, np.int64)
        self._open_tiers = np.empty(0, np.int64)
        self._ahead = Batch.empty()
        self._balanced = balance_told(metadata)
        self._awake = AwakeFromTheStart(left_out, balanced=self._balanced)
        self._unseen = UnseenReclaim(metadata)
        self._spans_seen = 0
        self._seen_ns: int | None = None

    @property
    def carried(self) -> int:
        """How many events the next stretch has to look at again."""
        return len(self.open) + len(self._ahead) + self._reorder.merged_events

    @property
    def told_ns(self) -> int:
        """Up to when all events were given, but for spans that are open."""
        return int(self._ahead.header["time_ns"][0]) - 1 if len(self._ahead) else self._reorder.watermark_ns

    @property
    def late_events(self) -> int:
        """Events that came later than could be put right."""
        return self._reorder.late_events

    def push(self, new: Batch) -> list[Batch]:
        """Events in order of arrival; gives those that are due, in order of time, for `take`."""
        return self._reorder.push(new)

    def pass_to(self, time_ns: int) -> list[Batch]:
        """Nothing earlier is to come: what is due."""
        return self._reorder.pass_to(time_ns)

    def flush(self) -> list[Batch]:
        """Nothing more is to come: what is due."""
        return self._reorder.flush()

    def take(self, due: Sequence[Batch], until_ns: int | None = None) -> Stretch | None:
        """The next stretch; None where it would be empty. `until_ns`: this is the last one, and ends then."""
        watermark_ns = self._reorder.watermark_ns if until_ns is None else until_ns
        batch = Batch.concat((self.open, self._ahead, *map(self._awake.begin, due)))
        self._ahead = Batch.empty()
        if not len(batch):
            return None
        paired = pair(batch, watermark_ns)
        tiers, wait_ns = self._unseen.tiers(batch, paired, self._open_tiers, watermark_ns if until_ns is None else None)
        if wait_ns is not None:
            watermark_ns = wait_ns - 1
            batch, self._ahead = split_after(batch, watermark_ns)
            if not len(batch):
                return None
            paired = pair(batch, watermark_ns)
            tiers = tiers[: len(paired.begin)]
        spans = spans_of(batch, paired, self._number(len(paired.begin)), tiers)
        from_ns = int(batch.header["time_ns"].min()) if self._seen_ns is None else self._seen_ns
        stretch = self._stretch(batch, spans, (paired.enclosing, paired.orphans), (from_ns, watermark_ns))
        stretch.carried = len(self.open)
        self._carry(batch, spans)
        self._seen_ns = watermark_ns
        return stretch

    def close(self, final_ns: int) -> Stretch | None:
        """A stretch without events in which everything that is open ends, at `final_ns` at the latest."""
        if not len(self.open):
            return None
        batch = self.open
        paired = pair(batch, self._seen_ns or 0)
        everything = np.ones(len(paired.begin), np.bool_)
        ends = np.maximum(np.where(paired.closed, paired.end_ns, final_ns), paired.begin_ns)
        paired = replace(paired, closed=everything, broken=~everything, end_ns=ends, end=np.full(len(ends), SYNTHETIC))
        spans = spans_of(batch, paired, self._open_ids, self._open_tiers)
        self.open = Batch.empty()
        stretch = self._stretch(batch, spans, (paired.enclosing, paired.orphans), (final_ns, final_ns))
        stretch.carried, stretch.at_end = len(batch), True
        return stretch

    def _stretch(self, batch: Batch, spans: Spans, places: tuple[I64, I64], limits_ns: tuple[int, int]) -> Stretch:
        enclosing, orphans = places
        awake = self._awake.began_unseen(spans.code, spans.tid, spans.begin_ns)
        args = Arguments(batch, self._metadata.absent_fields)
        return Stretch(batch, args, spans, enclosing, *limits_ns, orphans, awake, self._balanced)

    def _number(self, spans: int) -> I64:
        new = spans - len(self.open)
        ids = np.concatenate((self._open_ids, np.arange(self._spans_seen, self._spans_seen + new)))
        self._spans_seen += new
        return ids

    def _carry(self, batch: Batch, spans: Spans) -> None:
        still = ~spans.closed
        self.open = batch.take(spans.begin_at[still])
        self._open_ids = spans.id[still]
        self._open_tiers = spans.tier[still]
