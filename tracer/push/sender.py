"""A thread that empties an outbox into an endpoint."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from .endpoint import Endpoint
from .exchange import Answer, Outcome, post
from .outbox import Outbox, Parcel, Tally

TIMEOUT_S: Final = 10.0
"""As OTLP's exporters have it."""
_FIRST_PAUSE_S: Final = 1.0
_MOST_PAUSE_S: Final = 60.0
_LAST_PAUSE_S: Final = 2.0
"""The most that is waited for before a last attempt, when nothing more comes."""
_TOLD_EVERY_S: Final = 600.0
"""An endpoint that is there and gone by turns is told of that seldom."""


class Sender:
    """Sends what it is given, in a thread of its own; `say` takes a line on what goes wrong, and when that is over."""

    def __init__(
        self,
        endpoint: Endpoint,
        say: Callable[[str], object],
        *,
        timeout_s: float = TIMEOUT_S,
        first_pause_s: float = _FIRST_PAUSE_S,
        outbox: Outbox | None = None,
    ) -> None:
        self._endpoint, self._say = endpoint, say
        self._timeout_s, self._first_pause_s = timeout_s, first_pause_s
        self._outbox = outbox or Outbox()
        self._failures = 0
        self._failing_since_s: float | None = None
        self._told_s = -_TOLD_EVERY_S
        self._refusals: set[str] = set()
        self._under_way: Parcel | None = None
        self._is_out_of_time = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        self._thread.start()

    def put(self, parcels: Sequence[Parcel]) -> None:
        """Send these when their turn comes; never waits."""
        self._outbox.put(parcels)

    def close(self, most_s: float) -> Tally:
        """Send what waits, within a time; what became of everything."""
        self._outbox.close()
        self._thread.join(most_s)
        self._is_out_of_time.set()
        under_way = self._under_way
        if self._thread.is_alive() and under_way:
            self._outbox.lost(under_way, "no answer yet")
        self._outbox.give_up("no time was left")
        return self._outbox.tally()

    def _run(self) -> None:
        while not self._is_out_of_time.is_set() and (parcel := self._outbox.take()):
            self._under_way = parcel
            answer = post(self._endpoint, parcel.path, parcel.body, self._timeout_s)
            if self._is_out_of_time.is_set():
                return
            self._under_way = None
            self._settle(parcel, answer)

    def _settle(self, parcel: Parcel, answer: Answer) -> None:
        if answer.outcome is Outcome.AGAIN:
            self._fail(parcel, answer)
            return
        self._answers_again()
        if answer.outcome is Outcome.REFUSED:
            self._outbox.lost(parcel, answer.why)
            self._refused(f"{self._endpoint.url}{parcel.path}: {answer.why}; {parcel.kind} are left out")
            return
        self._outbox.sent(parcel, answer.rejected, answer.why)
        if answer.rejected:
            self._refused(f"{self._endpoint.url}{parcel.path} leaves out some {parcel.kind}: {answer.why}")

    def _fail(self, parcel: Parcel, answer: Answer) -> None:
        self._outbox.back(parcel)
        self._failures += 1
        now_s = time.monotonic()
        if self._failing_since_s is None and now_s - self._told_s >= _TOLD_EVERY_S:
            self._failing_since_s = self._told_s = now_s
            self._say(f"OTLP: {self._endpoint.url}{parcel.path}: {answer.why}; it is tried again")
        pause_s = max(answer.after_s, self._pause_s())
        if not self._outbox.wait_closed(pause_s):
            return
        if self._failures > 1 or pause_s > _LAST_PAUSE_S:
            self._outbox.give_up(answer.why)
        else:
            self._is_out_of_time.wait(pause_s)

    def _pause_s(self) -> float:
        """Twice as long each time, and never as long for two recorders that lost the same endpoint."""
        longest_s = min(self._first_pause_s * float(1 << min(self._failures - 1, 16)), _MOST_PAUSE_S)
        return longest_s * random.uniform(0.5, 1.0)  # noqa: S311 - nobody has to guess it

    def _answers_again(self) -> None:
        self._failures = 0
        if self._failing_since_s is not None:
            after_s = time.monotonic() - self._failing_since_s
            self._say(f"OTLP: {self._endpoint.url} answers again, after {after_s:.0f} s")
            self._failing_since_s = None

    def _refused(self, told: str) -> None:
        if told not in self._refusals and len(self._refusals) < 16:
            self._refusals.add(told)
            self._say(f"OTLP: {told}")
