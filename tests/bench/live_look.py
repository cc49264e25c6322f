"""A view, watched from inside: `python -m tests.bench.live_look COPY RESULT [--screen] < STREAM`.

Follows a recording on standard input as `live -` does, and keeps a copy of what it read. At its end it writes JSON: for
each snapshot the time (CLOCK_MONOTONIC, ns) at which it was there, or with `--screen` on the terminal, and how many
events it holds; and how much memory the process had at most. It ends with the stream; the screen at SIGTERM.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tracer.analyze import Options
from tracer.jobs.live_analysis import LiveAnalysis
from tracer.jobs.live_costs import observing
from tracer.jobs.live_session import LiveSession
from tracer.jobs.live_stream import Backlog
from tracer.live.model import Snapshot
from tracer.store.feeds import STDIN, Feed, feed_of

from .analysis import memory_bytes


class Copied:
    """A feed whose bytes are also written to a file."""

    def __init__(self, feed: Feed, copy: Path) -> None:
        self.path = feed.path
        self._feed = feed
        self._copy = copy.open("wb")

    def read(self) -> bytes | None:
        """As Feed.read."""
        data = self._feed.read()
        self._copy.write(data or b"")
        if data == b"":
            self._copy.close()
        return data

    def part_ended(self) -> None:
        """As Feed.part_ended."""
        self._feed.part_ended()


class Drawing(LiveSession):
    """A session that notes what the screen takes, and when something has been written to the terminal after that."""

    shown: list[tuple[int, int]]
    _taken: Snapshot | None = None
    _is_new = False

    def latest(self) -> Snapshot | None:
        """As `Session.latest`."""
        snapshot = super().latest()
        self._is_new |= snapshot is not self._taken
        self._taken = snapshot
        return snapshot

    def written(self) -> None:
        """Something has been written."""
        if self._is_new and self._taken:
            self._is_new = False
            self.shown.append((time.monotonic_ns(), self._taken.flow.events))


def draw(session: Drawing) -> None:
    """The screen, to its end."""
    from tracer.screen.app import run
    from tracer.screen.terminal_driver import Drawn

    write = Drawn.write

    def noting(drawn: Drawn, text: str) -> int:
        length = write(drawn, text)
        session.written()
        return length

    Drawn.write = noting  # type: ignore[method-assign]
    run(session)


def main(copy: Path, result: Path, *, screen: bool) -> None:
    """Follow to the end."""
    looks: list[tuple[int, int]] = []

    def looked(snapshot: Snapshot) -> None:
        if not screen:
            looks.append((time.monotonic_ns(), snapshot.flow.events))

    feed = Backlog(Copied(feed_of(STDIN), copy))
    analysis = LiveAnalysis(
        feed, Options(), lambda it: observing(it, recorder_pid=None, is_written=True), looked=looked
    )
    if screen:
        session = Drawing("stream", analysis, halt=feed.halt)
        session.shown = looks
        draw(session)
    analysis.over.wait()
    if analysis.failure:
        raise analysis.failure
    result.write_text(json.dumps({"looks": looks, "memory_bytes": memory_bytes("VmHWM")}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), screen="--screen" in sys.argv)
