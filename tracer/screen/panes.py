"""Parts of the screen as widgets: lines that are replaced, and panes with rows that can be sorted, chosen, scrolled."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from ..live.model import Snapshot
from .glyphs import Glyphs
from .layout import Part, Place
from .shown import Shown
from .styled import BOLD, DIM, SELECTED, Piece, fitted, joined
from .tables import ordered

_WHEEL_ROWS: Final = 3


class Lines(Widget):
    """A part whose lines somebody else makes."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Lines { position: absolute; text-wrap: nowrap; text-overflow: clip; }"

    def __init__(self, part: Part) -> None:
        super().__init__(id=part.value)
        self.part = part
        self._content = Content("")

    def place(self, where: Place | None) -> None:
        """Put it there; None hides it."""
        self.display = where is not None
        if where is not None:
            self.styles.offset = (where.x, where.y)
            self.styles.width, self.styles.height = where.width, where.height

    def put(self, content: Content) -> None:
        """Show these lines; nothing is drawn where they are the same as before."""
        if content.is_same(self._content):
            return
        self._content = content
        self.refresh()

    def render(self) -> Content:
        """What was put there last."""
        return self._content


class Foot(Lines):
    """The last line, on which keys can be clicked."""

    class Clicked(Message):
        """Somebody clicked on this column."""

        def __init__(self, column: int) -> None:
            super().__init__()
            self.column = column

    def on_click(self, event: events.Click) -> None:
        """Say where."""
        self.post_message(self.Clicked(event.x))


class Pane(Lines, can_focus=True):
    """A title, perhaps a heading, and rows, of which one is chosen where they have an order."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "choose(-1)", show=False),
        Binding("down,j", "choose(1)", show=False),
        Binding("pageup", "choose(-10)", show=False),
        Binding("pagedown", "choose(10)", show=False),
        Binding("home,g", "choose(-1000000)", show=False),
        Binding("end,G", "choose(1000000)", show=False),
    ]

    class Chosen(Message):
        """Somebody clicked on this pane; `opened` where it was on the row that was chosen already."""

        def __init__(self, pane: Pane, *, opened: bool) -> None:
            super().__init__()
            self.pane = pane
            self.opened = opened

    def __init__(self, part: Part, shown: Shown, glyphs: Glyphs) -> None:
        super().__init__(part)
        self._shown = shown
        self.glyphs = glyphs
        self._order = 0
        self._chosen: Hashable | None = None
        self._first = 0
        self._snapshot: Snapshot | None = None
        self._where = Place(0, 0, 0, 0)

    def place(self, where: Place | None) -> None:
        """Put it there and draw it for that much room."""
        super().place(where)
        if where is not None:
            self._where = where
            self.draw()

    def keep(self, snapshot: Snapshot | None) -> None:
        """What is to be shown when it is drawn next."""
        self._snapshot = snapshot

    def draw(self) -> None:
        """Make the lines that fit."""
        snapshot, width, height = self._snapshot, self._where.width, self._where.height
        if snapshot is None or not height:
            return
        items = self.items()
        heading = self._shown.heading(width) if self._shown.heading and height > 2 else None
        room = height - 1 - (heading is not None)
        chosen = self._index(items) if self.can_choose else self._first
        wanted = max(min(self._first, chosen), chosen - room + 1) if self.can_choose else self._first
        self._first = max(0, min(wanted, len(items) - room))
        shown = items[self._first : self._first + room]
        lines = [self._title(snapshot, width, len(items), room), *([heading] if heading is not None else [])]
        for number, item in enumerate(shown, self._first):
            line = self._shown.row(item, width)
            is_marked = number == chosen and self.has_focus and self.can_choose
            lines.append(line.pad_right(max(0, width - line.cell_length)).stylize(SELECTED) if is_marked else line)
        self.put(joined(lines))

    @property
    def can_choose(self) -> bool:
        """Whether a row can be chosen; else keys scroll."""
        return bool(self._shown.orders)

    def items(self) -> list[Any]:
        """All rows in their order."""
        if self._snapshot is None:
            return []
        rows = self._shown.rows(self._snapshot, self._where.width, self.glyphs)
        return ordered(rows, self._shown.orders[self._order]) if self._shown.orders else list(rows)

    def chosen(self) -> Any:  # noqa: ANN401
        """The chosen row; the first where none was chosen, None without any."""
        items = self.items()
        return items[self._index(items)] if items else None

    def sort(self) -> str:
        """Sort by the next order; its name, empty where there is none."""
        if not self._shown.orders:
            return ""
        self._order = (self._order + 1) % len(self._shown.orders)
        self.draw()
        return self._shown.orders[self._order].name

    def action_choose(self, by: int) -> None:
        """Choose a row further down or up."""
        items = self.items()
        if self.can_choose and items:
            at = max(0, min(len(items) - 1, self._index(items) + by))
            # The first is chosen by nobody: whatever comes first then is.
            self._chosen = self._shown.key(items[at]) if at else None
        self._first += 0 if self.can_choose else by
        self.draw()

    def _index(self, items: Sequence[Any]) -> int:
        if self._chosen is None:
            return 0
        return next((at for at, item in enumerate(items) if self._shown.key(item) == self._chosen), 0)

    def _title(self, snapshot: Snapshot, width: int, rows: int, room: int) -> Content:
        mark = self.glyphs.selected if self.has_focus else self.glyphs.rule
        title: list[Piece] = [(f"{mark} {self._shown.title}", f"{BOLD} {SELECTED}" if self.has_focus else BOLD), " "]
        about = self._shown.about(snapshot)
        sort = f"by {self._shown.orders[self._order].name}" if self._shown.orders and rows > 1 else ""
        last = min(rows, self._first + room)
        more = f"{self._first + 1}-{last} of {rows}" if rows > room > 0 else ""
        words = ", ".join(filter(None, (about, sort, more)))
        line = fitted(width, *title, (f"{words} " if words else "", DIM))
        return line + Content.styled(self.glyphs.rule * max(0, width - line.cell_length), DIM)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show which row is chosen, or that none is."""
        super().watch_has_focus(has_focus)
        self.draw()

    def on_click(self, event: events.Click) -> None:
        """Choose the row that was clicked on."""
        items = self.items()
        heading = 1 + (self._shown.heading is not None and self._where.height > 2)
        at = self._first + event.y - heading
        was = self._index(items)
        if event.y >= heading and at < len(items):
            self._chosen = self._shown.key(items[at]) if at else None
        self.post_message(self.Chosen(self, opened=self.has_focus and at == was and event.y >= heading))
        self.draw()

    def on_mouse_scroll_down(self) -> None:
        """Go on through the rows."""
        self.action_choose(_WHEEL_ROWS)

    def on_mouse_scroll_up(self) -> None:
        """Go back through the rows."""
        self.action_choose(-_WHEEL_ROWS)
