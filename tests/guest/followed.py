"""A recording that leaves a small guest as it is made and is analysed here: `python -m tests.guest.followed`.

`record -o -` writes into a virtio port. Here its bytes are followed, and kept in a file. The guest is one of `small`'s.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO, Final

import tracer
from tracer.analyze import Options
from tracer.jobs.analysis import WHOLE, analyse
from tracer.store import FollowedRecording
from tracer.store.feeds import PipeFeed
from tracer.wording.summary import summary_json

from .carried import carry
from .guest import Guest
from .kernels import FULL, KERNELS
from .lab import Lab
from .machine import Hardware, why_impossible
from .recorder import WAIT_S
from .small import HELD_MIB, LOOK_S, Row, SmallGuest
from .small_table import HEAD, row_text
from .ways import PROGRAMS, WAYS, on

FLUSH_S: Final = 0.2
MEMORY_MIB: Final = 192
"""The smallest in which carried programs start without being forced to."""


class PortFeed(PipeFeed):
    """What comes out of a port, `copy` gets it, too. It ends with the end mark: the port stays open behind it."""

    def __init__(self, port: socket.socket, copy: BinaryIO) -> None:
        super().__init__(port.fileno(), Path(copy.name))
        self._copy, self._has_ended = copy, False

    def read(self) -> bytes | None:
        """As Feed.read."""
        data = b"" if self._has_ended else super().read()
        self._copy.write(data or b"")
        return data

    def part_ended(self) -> None:
        """There is no more."""
        self._has_ended = True


class Follower:
    """Analyses a recording while it is made in a guest. `device` is what to write it to there, `copy` has its bytes."""

    def __init__(self, guest: Guest, copy: Path) -> None:
        self.copy = copy
        self.device, self._port = guest.stream()
        self._found: Future[dict[str, Any]] = Future()
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def summary(self) -> dict[str, Any]:
        """What was found in the stream, once it has ended. Raises what following it raised."""
        return self._found.result(WAIT_S)

    def close(self) -> None:
        """End it here, wherever it is; idempotent."""
        with suppress(OSError):
            self._port.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._port.close()

    def _follow(self) -> None:
        try:
            with self.copy.open("wb") as copy:
                part = WHOLE.part(FollowedRecording(PortFeed(self._port, copy)))
                analysis = analyse(part, Options())
            self._found.set_result(summary_json(analysis, part.facts(analysis.accounting.lost)))
        except Exception as error:  # noqa: BLE001 - whoever waits for the result has to learn of it
            self._found.set_exception(error)


class FollowedGuest(SmallGuest):
    """Its recorder writes into the port of a follower."""

    def __init__(self, lab: Lab, row: Row, running_s: float, follower: Follower) -> None:
        super().__init__(lab, row, WAYS[PROGRAMS], running_s)
        self._follower = follower

    def command(self) -> tuple[str, ...]:
        """As SmallGuest.command."""
        record = ("reclaim-tracer", "record", "-o", "-", "--flush", f"{FLUSH_S}", *WAYS[PROGRAMS])
        return "sh", "-c", f"exec {shlex.join(record)} >{self._follower.device}"

    def fetch(self, target: Path) -> None:
        """It has come already."""
        self._follower.summary()
        shutil.copyfile(self._follower.copy, target)


@dataclass(frozen=True)
class Followed:
    """What following told, what the same bytes tell as a file, and what the guest paid.

    `queue_bytes` is the recorder's for events that it has not written yet, as it says itself.
    """

    stream: dict[str, Any]
    file: dict[str, Any]
    row: Row
    queue_bytes: int | None


def follow(kernel: str, folder: Path, running_s: float = LOOK_S, memory_mib: int = MEMORY_MIB) -> Followed:
    """Record in a small guest by carried programs, and follow that. Raises LabError, RecordingError."""
    row = Row(kernel, memory_mib, PROGRAMS)
    machine = Hardware(memory_mib=memory_mib + HELD_MIB, balloon=(), stream=True)
    with Guest(kernel, on(machine, PROGRAMS)) as guest:
        carry(guest)
        with _followed(guest, folder / "stream.rtrace") as follower:
            FollowedGuest(Lab(guest), row, running_s, follower).run(folder)
            if not row.recorded:
                raise guest.error(f"nothing was recorded: {row.state}\n{row.said}")
            stream = follower.summary()
    file = tracer.open(follower.copy)
    return Followed(stream, file.summary(), row, file.metadata.queue_bytes)


@contextmanager
def _followed(guest: Guest, copy: Path) -> Iterator[Follower]:
    follower = Follower(guest, copy)
    try:
        yield follower
    finally:
        follower.close()


def main() -> int:
    """1 where something was lost, or stream and file do not tell the same."""
    options = _parser().parse_args()
    if reason := why_impossible():
        print(f"guests: {reason}", file=sys.stderr)
        return 3
    options.output.mkdir(parents=True, exist_ok=True)
    found = follow(options.kernel, options.output, options.seconds, options.memory)
    (options.output / "followed.json").write_text(json.dumps(asdict(found)))
    print(f"{HEAD}\n{row_text(asdict(found.row))}")
    for name, held in found.row.resident_kib.items():
        print(f"{name}: {held} kB")
    recording = found.stream["recording"]
    kinds = sorted(finding["kind"] for finding in found.stream["findings"])
    print(f"{recording['events']:,} events, {recording['lost']:,} lost; findings: {', '.join(kinds) or 'none'}")
    print(f"queue: {found.queue_bytes} bytes; ring and all: {found.row.held['running']}")
    print(f"stream and file tell the same: {'yes' if found.stream == found.file else 'NO'}")
    return int(found.stream != found.file or recording["lost"] != 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.guest.followed", description=__doc__)
    parser.add_argument("--kernel", default=FULL, choices=sorted(KERNELS))
    parser.add_argument("--memory", type=int, default=MEMORY_MIB, metavar="MIB", help="what the balloon leaves")
    parser.add_argument("--seconds", type=float, default=LOOK_S, help="of the guest's time, before the storm")
    parser.add_argument("-o", "--output", type=Path, default=Path("out/followed"), metavar="FOLDER")
    return parser


if __name__ == "__main__":
    sys.exit(main())
