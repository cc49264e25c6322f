"""Lines that mailers, notes and terminals folded are put together again.

A line is joined to the one before only where that one is a known tracepoint's and lacks fields that every kernel's text
has, or breaks off inside of its head, and where the join gives more of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from .heads import head_of
from .losses import is_loss
from .names import without_group
from .sources import Progress, Source, Spool
from .table import TRACEPOINTS, WHOLE, read_fields, text_keys

_MOST_JOINED: Final = 6
_KEYS: Final = sorted({key for kind in WHOLE for name in read_fields(kind) for key in text_keys(kind, name)}, key=len)
_WORDS: Final = re.compile("|".join((*(rf"\b{key}\b" for key in _KEYS), "scan count", "return val", *TRACEPOINTS)))
_HEADLESS: Final = re.compile(r"\s*(?:=>|#|[0-9a-fA-F]{6,16}\s|$)")
_HEAD_BEGINS: Final = re.compile(r"-\d+\s+(?:\(\s*[\d-]+\)\s*)?(?:\[\d+\].*)?$|\s\d+\s+\[\d+\]\s")
_QUOTE: Final = re.compile(r"^\s*(?:[>|]\s?)+")
_VALUE: Final = r"(?:=|: ?| )\s*[^\s,]"


def continues(line: str) -> bool:
    """Whether a line without a head may go on with the one before."""
    return _WORDS.search(line) is not None


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
        if _is_short(line):
            held, joined = line, 0
        else:
            yield line
    if held is not None:
        yield held


def _is_short(line: str) -> bool:
    found = head_of(line)
    if found is None:
        return _HEADLESS.match(line) is None and _HEAD_BEGINS.search(line) is not None
    return _lacking(line) > 0


def _longer(held: str, line: str) -> str | None:
    """Both as one line; None where the second does not go on with the first."""
    if _HEADLESS.match(line) or is_loss(line) or head_of(line):
        return None
    before, rest = held.rstrip().removesuffix("\\").rstrip(), _QUOTE.sub("", line).strip()
    texts = [f"{before} {rest}", f"{before}{rest}"]
    if head_of(held) is None:
        return next((text for text in texts if head_of(text)), None)
    best = min(filter(head_of, texts), key=_lacking)
    return best if _lacking(best) < _lacking(held) or _WORDS.search(rest) else None


def _lacking(line: str) -> int:
    """How many of the fields that every kernel prints a known tracepoint's line lacks."""
    found = head_of(line)
    if found is None:
        return 0
    form, match = found
    kind = TRACEPOINTS.get(without_group(match[form.order[5]]))
    return sum(not _has(kind, name, line, match.end()) for name in WHOLE.get(kind or "", ()))


def _has(kind: str | None, name: str, line: str, at: int) -> bool:
    return any(re.compile(rf"(?<![\w-]){key}{_VALUE}").search(line, at) for key in text_keys(kind or "", name))
