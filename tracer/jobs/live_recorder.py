"""The recorder that a live view follows: a process of its own, here or on another machine by ssh."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ..errors import CannotTraceError, TracerError, UsageError, printable
from ..output_stream import STDOUT
from ..programs import find_program
from ..recorder.handover import begin_apart
from .record_options import RecordOptions

_HOST: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]-]*")
"""USER@GUEST or GUEST. What begins with a dash would be an option of ssh's, as `-oProxyCommand=...` that runs a
command."""
_MOST_LINES: Final = 64
_GRACE_S: Final = 10.0
"""How long a recorder may take to write its last blocks, and to make its end mark, before it is killed."""
_SSH_FAILED: Final = 255
"""ssh(1): "exits with the exit status of the remote command or with 255 if an error occurred"."""
_ERROR: Final = "reclaim-tracer: error: "


class RecorderProcess:
    """A child that records. `stdout` is its stream's descriptor, None where it writes a file itself.

    What it says on stderr is kept, the newest lines. The end of its standard input is the wish that it ends, where its
    output is a stream; a local one is sent SIGTERM, which also ends one that has not begun.
    """

    def __init__(self, process: subprocess.Popen[bytes], *, local: bool) -> None:
        self._process = process
        self._local = local
        self._told_to_end = False
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self.said: deque[str] = deque(maxlen=_MOST_LINES)
        """What it said last, oldest first; whoever shows it takes it away."""
        self._listener = threading.Thread(target=self._listen, name="recorder's words", daemon=True)
        self._listener.start()
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)

    @property
    def pid(self) -> int | None:
        """The recorder's process id; None where it is on another machine."""
        return self._process.pid if self._local else None

    @property
    def stdout(self) -> int | None:
        """The descriptor that its stream comes from."""
        return self._process.stdout.fileno() if self._process.stdout else None

    def poll(self) -> int | None:
        """Its exit status, negative the signal that killed it; None while it runs."""
        return self._process.poll()

    def mark(self, words: str) -> str:
        """Hand it a mark; the words as they are written. Raises UsageError where it takes none."""
        from ..recorder.marks import mark_words

        line = mark_words(words)
        if not line:
            raise UsageError("a mark needs words")
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), f"{line}\n".encode())
        except BlockingIOError:
            raise UsageError("the recorder takes no marks just now") from None
        except (OSError, ValueError):
            raise UsageError("the recorder has ended: it takes no more marks") from None
        return line

    def end(self) -> None:
        """Tell it to end in order; idempotent."""
        if self._process.stdin and not self._process.stdin.closed:
            with suppress(OSError):
                self._process.stdin.close()
            if self._local and self.poll() is None:
                self._told_to_end = True
                self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Its exit status once it has ended; one that does not is killed."""
        try:
            status = self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._listener.join(1.0)
        return status

    def close(self) -> None:
        """Give back its streams, once nobody reads from them any more; it has ended then."""
        self.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                with suppress(OSError):
                    stream.close()

    def failure(self) -> TracerError | None:
        """What its end comes to, once it has ended: None where that was in order."""
        status = self.wait()
        if status == 0 or (status == -signal.SIGTERM and self._told_to_end):
            return None
        if status < 0:
            who = "the recorder" if self._local else "ssh"
            return TracerError(f"{who} was ended by {_signal_name(-status)}")
        if not self._local and status == _SSH_FAILED:
            return TracerError(f"ssh failed: {self._lines[-1] if self._lines else 'it did not say why'}")
        error = TracerError(self._last_error() or f"the recorder ended with status {status}")
        error.exit_code = status
        return error

    def _last_error(self) -> str:
        """The reason that it gave."""
        errors = [line.removeprefix(_ERROR) for line in self._lines if line.startswith(_ERROR)]
        return errors[-1] if errors else self._lines[-1] if self._lines else ""

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if text := printable(line.decode(errors="replace").rstrip("\r\n")):
                self._lines.append(text)
                if not text.startswith(_ERROR):
                    self.said.append(text)


def start_here(options: RecordOptions) -> RecorderProcess:
    """Start the recorder on this machine. Raises CannotTraceError."""
    stdout = subprocess.PIPE if options.output == STDOUT else subprocess.DEVNULL
    try:
        process = begin_apart(
            f"{__package__}.recording_process",
            {"options": options},
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise CannotTraceError(f"the recorder can't be started: {error.strerror}") from error
    return RecorderProcess(process, local=True)


def start_at(host: str, arguments: Sequence[str]) -> RecorderProcess:
    """Start `reclaim-tracer record -o - --marks ARGUMENTS` on another machine. Raises UsageError, TracerError.

    ssh asks for no password: it has no terminal, which is the view's.
    """
    if not _HOST.fullmatch(host):
        raise UsageError(f"--host {printable(host)}: is no [USER@]MACHINE that ssh could be given")
    ssh = find_program("ssh")
    if ssh is None:
        raise UsageError("--host needs ssh, and there is none on this machine's PATH")
    import shlex

    command = shlex.join(["reclaim-tracer", "record", "-o", "-", "--marks", "--quiet", *arguments])
    try:
        process = subprocess.Popen(
            [str(ssh), "-T", "-e", "none", "-o", "BatchMode=yes", "--", host, command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise TracerError(f"{ssh}: can't be started: {error.strerror}") from error
    return RecorderProcess(process, local=False)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
