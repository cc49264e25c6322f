"""Markdown for tickets: CommonMark with GitHub's tables, everything from the recording escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ..clipping import clean
from ..explanations import Prose
from .content import Letter

_SPECIAL: Final = re.compile(r"[\\`*\[\]<>|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_JOINER: Final = "\u2060"
_AUTOMATIC: Final = re.compile(
    r"(?<=:)(?=//)|(?<=/)(?=/)|(?<=\bwww)(?=\.)|(?<=[@#])(?=\w)"
    r"|(?<=\w\.)(?=(?:[a-z]{2}|biz|com|edu|gov|net|org|pro|web|xxx|aero|asia|coop|info|museum|name|shop|dev|app)\b)",
    re.IGNORECASE,
)
"""Where an address, a person or an issue would be made a link of without being asked to: a joiner (U+2060) parts it."""
_BLOCK: Final = re.compile(r"^(?=[-+#=])|^(\d{1,9})(?=[.)](?:\s|$))")
"""What would begin a list, a heading or a rule."""


def markdown(letter: Letter) -> str:
    """The letter as a ticket's text, ending in a newline."""
    parts = [
        f"## {escaped(letter.title)}: reclaim and balloon",
        f"**{escaped(letter.level)}:** {escaped(letter.verdict)}",
        *(f"**{name}:** {_prose(pieces)}" for name, pieces in letter.remarks),
        _table(("Environment", ""), ((fact.name, fact.value) for fact in letter.environment)),
        _table(("Totals", "", ""), ((card.name, card.value, card.remark) for card in letter.totals)),
        *_stretch(letter),
        *_findings(letter),
        "### Recording",
        escaped(letter.quality),
        f"Made by {escaped(letter.made_by)}.",
    ]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Text that markdown shows as it is, on one line: no link, image, markup, address or mention is made of it."""
    line = _SPECIAL.sub(r"\\\g<0>", clean(text))
    line = _BLOCK.sub(lambda found: f"{found[1]}\\" if found[1] else "\\", line)
    return _AUTOMATIC.sub(_JOINER, line)


def _prose(pieces: Prose) -> str:
    """A paragraph of which every other piece is code, which comes from this program alone."""
    return "".join(f"`{piece}`" if at % 2 else _part(piece) for at, piece in enumerate(pieces))


def _part(words: str) -> str:
    """Escaped words with the blanks that part them from their neighbours."""
    return f"{' ' * words.startswith(' ')}{escaped(words)}{' ' * (words.endswith(' ') and not words.isspace())}"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = [*heads]
    lines = [_row(names), _row(["---"] * len(names))]
    return "\n".join([*lines, *(_row(map(escaped, row)) for row in rows)])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _stretch(letter: Letter) -> Iterator[str]:
    if letter.stretch is None:
        return
    yield f"### {escaped(letter.stretch.title)}"
    yield f"{escaped(letter.stretch.why)} Times are seconds since the start."
    if letter.moments.lines:
        width = max(len(time) for time, _ in letter.moments.lines)
        yield _fenced([f"{time:>{width}}  {clean(words)}" for time, words in letter.moments.lines])
    if letter.moments.left_out:
        yield escaped(letter.moments.left_out)


def _fenced(lines: list[str]) -> str:
    """A block of code, whose fence is longer than any inside of it."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join((f"{fence}text", *lines, fence))


def _findings(letter: Letter) -> Iterator[str]:
    yield "### Findings"
    if not letter.findings:
        yield "None."
        return
    listed = [f"- **{escaped(severity)}**, {time}: {escaped(text)}" for severity, time, text in letter.findings]
    yield "\n".join(listed)
    if letter.more:
        yield f"And {letter.more}: `reclaim-tracer summary --json` has all."
