"""The heads of a block's lines in the two commonest forms: ftrace's and trace-cmd's, and perf's.

What is found here is what `imports/heads.py` finds: the first word that begins with a bracket is the CPU, and what
stands before and after it is checked to the last character. A pattern that fits further left would have its bracket
further left, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from ..heads import FORMS, HeadForm
from .digits import no_digits, numbers_at, trailing_numbers, unsigned
from .text import I64, MASKS, U64, WINDOW, Block, Bools

FTRACE, PERF = FORMS[0], FORMS[1]
NO_TGID: Final = -1

_MOST_WORDS_BEFORE: Final = 8
"""Words of a task's name and its numbers; longer ones are read line by line."""
_LEAST_WORDS: Final = 4
_LEFT, _RIGHT, _DASH, _SLASH, _COLON, _POINT, _BLANK = (ord(each) for each in "[]-/:. ")
_ONES, _TOPS = np.uint64(0x0101_0101_0101_0101), np.uint64(0x8080_8080_8080_8080)
_ANY_BRACKET, _BRACKET = ~(_ONES * np.uint64(_LEFT ^ _RIGHT)), _LEFT & _RIGHT
"""What is left of both brackets, and of few other characters, no flags among them."""
_AROUND_CPU, _CPU_AROUND = np.uint64(0xFFFF_0000_00FF), np.uint64(int.from_bytes(b"[\0\0\0] ", "little"))
_THREE_TOPS, _DIGIT = np.uint64(0x80_8080), np.uint64(0xF)
_COMM_BYTES: Final = 15
_IS_PREFIX: Final = np.isin(np.arange(256), np.frombuffer(b">|[", np.uint8))
"""Bytes that other tools' words before a task's name begin with: mail, the kernel's log."""


@dataclass(frozen=True)
class Heads:
    """Lines with a head, in the order of the text: `lines` are their numbers, the others are columns beside it.

    `tgid` is NO_TGID where the text has none. `after_name` is the index of the word after the event's name;
    `name_starts` and `name_sizes` are the name without its colon; a task's name begins at `comm_starts`.
    """

    lines: I64
    tid: I64
    tgid: I64
    cpu: I64
    now_ns: I64
    name_starts: I64
    name_sizes: I64
    after_name: I64
    comm_starts: I64
    comm_sizes: I64

    def __len__(self) -> int:
        """Lines with a head."""
        return len(self.lines)


def heads_of(block: Block, form: HeadForm) -> Heads:
    """The heads of all lines that are certain; none in a form that is not read here."""
    if form not in (FTRACE, PERF):
        return Heads(*[np.zeros(0, np.int64)] * 10)
    lines, brackets = _brackets(block)
    cpu, good = _cpus(block, block.words[brackets])
    times, time_good = _time_words(block, brackets)
    now_ns, parsed = _times(block, block.words[times])
    names = times + 1
    name_starts = block.words[names]
    name_ends = np.minimum(block.words[names + 1] - 1, block.ends[lines])
    padded = np.flatnonzero(block.bytes[name_ends - 1] != _COLON)
    name_ends[padded] = block.end_of_text_before(name_ends[padded])
    name_sizes = name_ends - 1 - name_starts
    good &= time_good & parsed & (names < block.first_word[lines + 1])
    good &= (block.bytes[name_ends - 1] == _COLON) & (name_sizes > 0)
    task = _ftrace_tasks if form is FTRACE else _perf_tasks
    tid, tgid, comm_starts, comm_ends, task_good = task(block, lines, brackets)
    good &= (comm_ends - comm_starts <= _COMM_BYTES) & ~_IS_PREFIX[block.bytes[comm_starts]]
    kept = np.flatnonzero(good & task_good)
    columns = (
        *(lines, tid, tgid, cpu, now_ns, name_starts, name_sizes),
        *(names + 1, comm_starts, comm_ends - comm_starts),
    )
    return Heads(*(columns if len(kept) == len(lines) else (column[kept] for column in columns)))


def comms_of(block: Block, starts: I64, sizes: I64) -> np.ndarray[tuple[int], np.dtype[np.bytes_]]:
    """The tasks' names as records hold them."""
    halves: U64 = np.empty((len(starts), 2), np.uint64)
    for half in range(2):
        offset = half * WINDOW
        halves[:, half] = block.windows[starts + offset] & MASKS[np.minimum(np.maximum(sizes - offset, 0), WINDOW)]
    return halves.view("S16")[:, 0]


@cache
def cpu_text(cpu: int) -> str:
    """A CPU's number as certain heads have it."""
    return f"{cpu:03d}"


