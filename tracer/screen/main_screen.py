"""The screen itself: its parts, where they stand, and what each key does."""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen

from ..errors import TracerError, printable
from ..live.model import Snapshot
from ..live.session import Player, Session
from ..terminal.cells import cells
from . import heading
from .balloon import balloon
from .dialogs import Question, Reading
from .finding_words import detail
from .glyphs import Glyphs
from .help_text import Key, help_lines, keys_of
from .layout import PANES, Part, Places, arrange
from .panes import Foot, Lines, Pane
from .shown import SHOWN
from .styled import BAD, BOLD, DIM, Piece, fitted, joined, styled
from .tiers import labels, tiers

_USUAL_TIERS: Final = 6
_SEEK_S: Final = 10.0
_SEEK_TICKS: Final = 10
_SHOWN_TICKS: Final = 60
"""A message stays for so many ticks: six seconds."""


class MainScreen(Screen[None], inherit_bindings=False):
    """Shows the newest state of a session, and does what keys ask for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "app.quit", show=False),
        Binding("question_mark,h,f1", "help", show=False),
        Binding("p,space", "pause", show=False),
        Binding("tab", "pane(1)", show=False),
        Binding("shift+tab", "pane(-1)", show=False),
        Binding("enter", "open", show=False),
        Binding("o", "sort", show=False),
        Binding("m", "mark", show=False),
        Binding("s", "save", show=False),
        Binding("r", "report", show=False),
        Binding("d", "app.colours", show=False),
        Binding("plus,equals_sign", "speed(2.0)", show=False),
        Binding("minus", "speed(0.5)", show=False),
        Binding("right,greater_than_sign,full_stop", "seek(1)", show=False),
        Binding("left,less_than_sign,comma", "seek(-1)", show=False),
        Binding("n", "next", show=False),
    ]
    DEFAULT_CSS = """
    MainScreen { layout: vertical; overflow: hidden; }
    """

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__()
        self.session = session
        self.player = session if isinstance(session, Player) else None
        self.glyphs = glyphs
        self.snapshot: Snapshot | None = None
        self.is_held = False
        self.keys = keys_of(plays=self.player is not None, can_mark=session.can_mark, can_save=session.can_save)
        self._pane = Part.WAITING
        self._drawn: tuple[Any, ...] = ()
        self._drawn_s = -inf
        self._message: tuple[str, str] | None = None
        self._message_ticks = 0
        self._sought_s, self._seek_ticks = 0.0, 0
        self._lines = {part: Foot(part) if part is Part.FOOT else Lines(part) for part in Part if part not in PANES}
        self._panes = {part: Pane(part, shown, glyphs) for part, shown in SHOWN.items()}

    def compose(self) -> ComposeResult:
        """All parts; those for which there is no room are hidden."""
        yield from self._lines.values()
        yield from self._panes.values()

    def on_mount(self) -> None:
        """Begin at the first pane."""
        self.snapshot = self.session.latest()
        self.draw()
        self._panes[self._pane].focus()

    def on_resize(self) -> None:
        """Use the room that there is now."""
        self.draw()

    def tick(self, *, can_draw: bool = True) -> None:
        """Take the newest state and show it, unless the screen is held still or the terminal is behind."""
        if (said := self.session.message()) is not None:
            self.say(said)
        self._message_ticks, self._seek_ticks = max(0, self._message_ticks - 1), max(0, self._seek_ticks - 1)
        if can_draw:
            self.renew()

    def renew(self, *, least_s: float = 0.0) -> None:
        """Show the newest state, where it is another one than is shown and that is so old."""
        if monotonic() < self._drawn_s + least_s:
            return
        snapshot = self.snapshot if self.is_held else self.session.latest()
        now = (id(snapshot), self._clock(snapshot), self._message_ticks > 0, self._message)
        if now != self._drawn:
            self.snapshot, self._drawn, self._drawn_s = snapshot, now, monotonic()
            self.draw()

    def say(self, text: str, style: str = "") -> None:
        """Show a message in the last line for a while."""
        self._message, self._message_ticks = (text, style), _SHOWN_TICKS

    def draw(self) -> None:
        """Put everything in its place and show the state."""
        places = self._places()
        for part, widget in (self._lines | self._panes).items():
            if isinstance(widget, Pane):
                widget.keep(self.snapshot)
            widget.place(places.get(part))
        self._draw_lines(places)
        if isinstance(self.app.screen, Reading):
            self.app.screen.renew()

    def _places(self) -> Places:
        more = max(0, len(labels(self.snapshot)) - _USUAL_TIERS) if self.snapshot else 0
        return arrange(self.app.size.width, self.app.size.height, self._pane, more)

    def _draw_lines(self, places: Places) -> None:
        snapshot, title = self.snapshot, self.session.title
        for part, place in places.items():
            width, height = place.width, place.height
            if part is Part.FOOT:
                self._lines[part].put(self._foot(width))
            elif snapshot is None:
                if part is Part.HEAD:
                    self._lines[part].put(heading.waiting_for_first(width, title))
            elif part is Part.HEAD:
                clock, is_played = self._clock(snapshot), self.player is not None
                lines = heading.head(snapshot, width, height, title=title, clock=clock, is_played=is_played)
                self._lines[part].put(lines)
            elif part is Part.BALLOON:
                self._lines[part].put(balloon(snapshot, width, height, self.glyphs))
            elif part is Part.TIERS:
                self._lines[part].put(tiers(snapshot, width, height, self.glyphs))
            elif part is Part.DETAIL:
                self._lines[part].put(joined(self._detail(width)[:height]))

    def _clock(self, snapshot: Snapshot | None) -> str:
        if self.player is not None:
            at = f"{snapshot.now_s:,.1f}/" if snapshot else ""
            state = "paused " if self.player.paused else ""
            return f"{state}{at}{self.player.length_s:,.1f} s x{self.player.speed:g}"
        at = f"{snapshot.now_s:,.1f} s" if snapshot else ""
        return f"SCREEN HELD at {at}, recording goes on" if self.is_held else at

    def _foot(self, width: int) -> Content:
        if self._message is not None and self._message_ticks:
            return fitted(width, self._message)
        pieces: list[Piece] = []
        for _, _, shown, rest in self._key_places(width):
            pieces += [(shown, BOLD), (rest, DIM)]
        return fitted(width, *pieces)

    def _key_places(self, width: int) -> list[tuple[Key, int, str, str]]:
        """Keys that have room in the last line: the column at which each begins, its name, and what follows it."""
        gap, is_brief = next(
            (form for form in (("  ", False), (" ", False)) if self._keys_width(*form) <= width), (" ", True)
        )
        found, at = [], 0
        for key in self.keys:
            rest = _label(key, is_brief=is_brief)
            if at + cells(key.shown + rest) <= width:
                found.append((key, at, key.shown, rest + gap))
            at += cells(key.shown + rest + gap)
        return found

    def _keys_width(self, gap: str, is_brief: bool) -> int:
        return sum(cells(key.shown + _label(key, is_brief=is_brief) + gap) for key in self.keys) - len(gap)

    async def on_foot_clicked(self, event: Foot.Clicked) -> None:
        """A click on a key in the last line is that key."""
        under = [key for key, at, *_ in self._key_places(self.app.size.width) if at <= event.column]
        if under:
            await self.run_action(under[-1].action)

    def on_pane_chosen(self, event: Pane.Chosen) -> None:
        """A click chooses a pane and a row; a second one on a finding opens it."""
        self._pane = event.pane.part
        if event.opened and self._pane is Part.FINDINGS:
            self.action_open()

    def action_pane(self, by: int) -> None:
        """Go to the next pane, or the one before."""
        self._pane = PANES[(PANES.index(self._pane) + by) % len(PANES)]
        # The next one is shown and has the focus before the last is hidden: else Textual gives it to another.
        self._panes[self._pane].display = True
        self.set_focus(self._panes[self._pane])
        self.draw()

    def action_pause(self) -> None:
        """Hold the screen still, or the player."""
        if self.player is not None:
            self._try(lambda player: player.pause(paused=not player.paused))
        else:
            self.is_held = not self.is_held

    def action_sort(self) -> None:
        """Sort the pane."""
        name = self._panes[self._pane].sort()
        self.say(f"sorted by {name}" if name else "this pane has one order")

    def action_open(self) -> None:
        """Show all there is to the chosen finding, and keep it up to date."""
        if self._panes[Part.FINDINGS].chosen() is None:
            self.say("there is no finding to open")
            return
        identity = self._panes[Part.FINDINGS].chosen().id
        last: list[Any] = [self._panes[Part.FINDINGS].chosen()]

        def words(width: int) -> list[Content]:
            found = [each for each in (self.snapshot.findings if self.snapshot else ()) if each.id == identity]
            last[0] = found[0] if found else last[0]
            return detail(last[0], width)

        self.app.push_screen(Reading(words))

    def _detail(self, width: int) -> list[Content]:
        chosen = self._panes[Part.FINDINGS].chosen()
        return [styled(("no findings so far", DIM))] if chosen is None else detail(chosen, width)

    def action_help(self) -> None:
        """Show what keys, words and signs mean."""

        def words(width: int) -> list[Content]:
            facts = list(heading.facts(self.snapshot, self.session.title)) if self.snapshot else []
            return help_lines(self.keys, facts, width, self.glyphs)

        self.app.push_screen(Reading(words))

    def action_mark(self) -> None:
        """Ask for a mark's words."""
        if not self.session.can_mark:
            self.say("marks can be made only in a recording that this view's own recorder writes")
            return
        self.app.push_screen(Question("Words for the mark:"), self._mark)

    def _mark(self, words: str | None) -> None:
        if words is not None:
            self._answer(lambda: self.session.mark(words))

    def action_save(self) -> None:
        """Save what is kept in memory."""
        if self.session.can_save:
            self._answer(self.session.save)
        else:
            self.say("there is nothing in memory to save: the recording is a file already")

    def action_report(self) -> None:
        """Begin a report."""
        self._answer(self.session.report)

    def action_speed(self, factor: float) -> None:
        """Play faster or slower."""
        self._try(lambda player: player.set_speed(player.speed * factor))

    def action_seek(self, direction: int) -> None:
        """Go forward or back."""
        now_s = self.snapshot.now_s if self.snapshot else 0.0
        # A second press counts from where the first one leads, which may take a moment to be shown.
        begin_s = self._sought_s if self._seek_ticks else now_s
        self._sought_s, self._seek_ticks = begin_s + direction * _SEEK_S, _SEEK_TICKS
        self._try(lambda player: player.seek(max(0.0, min(player.length_s, self._sought_s))))

    def action_next(self) -> None:
        """Go to the next finding."""
        if self.player is not None:
            self._answer(self.player.next_finding)

    def _try(self, ask: Any) -> None:  # noqa: ANN401 - a question to a player
        """Ask a player for something; without one the key means nothing."""
        player = self.player
        if player is not None:
            self._answer(lambda: ask(player) or "")

    def _answer(self, ask: Any) -> None:  # noqa: ANN401 - something that answers with a line
        """Say what came of it; what can't be done is said too."""
        try:
            said = str(ask())
        except (TracerError, OSError) as error:
            self.say(printable(str(error)), BAD)
        else:
            if said:
                self.say(said)


def _label(key: Key, *, is_brief: bool) -> str:
    label = key.brief if is_brief and key.brief is not None else key.label
    return f" {label}" if label else ""
