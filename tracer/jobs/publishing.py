"""The recorder's side of metrics: it starts the process that tells them, and looks after it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ..errors import TracerError, printable
from ..recorder.handover import begin_apart
from ..terminal.messages import Messages, say
from .live_stream import first_identity
from .metrics_options import MetricsOptions
from .metrics_process import READY

_START_S: Final = 30.0
_GRACE_S: Final = 15.0
"""How long it may take to read the recording to its end."""
_ERROR: Final = "reclaim-tracer: error: "
_CHUNK: Final = 4096


class MetricsProcess:
    """A child that follows the recording at `path`. Whatever becomes of it, recording goes on."""

    def __init__(self, path: Path, options: MetricsOptions, messages: Messages, *, rotated: bool) -> None:
        """Start it, and wait until it says where the metrics are. Raises TracerError where it can't have its address or
        its file."""
        self._messages = messages
        self._text = b""
        self._last = ""
        self._is_told = False
        arguments = {
            "path": path,
            "before": first_identity(path, rotated=rotated),
            "recorder_pid": os.getpid(),
            "options": options,
            "rotated": rotated,
        }
        try:
            self._process = begin_apart(
                f"{__package__}.metrics_process",
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise TracerError(f"no process for metrics: {error.strerror}") from error
        assert self._process.stdout is not None
        self._descriptor = self._process.stdout.fileno()
        os.set_blocking(self._descriptor, False)
        try:
            self._await_ready()
        except BaseException:
            self._kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def look(self) -> None:
        """Say what it has said, and once if it has ended: the recorder calls this about once a second."""
        status = self._process.poll()
        for line in self._lines():
            self._take(line)
        if status is None or self._is_told:
            return
        self._is_told = True
        say(f"Metrics have ended ({_why(status, self._last)}); the recording goes on")

    def close(self) -> None:
        """Let it read the recording to its end, and wait for that; one that takes too long is killed."""
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._tell_end(self._process.wait(_GRACE_S))
        except subprocess.TimeoutExpired:
            say(f"Metrics have ended: their process took more than {_GRACE_S:.0f} s to read the last events")
        finally:
            self._kill()

    def _tell_end(self, status: int) -> None:
        for line in self._lines():
            self._take(line)
        if status and not self._is_told:
            say(f"Metrics have ended ({_why(status, self._last)})")

    def _take(self, line: str) -> None:
        if line.startswith(_ERROR):
            self._last = line.removeprefix(_ERROR)
        elif line.startswith(READY):
            self._messages.info(line)
        else:
            say(line)

    def _await_ready(self) -> None:
        until_s = time.monotonic() + _START_S
        while (left_s := until_s - time.monotonic()) > 0:
            select.select([self._descriptor], [], [], left_s)
            status = self._process.poll()
            for line in self._lines():
                self._take(line)
                if line.startswith(READY):
                    return
            if status is not None:
                error = TracerError(self._last or f"metrics: their process ended ({_why(status, '')})")
                error.exit_code = max(status, TracerError.exit_code)
                raise error
        raise TracerError(f"metrics: their process was not ready within {_START_S:.0f} s")

    def _lines(self) -> list[str]:
        with suppress(BlockingIOError):
            while more := os.read(self._descriptor, _CHUNK):
                self._text += more
        *whole, self._text = self._text.split(b"\n")
        return [printable(line.decode(errors="replace")) for line in whole]

    def _kill(self) -> None:
        """End it where it has not ended, and give back its streams."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()


def _why(status: int, error: str) -> str:
    if error:
        return error
    return f"status {status}" if status >= 0 else signal.Signals(-status).name
