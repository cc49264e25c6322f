"""What comes over the screen: a text to read, a question to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from .styled import BOLD, DIM, joined, styled

MARK_LENGTH: Final = 200
"""Characters of a mark."""

Words = Callable[[int], list[Content]]
"""The text's lines, for so many columns."""


class Reading(ModalScreen[None]):
    """A text that scrolls. It is made anew whenever the state changes, and when the terminal's width does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,question_mark", "close", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(20)", show=False),
        Binding("pageup", "scroll(-20)", show=False),
        Binding("home,g", "scroll(-100000)", show=False),
        Binding("end,G", "scroll(100000)", show=False),
    ]
    DEFAULT_CSS = """
    Reading { background: $background; }
    Reading VerticalScroll { padding: 0 1; height: 1fr; scrollbar-size-vertical: 1; }
    Reading Static { width: 100%; height: auto; text-wrap: nowrap; }
    Reading #below { dock: bottom; height: 1; padding: 0 1; }
    """

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words
        self._shown = Static(markup=False)

    def compose(self) -> ComposeResult:
        """The text above, how to go back below."""
        with VerticalScroll(can_focus=False):
            yield self._shown
        yield Static(styled(("Esc", BOLD), (" back  ", DIM), ("arrows, PgDn", BOLD), (" scroll", DIM)), id="below")

    def on_mount(self) -> None:
        """Show it."""
        self.renew()

    def on_resize(self) -> None:
        """Show it as wide as the terminal is now."""
        self.renew()

    def renew(self) -> None:
        """Make the text again."""
        self._shown.update(joined(self._words(max(20, self.app.size.width - 4))))

    def action_scroll(self, by: int) -> None:
        """Go down or up by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss()


class Question(ModalScreen[str | None]):
    """One line to be typed; None where nothing was meant."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]
    DEFAULT_CSS = """
    Question { align: center bottom; background: transparent; }
    Question Static { height: 1; background: $background; padding: 0 1; }
    Question Input { height: 1; border: none; padding: 0 1; background: $background; }
    """

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question, and room for the answer."""
        yield Static(styled((self._question, BOLD), ("  (Enter: yes, Esc: no)", DIM)), markup=False)
        yield Input(max_length=MARK_LENGTH, compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """An answer without words is none."""
        self.dismiss(event.value.strip() or None)

    def action_cancel(self) -> None:
        """Nothing was meant."""
        self.dismiss(None)
