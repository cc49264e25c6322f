"""What a kernel lets programs do: noted while it is tried, answered from the notes elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..trials import Trials
from .facts import FactsError

_RING: Final = "ring"
_MAPPED_ARRAY: Final = "mapped_array"
_CGROUP_ID: Final = "cgroup_id"
_KNOWN: Final = (_RING, _MAPPED_ARRAY, _CGROUP_ID, "call", "task_read", "task_walk")


class NotedTrials:
    """Tries, and notes each question with its answer."""

    def __init__(self, tried: Trials) -> None:
        self._tried = tried
        self.answers: dict[str, bool | str] = {}

    def why_no_ring(self) -> str:
        """See `Trials`."""
        return self._noted_text(_RING, self._tried.why_no_ring())

    def accepts_mapped_array(self) -> bool:
        """See `Trials`."""
        return self._noted(_MAPPED_ARRAY, self._tried.accepts_mapped_array())

    def accepts_call(self, function: int) -> bool:
        """See `Trials`."""
        return self._noted(_question("call", function), self._tried.accepts_call(function))

    def accepts_task_read(self, offset: int) -> bool:
        """See `Trials`."""
        return self._noted(_question("task_read", offset), self._tried.accepts_task_read(offset))

    def accepts_task_walk(self, offsets: Sequence[int]) -> bool:
        """See `Trials`."""
        return self._noted(_question("task_walk", *offsets), self._tried.accepts_task_walk(offsets))

    def why_no_cgroup_id(self) -> str:
        """See `Trials`."""
        return self._noted_text(_CGROUP_ID, self._tried.why_no_cgroup_id())

    def _noted(self, question: str, answer: bool) -> bool:
        self.answers[question] = answer
        return answer

    def _noted_text(self, question: str, answer: str) -> str:
        self.answers[question] = answer
        return answer


class DescribedKernel:
    """Answers from notes. Raises FactsError for what was not asked."""

    def __init__(self, answers: Mapping[str, bool | str]) -> None:
        self._answers = answers

    def why_no_ring(self) -> str:
        """See `Trials`."""
        return self._text(_RING)

    def accepts_mapped_array(self) -> bool:
        """See `Trials`."""
        return self._answer(_MAPPED_ARRAY) is True

    def accepts_call(self, function: int) -> bool:
        """See `Trials`."""
        return self._answer(_question("call", function)) is True

    def accepts_task_read(self, offset: int) -> bool:
        """See `Trials`."""
        return self._answer(_question("task_read", offset)) is True

    def accepts_task_walk(self, offsets: Sequence[int]) -> bool:
        """See `Trials`."""
        return self._answer(_question("task_walk", *offsets)) is True

    def why_no_cgroup_id(self) -> str:
        """See `Trials`."""
        return self._text(_CGROUP_ID)

    def _text(self, question: str) -> str:
        return str(self._answer(question))

    def _answer(self, question: str) -> bool | str:
        if question not in self._answers:
            raise FactsError(f"it does not tell whether the kernel allows {question!r}")
        return self._answers[question]


def is_question(text: str) -> bool:
    """Whether it is one that `NotedTrials` writes."""
    word, *numbers = text.split(" ")
    return word in _KNOWN and all(number.isascii() and number.isdigit() for number in numbers)


def _question(*words: str | int) -> str:
    return " ".join(map(str, words))
