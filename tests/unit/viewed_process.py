"""A view in a process of its own: `python viewed_process.py WHAT` shows a written state on its terminal."""

from __future__ import annotations

import sys
from dataclasses import replace

from live_sessions import GivenSession
from live_snapshots import storm

from tracer.errors import RecordingError
from tracer.live.model import Snapshot
from tracer.screen.app import run
from tracer.terminal.exit_codes import run_to_exit


class Failing(GivenSession):
    """Fails when it is asked for a report."""

    def report(self) -> str:
        raise ZeroDivisionError("made to fail")


class Unreadable(GivenSession):
    """Fails as recordings do, in the middle of it."""

    def message(self) -> str | None:
        raise RecordingError("x.rtrace: [red]damaged")


class Changing(GivenSession):
    """Has another state at every look."""

    def latest(self) -> Snapshot | None:
        self.snapshot = replace(storm(), now_s=26.3 + self.looks)
        return super().latest()


def main(what: str) -> None:
    session = {"given": GivenSession, "failing": Failing, "unreadable": Unreadable, "changing": Changing}[what](storm())
    run(session)
    if what != "changing":
        sys.stdout.write(f"the view has ended, asked: {session.asked}\n")


if __name__ == "__main__":
    run_to_exit(lambda: main(sys.argv[1]))
