"""The live view as an application: started, drawn at most ten times a second, and the terminal restored at its end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar, Final

from textual.app import App
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES

from ..errors import UsageError
from ..live.session import Session
from .glyphs import BLOCKS, Glyphs, glyphs_for
from .main_screen import MainScreen
from .terminal_driver import TERMINAL, TerminalDriver

_TICK_S: Final = 0.1
_LOOK_S: Final = 0.025
"""How often a newer state is looked for. Drawn at the next tick it would be there 50 ms later, in the mean."""
_LIGHT: Final = replace(BUILTIN_THEMES["textual-light"], name="light", warning="#8a5300", error="#a4123f")
"""Textual's, whose orange can hardly be read on its light grey."""
THEMES: Final = ("ansi-dark", "ansi-light", "textual-dark", _LIGHT.name)
"""The terminal's own colours for a dark and for a light background, and colours that do not depend on it."""
_NAMES: Final = ("the terminal's, on dark", "the terminal's, on light", "dark", "light")
_LIGHT_BACKGROUNDS: Final = frozenset({"7", "15"})
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HANDLED: Final = (*_ENDING, signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT)


class LiveApp(App[None]):
    """The view of one session; it never closes the session."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "reclaim-tracer"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "quit", show=False, priority=True)]

    def __init__(
        self,
        session: Session,
        *,
        glyphs: Glyphs = BLOCKS,
        driver: type[Driver] | None = None,
        theme: str = THEMES[0],
    ) -> None:
        # Without colours Textual leaves the terminal's own alone only where it is told so before it knows the theme.
        super().__init__(driver_class=driver, ansi_color=True if "NO_COLOR" in os.environ else None)
        self.register_theme(_LIGHT)
        self.theme = theme
        self.main_screen = MainScreen(session, glyphs)
        self.failure: BaseException | None = None

    def get_default_screen(self) -> Screen[None]:
        """The only screen; others come over it."""
        return self.main_screen

    def on_mount(self) -> None:
        """Look at the session ten times a second; ticks that come late are left out, not made up for."""
        self.set_interval(_TICK_S, self.tick)
        self.set_interval(_LOOK_S, self.look)
        loop = asyncio.get_running_loop()
        if not self.is_headless:
            for number in _ENDING:
                # One that is ignored (nohup) stays so.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    loop.add_signal_handler(number, self.exit)

    def tick(self) -> None:
        """Show the newest state; end where there is no terminal any more."""
        if not self.screen_stack:
            # It is ending.
            return
        driver = self._driver
        if isinstance(driver, TerminalDriver) and driver.has_hung_up:
            self.exit()
            return
        self.main_screen.tick(can_draw=self._takes_frames)

    def look(self) -> None:
        """Show a newer state as soon as it is there, a tenth of a second after the last at the soonest."""
        if self.screen_stack and self._takes_frames:
            self.main_screen.renew(least_s=_TICK_S)

    @property
    def _takes_frames(self) -> bool:
        """Whether the terminal has taken what was drawn before."""
        driver = self._driver
        return not (isinstance(driver, TerminalDriver) and driver.is_behind)

    def action_colours(self) -> None:
        """Other colours."""
        at = (THEMES.index(self.theme) + 1) % len(THEMES)
        self.theme = THEMES[at]
        self.main_screen.say(f"colours: {_NAMES[at]}" + (" (NO_COLOR is set)" if self.no_color else ""))

    def _handle_exception(self, error: Exception) -> None:
        """End; whoever started the view says what went wrong, on a terminal that is as it was before."""
        self.failure = self.failure or error
        if self.is_headless:
            super()._handle_exception(error)
        else:
            self.exit(return_code=1)


def run(session: Session) -> None:
    """Show a session until somebody ends the view: a key, Ctrl-C, SIGTERM, SIGHUP, a terminal that is gone.

    The session stays open: closing it is for whoever opened it. Raises UsageError where there is no terminal to take
    keys from, and whatever went wrong inside once the terminal is as it was before.
    """
    _check_terminal()
    encoding = sys.__stdout__.encoding if sys.__stdout__ else ""
    app = LiveApp(
        session,
        glyphs=glyphs_for(os.environ.get("TERM", ""), encoding),
        driver=TerminalDriver,
        theme=theme_for(os.environ.get("COLORFGBG", "")),
    )
    with _signals_restored():
        app.run()
    if app.failure is not None:
        raise app.failure


def _check_terminal() -> None:
    """Whether keys can be had, before anything is drawn."""
    if sys.__stdin__ is None:
        # Closed (`<&-`); Textual asks it for its descriptor.
        vars(sys)["__stdin__"] = open(os.devnull)  # noqa: SIM115, PTH123
    if not os.isatty(sys.__stdin__.fileno() if sys.__stdin__ else 0):
        try:
            os.close(os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
        except OSError:
            raise UsageError("there is no terminal to take keys from: --lines shows the same without one") from None


@contextmanager
def _signals_restored() -> Iterator[None]:
    """Textual and asyncio leave handlers behind that are of no use without them."""
    before = {number: signal.getsignal(number) for number in _HANDLED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def theme_for(colours: str) -> str:
    """By what terminals say of themselves in COLORFGBG: `15;0` is light on dark."""
    background = colours.rpartition(";")[2]
    return THEMES[1] if background in _LIGHT_BACKGROUNDS else THEMES[0]
