"""Plain text of at most 72 columns, as kernel lists want it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from ..clipping import clean
from .content import Letter

COLUMNS: Final = 72
_LEAST: Final = 24


def mail(letter: Letter) -> str:
    """The letter as a mail's body, ending in a newline."""
    parts = [
        [*_filled(f"{letter.title}: reclaim and balloon, seen by {letter.made_by}")],
        [*_filled(f"{letter.level}: {letter.verdict}"), *_remarks(letter)],
        ["Environment", *_pairs((fact.name, fact.value) for fact in letter.environment)],
        ["Totals", *_pairs((card.name, _of_card(card.value, card.remark)) for card in letter.totals)],
        [*_stretch(letter)],
        [*_findings(letter)],
        ["Recording", *_filled(letter.quality, "  ")],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _remarks(letter: Letter) -> Iterator[str]:
    for name, pieces in letter.remarks:
        yield from _filled(f"{name}: {''.join(pieces)}")


def _of_card(value: str, remark: str) -> str:
    return f"{value} ({remark})" if remark else value


def _stretch(letter: Letter) -> Iterator[str]:
    if letter.stretch is None:
        return
    yield f"{letter.stretch.title} (times in seconds since the start)"
    yield from _filled(letter.stretch.why, "  ")
    yield from _pairs(letter.moments.lines, right=True)
    if letter.moments.left_out:
        yield from _filled(letter.moments.left_out, "  ")


def _findings(letter: Letter) -> Iterator[str]:
    if not letter.findings:
        yield "Findings: none"
        return
    yield "Findings"
    for severity, time, text in letter.findings:
        yield from _filled(f"[{severity}] {time}: {text}", "  ", "    ")
    if letter.more:
        yield from _filled(f"and {letter.more} (reclaim-tracer summary --json has all)", "  ")


def _pairs(pairs: Iterable[tuple[str, str]], *, right: bool = False) -> Iterator[str]:
    """Names in a column, what they stand for beside them."""
    named = [(clean(name), value) for name, value in pairs]
    width = min(max((len(name) for name, _ in named), default=0), _LEAST)
    for name, value in named:
        lead = f"  {name:>{width}}  " if right else f"  {f'{name}:':<{width + 1}} "
        yield from _filled(value, lead, " " * (width + 4))


def _filled(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        clean(text), COLUMNS, initial_indent=first, subsequent_indent=rest or " " * len(first), break_on_hyphens=False
    ) or [first.rstrip()]
