"""What of a block's lines is known at once, and how the rest is taken in turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from ..heads import HeadForm
from .heads import NO_TGID, Heads, comms_of, cpu_text, heads_of
from .text import I64, Block, Bools
from .vocabulary import UNKNOWN, Vocabulary

_NAME: Final = re.compile(r"[A-Za-z_][\w-]*(?::\w[\w-]*)?", re.ASCII)
_STACK_MARK: Final = int.from_bytes(b"=>", "little")
_MOST_STACK_WORDS: Final = 3
"""A head has more."""


@dataclass(frozen=True)
class Scan:
    """A block, its certain heads, and the number of each one's name. `silent` lines are blank or of a stack."""

    block: Block
    heads: Heads
    numbers: I64
    silent: Bools

    def text_after_name(self, row: int) -> tuple[str, int]:
        """The line of a head, and where in it the text after the event's name begins."""
        block, line = self.block, int(self.heads.lines[row])
        word = int(block.words[self.heads.after_name[row]])
        return block.line(line), min(word, int(block.ends[line])) - int(block.starts[line])

    def by_name(self) -> Iterator[tuple[int, I64]]:
        """Each name's number and the rows of its heads, in order."""
        order = np.argsort(self.numbers.astype(np.int16), kind="stable")
        counts = np.bincount(self.numbers[order] + 1)
        start = int(counts[0]) if len(counts) else 0
        for number, count in enumerate(counts[1:].tolist()):
            if count:
                yield number, order[start : start + count]
                start += count


class Head(NamedTuple):
    """One line's head; `cpu` is as the text has it, `at` where the text after the name begins in the line."""

    tid: int
    tgid: int
    cpu: str
    now_ns: int
    comm: bytes
    name: str
    at: int


class Scanner:
    """Scans blocks and numbers the names of events."""

    def __init__(self) -> None:
        self._names = Vocabulary()
        self._texts: list[str] = []
        self._is_name: list[bool] = []

    def scan(self, data: bytes, form: HeadForm) -> Scan:
        """A block of whole lines whose heads should be in this form."""
        block = Block(data)
        heads = heads_of(block, form)
        numbers = self._names.numbers(block, heads.name_starts, heads.name_sizes)
        for text in self._names.texts[len(self._texts) :]:
            self._texts.append(text.decode())
            self._is_name.append(_NAME.fullmatch(self._texts[-1]) is not None)
        numbers = np.where(np.array([*self._is_name, False])[numbers], numbers, UNKNOWN)
        return Scan(block, heads, numbers, _silent(block))

    def name(self, number: int) -> str:
        """The name of this number."""
        return self._texts[number]

    def heads(self, scan: Scan, lines: I64) -> dict[int, Head]:
        """Those of these lines that have a certain head, each by itself."""
        heads, block = scan.heads, scan.block
        is_wanted = np.zeros(len(block), bool)
        is_wanted[lines] = True
        rows = np.flatnonzero(is_wanted[heads.lines] & (scan.numbers != UNKNOWN))
        of_lines = heads.lines[rows]
        tid, tgid = heads.tid[rows], heads.tgid[rows]
        texts = np.minimum(block.words[heads.after_name[rows]], block.ends[of_lines]) - block.starts[of_lines]
        each = zip(
            *(tid.tolist(), np.where(tgid == NO_TGID, tid, tgid).tolist()),
            *(map(cpu_text, heads.cpu[rows].tolist()), heads.now_ns[rows].tolist()),
            comms_of(block, heads.comm_starts[rows], heads.comm_sizes[rows]).tolist(),
            *(map(self._texts.__getitem__, scan.numbers[rows].tolist()), texts.tolist()),
            strict=True,
        )
        return dict(zip(of_lines.tolist(), map(Head._make, each), strict=True))


def in_turn(waiting: I64, lines: int, strayed: Callable[[], bool]) -> Iterator[int]:
    """The waiting lines, and those after one by which the form of heads has strayed from the block's."""
    at = -1
    for line in waiting.tolist():
        if line <= at:
            continue
        at = line
        yield at
        while strayed() and at + 1 < lines:
            at += 1
            yield at


def _silent(block: Block) -> Bools:
    """Lines without a word, and those of a stack that are too short for a head."""
    first, after = block.first_word[:-1], block.first_word[1:]
    few = np.flatnonzero(~block.odd & (after - first <= _MOST_STACK_WORDS))
    silent = np.zeros(len(block), bool)
    marks = block.windows[block.words[first[few]]] & np.uint64(0xFFFF)
    silent[few] = (marks == _STACK_MARK) | (after[few] == first[few])
    return silent
