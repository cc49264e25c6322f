"""The live view's screen as text: written states and moments of golden recordings, each in `screens/` as it was drawn.

Where styles are kept too, a line for each stretch follows: `row: columns style`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Final
from unittest.mock import patch

from textual.pilot import Pilot

from tests.unit.live_sessions import GivenPlayer, GivenSession, lines_of, pressing, settle, view
from tests.unit.live_snapshots import WRITTEN
from tracer.analyze import Engine, Options
from tracer.jobs.pacing import steps
from tracer.live.model import Snapshot
from tracer.live.observer import Observer, StreamHealth
from tracer.recording_facts import RecordingFacts
from tracer.screen.app import LiveApp
from tracer.store import Recording

from .cases import DATA, Case

SCREENS: Final = Path(__file__).parent / "screens"
_LOOK_S: Final = 0.5
_SMALL: Final = (80, 24)
_MEDIUM: Final = (120, 40)
_LARGE: Final = (200, 60)


@dataclass(frozen=True)
class ScreenCase:
    """A state on a screen of some size, after some keys. `at_s` is a moment of the golden recording of that name, None
    for a written state."""

    state: str
    size: tuple[int, int]
    at_s: float | None = None
    keys: tuple[str, ...] = ()
    styles: bool = False
    theme: str = "ansi-dark"
    no_color: bool = False

    @property
    def name(self) -> str:
        """Its file's name without suffix."""
        parts = [f"{self.state}", *self.keys, f"{self.size[0]}x{self.size[1]}"]
        if self.styles:
            parts.append("no-color" if self.no_color else self.theme)
        return "screen-" + "-".join(parts)

    @property
    def expected(self) -> Path:
        """Where it is kept."""
        return SCREENS / f"{self.name}.txt"

    def actual(self) -> str:
        """As it is drawn now."""
        session = GivenSession(WRITTEN[self.state]()) if self.at_s is None else GivenPlayer(_at(self.state, self.at_s))
        with patch.dict(os.environ):
            os.environ.pop("NO_COLOR", None)
            if self.no_color:
                os.environ["NO_COLOR"] = "1"
            lines = view(session, self._drawn, pressing(*self.keys), size=self.size, theme=self.theme)
        return "\n".join(lines) + "\n"

    async def _drawn(self, pilot: Pilot[None]) -> list[str]:
        await settle(pilot)
        app = pilot.app
        assert isinstance(app, LiveApp)
        return [*lines_of(app), *(_styles(app) if self.styles else ())]


def screen_cases() -> list[ScreenCase]:
    """All of them."""
    written = [ScreenCase("storm", size) for size in (_SMALL, _MEDIUM, _LARGE)]
    written += [ScreenCase(state, _SMALL) for state in ("quiet", "starved", "unknown")]
    written += [ScreenCase("storm", _SMALL, keys=("enter",)), ScreenCase("storm", _MEDIUM, keys=("question_mark",))]
    written += [ScreenCase("storm", _SMALL, styles=True, theme=theme) for theme in ("ansi-dark", "ansi-light")]
    written += [ScreenCase("storm", _SMALL, styles=True, no_color=True)]
    return [
        *written,
        *(ScreenCase("run-shrinker", size, 20.0) for size in (_SMALL, _LARGE)),
        ScreenCase("B-unreachable", _SMALL, 16.0),
        ScreenCase("B-unreachable", _MEDIUM, 24.0),
        ScreenCase("guest-no-deflate", _MEDIUM, 11.0),
        ScreenCase("memcg-kill", _SMALL, 0.3),
    ]


@cache
def _at(name: str, at_s: float) -> Snapshot:
    """The state of a golden recording at a moment, by a look twice a second before it."""
    case = next(case for case in map(Case, DATA.iterdir()) if case.name == name and _is_input(case))
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording.open(case.recording(Path(folder)))
        engine = Engine(recording.metadata, recording.symbols, Options(), cgroups=recording.cgroups)
        observer = Observer(RecordingFacts(f"{name}.rtrace", recording.metadata))
        next_s, snapshot = 0.0, None
        for item in recording.items():
            for part, end_ns in steps(item):
                engine.feed(part)
                now_s = (end_ns - recording.metadata.start_ns) / 1e9
                if now_s >= min(next_s, at_s):
                    next_s, snapshot = now_s + _LOOK_S, observer.look(engine.so_far(), StreamHealth())
                if now_s >= at_s:
                    assert snapshot is not None
                    return snapshot
    raise AssertionError(f"{name} ends before {at_s} s")


def _is_input(case: Case) -> bool:
    return case.source.suffix == ".rtrace" or ".txt." in case.source.name


def _styles(app: LiveApp) -> Iterator[str]:
    filters = [each for each in app._filters if each.enabled]
    for row, strip in enumerate(app.screen._compositor.render_strips()):
        column, drawn = (
            0,
            reduce(lambda line, each: line.apply_filter(each, app.screen.styles.background), filters, strip),
        )
        for segment in drawn:
            style = str(segment.style).replace("on default", "").replace("default", "").strip() if segment.style else ""
            if style and style != "none" and segment.text.strip():
                yield f"{row}: {column}-{column + segment.cell_length} {style}"
            column += segment.cell_length