def _brackets(block: Block) -> tuple[I64, I64]:
    """Lines with a word that begins with a bracket, not the first one, and that word's index."""
    first, after = block.first_word[:-1], block.first_word[1:]
    found = np.full(len(block), -1, np.int64)
    rows = np.flatnonzero(~block.odd & (after - first >= _LEAST_WORDS))
    for place in range(_MOST_WORDS_BEFORE):
        words = first[rows] + place
        is_bracket = block.bytes[block.words[words]] == _LEFT
        inside = words < after[rows]
        if place:
            hits = is_bracket & inside
            found[rows[hits]] = words[hits]
        rows = rows[inside & ~is_bracket]
        if not len(rows):
            break
    lines = np.flatnonzero(found >= 0)
    return lines, found[lines]


def _cpus(block: Block, at: I64) -> tuple[I64, Bools]:
    """The numbers of the CPUs whose brackets begin here: of three digits, or of four from 1000 on."""
    windows = block.windows[at]
    good: Bools = windows & _AROUND_CPU == _CPU_AROUND
    windows >>= np.uint64(8)
    good &= no_digits(windows) & _THREE_TOPS == 0
    cpu = np.zeros(len(at), np.int64)
    for scale in (100, 10, 1):
        cpu += (windows & _DIGIT).view(np.int64) * scale
        windows >>= np.uint64(8)
    rows = np.flatnonzero(~good)
    if len(rows):
        ends = at[rows] + 5
        cpu[rows], good[rows] = unsigned(block, ends, np.full(len(rows), 4))
        good[rows] &= (block.bytes[ends] == _RIGHT) & (block.bytes[ends + 1] == _BLANK) & (cpu[rows] >= 1000)
    return cpu, good


def _time_words(block: Block, brackets: I64) -> tuple[I64, Bools]:
    """The words with the times: those after the CPU, or after the flags, which have to be such."""
    words = brackets + 1
    windows = block.windows[block.words[words]]
    has_flags: Bools = (windows & np.uint64(0xFF)) - np.uint64(ord("0")) > 9
    blanks = _bytes_like(windows, _BLANK)
    strange = _bytes_like(windows, _COLON) | _bytes_like(windows & _ANY_BRACKET, _BRACKET)
    good = (blanks != 0) & (strange & ((blanks & -blanks) - np.uint64(1)) == 0)
    good |= ~has_flags
    return words + has_flags, good


def _bytes_like(windows: U64, byte: int) -> U64:
    """The highest bit of every byte that is this one; beyond the first such byte there may be others."""
    rest = windows ^ (_ONES * np.uint64(byte))
    return (rest - _ONES) & ~rest & _TOPS


def _times(block: Block, at: I64) -> tuple[I64, Bools]:
    seconds, seconds_size = numbers_at(block, at)
    points = at + seconds_size
    fraction, fraction_size = numbers_at(block, points + 1)
    ends = points + 1 + fraction_size
    good = (seconds_size > 0) & (seconds_size <= 10) & (seconds < 4_000_000_000)
    good &= (fraction_size >= 3) & (fraction_size <= 9)
    good &= (block.bytes[points] == _POINT) & (block.bytes[ends] == _COLON) & (block.bytes[ends + 1] == _BLANK)
    fraction *= _SCALE[fraction_size]
    return np.where(good, seconds, 0) * 1_000_000_000 + fraction, good


_SCALE: Final[I64] = 10 ** np.maximum(9 - np.arange(2 * WINDOW + 1, dtype=np.int64), 0)
"""ns of the last digit, by the number of digits."""


Tasks = tuple[I64, I64, I64, I64, Bools]
"""Thread, process, where the task's name begins and ends, and whether this is certain."""


def _ftrace_tasks(block: Block, lines: I64, brackets: I64) -> Tasks:
    """`comm-tid [`: the name's last dash is the one before the number."""
    ends = block.end_of_text_before(block.words[brackets])
    tid, sizes = trailing_numbers(block.windows[ends - WINDOW])
    dashes = ends - sizes - 1
    starts = block.words[block.first_word[lines]]
    good = (sizes > 0) & (sizes < WINDOW) & (block.bytes[dashes] == _DASH) & (dashes >= starts)
    good &= (dashes == starts) | (block.bytes[dashes - 1] != _BLANK)
    return tid, np.full(len(tid), NO_TGID, np.int64), starts, dashes, good


def _perf_tasks(block: Block, lines: I64, brackets: I64) -> Tasks:
    """`comm tgid/tid [` or `comm tid [`."""
    words = block.words[brackets - 1]
    ends = block.end_of_text_before(block.words[brackets])
    tid, sizes = trailing_numbers(block.windows[ends - WINDOW])
    slashes = ends - sizes - 1
    has_tgid = (block.bytes[slashes] == _SLASH) & (slashes > words)
    tgid, tgid_good = unsigned(block, slashes, slashes - words)
    good = (sizes > 0) & (sizes < WINDOW)
    good &= np.where(has_tgid, tgid_good & (slashes - words <= WINDOW), slashes == words - 1)
    good &= words > block.starts[lines]
    starts = block.words[block.first_word[lines]]
    comm_ends = np.maximum(block.end_of_text_before(words), starts)
    return tid, np.where(has_tgid, tgid, NO_TGID), starts, comm_ends, good
