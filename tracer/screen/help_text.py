"""What the screen's keys do and what its words and signs mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from textual.content import Content

from ..live.model import State
from ..terminal.cells import wrap
from . import figures
from .glyphs import Glyphs
from .styled import BOLD, DIM, STATE_STYLE, styled


class Key(NamedTuple):
    """One key: how it is written, what the last line calls it, what it does; `action` is what a click on it does,
    `brief` the label where there is little room."""

    shown: str
    label: str
    does: str
    action: str
    brief: str | None = None


QUIT: Final = Key(
    "q", "quit", "end the view (also Ctrl-C); a recorder that it started closes its recording", "app.quit"
)
HELP: Final = Key("?", "help", "this help", "help")
PANE: Final = Key(
    "Tab", "pane", "the next pane (Shift-Tab: the one before); on a small screen panes share a place", "pane(1)"
)
OPEN: Final = Key(
    "Enter", "open", "the chosen finding: its numbers, its evidence, what it means, what to try", "open", ""
)
SORT: Final = Key("o", "sort", "sort the pane by its next column", "sort")
REPORT: Final = Key("r", "report", "write an HTML report of what there is so far", "report")
COLOURS: Final = Key("d", "dark", "other colours: the terminal's own on dark and on light, dark, light", "app.colours")
PAUSE: Final = Key("p", "pause", "hold the screen still; recording and analysis go on", "pause")
MARK: Final = Key("m", "mark", "put a mark with your words into the recording, now", "mark")
SAVE: Final = Key("s", "save", "save what is kept in memory as a recording", "save")
PLAY: Final = Key("p", "play", "stand still, or play on", "pause")
SPEED: Final = Key("+-", "speed", "play twice or half as fast", "speed(2.0)", "x2")
SEEK: Final = Key("<>", "seek", "go 10 s back or forward (also the left and right arrows)", "seek(1)")
NEXT: Final = Key("n", "next", "go to the next finding and stand still there", "next")
MOVE: Final = ("arrows, PgUp, PgDn, Home, End", "choose a row, or scroll")

_STATES: Final = {
    State.BLIND: "nothing can be said: nothing seen yet, nothing comes, or events were lost in the last 10 s",
    State.KILLING: "a task was killed for its memory in the last 10 s",
    State.STALLED: "a task waits, or just waited, a second or more for memory in one go",
    State.STARVED: "tasks keep waiting for memory",
    State.FIGHTING: "the balloon and reclaim work against each other: memory moves for nothing",
    State.RECLAIMING: "memory is being reclaimed, globally or in the cgroup named beside it",
    State.OK: "none of these in the last second, and all that would show them is being seen",
}
_WORDS: Final = (
    ("1 s, 10 s, total", "the last second, the last ten, and everything since the recording began"),
    ("busy", "the share of that time in which the tier worked"),
    ("this ep., last ep.", "MiB in the current, or else the last, episode of reclaim of tier 1 or above"),
    ("prio", "the lowest reclaim priority in it: from 12 (gentle) down to 0 (last try)"),
    ("waited", "what tasks waited since the state began; PSI: the kernel's own measure (/proc/pressure/memory)"),
    ("moved", "moved for nothing: left the balloon and came back, counted both ways"),
    ("re-read", "page cache that was evicted and had to be read again (refaults)"),
    (
        "above, BELOW low",
        "free memory against the low watermarks, below which kswapd starts; below min tasks must reclaim",
    ),
    ("a/b/c", "of the last second, the last ten, and all of the time; waits are added up over tasks"),
    ("recorder, view", "the share of one CPU that each took in the last 10 s, and its memory"),
    ("lag", "how far what is shown lies behind now"),
)


def keys_of(*, plays: bool, can_mark: bool, can_save: bool) -> list[Key]:
    """Keys that do something, the most needed first."""
    player = [PLAY, SPEED, SEEK, NEXT] if plays else [PAUSE]
    own = [*([MARK] if can_mark else []), *([SAVE] if can_save else [])]
    return [QUIT, HELP, *player, PANE, OPEN, SORT, *own, REPORT, COLOURS]


def help_lines(keys: Sequence[Key], facts: Sequence[Content], width: int, glyphs: Glyphs) -> list[Content]:
    """Keys, states, words and signs, and what is being looked at."""
    lines = [styled(("Keys", BOLD))]
    lines += _rows([*((key.shown, key.does) for key in keys), MOVE], width)
    lines += [Content(""), styled(("States", BOLD), (", the worst first, after BLIND", DIM))]
    for state, meaning in _STATES.items():
        first, *others = _row(state.upper(), meaning, width)
        lines += [first.stylize(STATE_STYLE[state], 2, 2 + len(state)), *others]
    lines += [Content(""), styled(("Words and signs", BOLD))]
    lines += _rows([*_WORDS, ("signs", figures.LEGEND.format(at_least=glyphs.at_least))], width)
    lines += [Content(""), styled(("What is shown", BOLD)), *facts]
    return [*lines, Content(""), styled(("Terms: docs/glossary.md; the screen: docs/live.md", DIM))]


def _rows(rows: Sequence[tuple[str, str]], width: int) -> Iterator[Content]:
    for name, meaning in rows:
        yield from _row(name, meaning, width)


def _row(name: str, meaning: str, width: int) -> list[Content]:
    start = 20
    first, *others = wrap(meaning, max(20, width - start))
    lead = f"  {name:<{start - 2}}" if len(name) < start - 2 else f"  {name}  "
    if len(name) >= start - 2:
        return [styled((lead, BOLD)), *(styled(" " * start + line) for line in (first, *others))]
    return [styled((lead, BOLD), first), *(styled(" " * start + line) for line in others)]
