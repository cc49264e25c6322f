"""What has to be remembered of each thread while its events go by."""

from __future__ import annotations

from collections import Counter
from typing import Final

from ..schema import DEFLATE, INFLATE, UNKNOWN_DIRECTION

_LEAKS: Final = frozenset({"leak_balloon_begin", "oom_notify_begin", "balloon_shrinker_begin"})
_FILLS: Final = frozenset({"fill_balloon_begin"})
NUMBERED: Final = tuple(each if each in (INFLATE, DEFLATE) else UNKNOWN_DIRECTION for each in range(16))
"""What a queue's number tells; what is not among them is a queue's address."""


class Queues:
    """Which of the driver's queues is which.

    A number says so itself: 0 inflates, 1 deflates. For an address, the one told while the driver leaks is the deflate
    queue, and then any other is the inflate queue.
    """

    def __init__(self) -> None:
        self._deflate: set[int] = set()
        self._inflate: set[int] = set()

    def direction(self, number: int | None, last_function: str | None) -> int:
        """What `tell_host` told, by its queue and by the driver's function the thread entered last."""
        nested = DEFLATE if last_function in _LEAKS else INFLATE if last_function in _FILLS else UNKNOWN_DIRECTION
        if number is None:
            return nested
        if number < len(NUMBERED):
            return NUMBERED[number]
        if nested != UNKNOWN_DIRECTION:
            (self._deflate if nested == DEFLATE else self._inflate).add(number)
            return nested
        if number in self._deflate:
            return DEFLATE
        return INFLATE if self._deflate or number in self._inflate else UNKNOWN_DIRECTION


def queue_number(text: str) -> int | None:
    """A queue as printed; None where it is not."""
    try:
        return int(text, 16)
    except ValueError:
        return None


class Threads:
    """The driver's function each thread entered last, and the balloon work it runs.

    `counted` are calls of functions that are no kind.
    """

    def __init__(self) -> None:
        self.queues = Queues()
        self.functions: dict[int, str] = {}
        self.works: dict[int, str] = {}
        self.counted: Counter[str] = Counter()

    def count(self, _thread: int, function: str) -> None:
        """A thread entered a function that is no kind."""
        self.counted[function] += 1

    def restart(self) -> None:
        """Begin another pass over the same source; what was learned about queues stays."""
        self.functions.clear()
        self.works.clear()
        self.counted.clear()
