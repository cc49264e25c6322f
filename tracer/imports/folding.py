"""Lines that mailers, notes and terminals folded are put together again.

A line is joined to the one before only where that one is a known tracepoint's, or breaks off inside of its head, and
where it goes on with fields or with the rest of a number or of flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from .heads import head_of
from .layouts import SLAB_HEAD
from .losses import is_loss
from .names import without_group
from .sources import Progress, Source, Spool
from .table import TRACEPOINTS, WHOLE, WORDS, read_fields, text_keys

_MOST_JOINED: Final = 6
_MOST_CHARS: Final = 4096
"""Of a line that was folded, or of a part: ten times a known event's line. Each field is looked for in each."""
_KEYS: Final = sorted({key for kind in WHOLE for name in read_fields(kind) for key in text_keys(kind, name)}, key=len)
_KEYWORDS: Final = re.compile("|".join((*(rf"\b{key}\b" for key in _KEYS), "scan count", "return val", *TRACEPOINTS)))
_HEADLESS: Final = re.compile(r"\s*(?:=>|#|[0-9a-fA-F]{6,16}\s.*\(|$)")
_HEAD_BEGINS: Final = re.compile(r"-\d+\s+(?:\(\s*[\d-]+\)\s*)?(?:\[\d+\].*)?$|\s\d+\s+\[\d+\]\s")
_QUOTE: Final = re.compile(r"^\s*(?:[>|]\s?)+")
_SPLIT_VALUES: Final = tuple(
    (re.compile(rf"{before}$"), re.compile(rf"{rest}(?=[\s,:]|$)"))
    for before, rest in (
        (r"(?:=-?\w*\d|[: ]-?\d+)", r"\d+(?:kB)?"),
        (r"[=: ]0x[0-9a-fA-F]*", r"[0-9a-fA-F]+"),
        (r"[= ][A-Z_][A-Z_|]*", r"[A-Z_|]+"),
    )
)
"""How a line ends that is folded inside of a number or of flags, and how the next one begins: no two values follow each
other."""
_WORD_ENDS, _WORD_BEGINS = re.compile(r"[=: ](\w+)$"), re.compile(r"(\w+)(?=[\s,:]|$)")
_VALUES_IN_WORDS: Final = frozenset(word for words in WORDS.values() for word in words)
_ENDS_IN_FLAGS: Final = _SPLIT_VALUES[2][0]
_PAIR: Final = re.compile(r"[\w-]+(?:=|:(?=\d))\S")
_VALUE: Final = r"(?:=|: ?| )\s*[^\s,]"


def continues(before: str, line: str) -> bool:
    """Whether a line without a head goes on with the one before."""
    return _may_go_on(before) and _longer(before, line) is not None


def unfolded(source: Source, progress: Progress) -> Source:
    """The source with its folded lines joined, in a temporary file."""
    with Spool(packed=False) as spool:
        for lines in _joined(_shown(source, progress)):
            spool.write(f"{lines}\n".encode("utf-8", "replace"))
        joined = source.rewritten(spool.finish())
    joined.is_unfolded = True
    return joined


def _shown(source: Source, progress: Progress) -> Iterator[str]:
    for lines in source.chunks():
        yield from lines
        progress("Joining folded lines", source.done)


def _joined(lines: Iterable[str]) -> Iterator[str]:
    held: str | None = None
    joined = 0
    for line in lines:
        if held is not None:
            longer = _longer(held, line) if joined < _MOST_JOINED else None
            if longer is not None:
                held, joined = longer, joined + 1
                continue
            yield held
            held = None
        if _may_go_on(line):
            held, joined = line, 0
        else:
            yield line
    if held is not None:
        yield held


def _may_go_on(line: str) -> bool:
    if len(line) > _MOST_CHARS:
        return False
    found = head_of(line)
    if found is None:
        return _HEADLESS.match(line) is None and _HEAD_BEGINS.search(line) is not None
    form, match = found
    return without_group(match[form.order[5]]) in TRACEPOINTS


def _longer(held: str, line: str) -> str | None:
    """Both as one line; None where the second does not go on with the first."""
    if len(line) > _MOST_CHARS or _HEADLESS.match(line) or is_loss(line) or head_of(line):
        return None
    before, rest = held.rstrip().removesuffix("\\").rstrip(), _QUOTE.sub("", line).strip()
    if line.lstrip().startswith("|") and _ENDS_IN_FLAGS.search(before):
        rest = line.strip()
    glued, spaced = f"{before}{rest}", f"{before} {rest}"
    if head_of(held) is None:
        return next((text for text in (glued, spaced) if head_of(text)), None)
    if rest[:1] in "=:|" or _is_split_value(before, rest):
        return glued
    best = min(filter(head_of, (spaced, glued)), key=_poverty)
    return best if _poverty(best) < _poverty(held) or _KEYWORDS.search(rest) or _PAIR.match(rest) else None


def _is_split_value(before: str, rest: str) -> bool:
    """Whether the fold is inside of a number, of flags, or of a word that stands for a number, such as DMA32."""
    if any(end.search(before) and start.match(rest) for end, start in _SPLIT_VALUES):
        return True
    end, start = _WORD_ENDS.search(before), _WORD_BEGINS.match(rest)
    return end is not None and start is not None and end[1] + start[1] in _VALUES_IN_WORDS


def _poverty(line: str) -> tuple[int, int]:
    """The less, the more of its event's fields a line has: first those that every kernel prints."""
    return _lacking(line), -_fields(line)


def _lacking(line: str) -> int:
    """How many of the fields that every kernel prints a known tracepoint's line lacks."""
    found = head_of(line)
    if found is None:
        return 0
    form, match = found
    kind = TRACEPOINTS.get(without_group(match[form.order[5]]))
    return sum(not _has(kind, name, line, match.end()) for name in WHOLE.get(kind or "", ()))


def _fields(line: str) -> int:
    """How many of the fields that are looked for a known tracepoint's line has."""
    found = head_of(line)
    if found is None:
        return 0
    form, match = found
    kind = TRACEPOINTS.get(without_group(match[form.order[5]]))
    keyed = sum(_has(kind, name, line, match.end()) for name in read_fields(kind)) if kind else 0
    return keyed + (SLAB_HEAD.match(line, match.end()) is not None)


def _has(kind: str | None, name: str, line: str, at: int) -> bool:
    return any(re.compile(rf"(?<![\w-]){key}{_VALUE}").search(line, at) for key in text_keys(kind or "", name))
