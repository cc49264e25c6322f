"""Asking records for every call the generator made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .generator import ThreadResult

KIND = 63
"""RT_STORM_KIND of storm.bpf.c: a number that the schema does not use."""

_WORDS = np.dtype((np.uint64, 8))


class Checker:
    """Takes batches in the order of their arrival; at the end `missing` says which calls never came.

    Raises AssertionError for a torn record, one that came twice, or one out of its thread's order.
    """

    def __init__(self) -> None:
        self.seen = 0
        self._next: dict[int, int] = {}
        self._times: dict[int, int] = {}

    def take(self, records: npt.NDArray[np.void]) -> None:
        """Check a batch of EVENT_DTYPE; records of other kinds are passed over."""
        records = records[records["kind"] == KIND]
        words = np.ascontiguousarray(records["args"]).view(_WORDS).reshape(-1, 8)
        _check_whole(words)
        for thread in np.unique(words[:, 0]).tolist():
            chosen = words[:, 0] == thread
            self._check_order(thread, words[chosen, 1].astype(np.int64), records["time_ns"][chosen].astype(np.int64))
        self.seen += len(records)

    def next_of(self, thread: int) -> int:
        """One beyond the thread's last call seen."""
        return self._next.get(thread, 0)

    def missing(self, results: Sequence[ThreadResult]) -> int:
        """How many of the calls made have no record."""
        assert set(self._next) <= {result.thread for result in results}
        assert all(self._next.get(result.thread, 0) <= result.calls for result in results)
        return sum(result.calls for result in results) - self.seen

    def _check_order(self, thread: int, sequence: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> None:
        before = np.concatenate([[self._next.get(thread, 0) - 1], sequence[:-1]])
        wrong = np.flatnonzero(sequence <= before)
        assert not len(wrong), f"thread {thread}: call {sequence[wrong[0]]} comes after call {before[wrong[0]]}"
        stamped = np.concatenate([[self._times.get(thread, 0)], times])
        assert (np.diff(stamped) >= 0).all(), f"thread {thread}: time goes backwards"
        self._next[thread], self._times[thread] = int(sequence[-1]) + 1, int(times[-1])


def _check_whole(words: npt.NDArray[np.uint64]) -> None:
    thread, sequence, noise, more, checksum = words[:, :5].T
    whole = (
        (noise == _mix(sequence))
        & (more == _mix(noise + thread))
        & (checksum == _mix(thread ^ sequence ^ noise ^ more))
        & (words[:, 5] == ~sequence)
        & (words[:, 6] == ~noise)
        & (words[:, 7] == ~checksum)
    )
    assert whole.all(), f"torn: {words[~whole][0]}"


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """generator.c's mix()."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
