"""Sessions and players whose states are given, and a view of them without a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from textual.pilot import Pilot

from tracer.errors import UsageError
from tracer.live.model import Snapshot
from tracer.screen.app import LiveApp

T = TypeVar("T")
Act = Callable[[Pilot[None]], Awaitable[None]]


class GivenSession:
    """Shows what it is given, and notes what it was asked for."""

    title = "guest.rtrace"

    def __init__(self, snapshot: Snapshot | None, *, can_mark: bool = True, can_save: bool = True) -> None:
        self.snapshot = snapshot
        self.can_mark, self.can_save = can_mark, can_save
        self.asked: list[Any] = []
        self.messages: list[str] = []
        self.looks = 0

    def latest(self) -> Snapshot | None:
        self.looks += 1
        return self.snapshot

    def mark(self, words: str) -> str:
        self.asked.append(("mark", words))
        return f"marked: {words}"

    def save(self) -> str:
        self.asked.append("save")
        raise UsageError("can't save to /x.rtrace: [red]disk full")

    def report(self) -> str:
        self.asked.append("report")
        return "writing a report"

    def message(self) -> str | None:
        return self.messages.pop(0) if self.messages else None

    def close(self) -> None:
        self.asked.append("close")


class GivenPlayer(GivenSession):
    """A player of one state."""

    length_s = 58.0

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot, can_mark=False, can_save=False)
        self.speed = 1.0
        self.paused = False

    def pause(self, *, paused: bool) -> None:
        self.paused = paused

    def set_speed(self, speed: float) -> None:
        self.speed = speed

    def seek(self, to_s: float) -> None:
        self.asked.append(("seek", to_s))

    def next_finding(self) -> str:
        self.asked.append("next")
        return "at finding 2 of 3"


def lines_of(app: LiveApp) -> list[str]:
    """What is on the screen, the topmost screen's alone where it covers the others."""
    return ["".join(segment.text for segment in strip).rstrip() for strip in app.screen._compositor.render_strips()]


def viewed(session: GivenSession, *acts: Act, size: tuple[int, int] = (80, 24), **options: Any) -> list[str]:
    """The screen's lines after these acts, each followed by a look at the session."""
    return lines_and_app(session, *acts, size=size, **options)[0]


def lines_and_app(
    session: GivenSession, *acts: Act, size: tuple[int, int] = (80, 24), **options: Any
) -> tuple[list[str], LiveApp]:
    """The same, and the application as it was then."""

    async def look(pilot: Pilot[None]) -> tuple[list[str], LiveApp]:
        assert isinstance(pilot.app, LiveApp)
        return lines_of(pilot.app), pilot.app

    return view(session, look, *acts, size=size, **options)


def view(
    session: GivenSession,
    look: Callable[[Pilot[None]], Awaitable[T]],
    *acts: Act,
    size: tuple[int, int] = (80, 24),
    **options: Any,
) -> T:
    """What a look at the view gives after these acts."""

    async def run() -> T:
        app = LiveApp(session, **options)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            for act in acts:
                await act(pilot)
                await settle(pilot)
            return await look(pilot)

    # In a thread of its own: a browser that other tests have open keeps an event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(run())).result()


async def settle(pilot: Pilot[None]) -> None:
    """Have the application look at its session, and draw."""
    await pilot.pause()
    pilot.app.tick()
    await pilot.pause()


def pressing(*keys: str) -> Act:
    """Keys, one after the other."""

    async def act(pilot: Pilot[None]) -> None:
        await pilot.press(*keys)

    return act
