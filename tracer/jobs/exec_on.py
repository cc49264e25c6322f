"""A command for each finding of some kinds, while a recording goes on: started, never waited for."""

from __future__ import annotations

import json
import os
import resource
import shlex
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..collect.command_user import CommandUser, find_user, nothing_inherited
from ..errors import UsageError, printable
from ..live.snapshot_json import finding_json
from ..ownership import sudo_user
from ..programs import find_program
from ..wording.numbers import plural

if TYPE_CHECKING:
    from ..analyze.model import Finding
    from ..live.model import Snapshot

_EVERY_S: Final = 1.0
_MOST_RUNNING: Final = 4
"""One a second at most, and no more than these at once: a command that hangs takes no more of the machine."""
_MOST_WAITING: Final = 64
"""Findings that come faster wait for their turn; those beyond it are left out, and counted."""
_MOST_KNOWN: Final = 4096


@dataclass(frozen=True)
class FindingCommand:
    """What `--exec-on` and `--exec-as` asked for: kinds, the words of a command, whose it is (None: this process's)."""

    kinds: frozenset[str]
    words: tuple[str, ...]
    user: CommandUser | None


def finding_command(kinds: Collection[str], text: str, run_as: str | None) -> FindingCommand:
    """Raises UsageError where there is no such command, or no such user.

    Without `run_as` a command of root's is that user's who ran sudo.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--exec-on: {printable(text)}: {error}") from error
    if not words:
        raise UsageError("--exec-on: the command is empty")
    name, *arguments = words
    program = Path(name) if os.sep in name else find_program(name)
    if program is None or not os.access(program, os.X_OK) or program.is_dir():
        raise UsageError(f"--exec-on: {printable(name)}: no such command, or it is not executable")
    user = run_as or sudo_user()
    who = find_user(user, "--exec-as") if user else None
    return FindingCommand(frozenset(kinds), (str(program.absolute()), *arguments), who)


class ExecOn:
    """Starts the command when a finding comes up, and once more when one that was told open is over.

    What comes while its turn is not there waits, as it was found last. `failed` counts commands that ended with another
    status than 0 or could not be started, `left_out` findings for which there was no room to wait.
    """

    def __init__(self, command: FindingCommand, clock: Callable[[], float] = time.monotonic) -> None:
        self.failed = self.left_out = 0
        self._command = command
        self._clock = clock
        self._next_s = clock()
        self._running: list[subprocess.Popen[bytes]] = []
        self._told: dict[int, bool] = {}
        self._waiting: dict[int, dict[str, Any]] = {}
        self._limits = resource.getrlimit(resource.RLIMIT_DATA)

    def looked(self, snapshot: Snapshot) -> None:
        """See whether there is something new to tell."""
        self._reap()
        for finding in reversed(snapshot.findings):
            if finding.kind in self._command.kinds and self._told.get(finding.id) not in (False, finding.open):
                self._told[finding.id] = finding.open
                self._wait(finding.id, _told(finding, snapshot))
        self._tell_next()
        while len(self._told) > _MOST_KNOWN:
            del self._told[next(iter(self._told))]

    def told(self) -> str:
        """What went wrong with it, as a line; empty where nothing did."""
        self._reap()
        failed = f"{plural(self.failed, 'command')} failed" * bool(self.failed)
        untold = self.left_out + len(self._waiting)
        left_out = f"{plural(untold, 'finding')} came too fast to be told" * bool(untold)
        said = ", ".join(filter(None, (failed, left_out)))
        return f"--exec-on: {said}" if said else ""

    def _wait(self, number: int, told: dict[str, Any]) -> None:
        if number in self._waiting or len(self._waiting) < _MOST_WAITING:
            self._waiting[number] = told
        else:
            self.left_out += 1

    def _tell_next(self) -> None:
        now_s = self._clock()
        if not self._waiting or now_s < self._next_s or len(self._running) >= _MOST_RUNNING:
            return
        self._next_s = now_s + _EVERY_S
        try:
            self._running.append(self._start(self._waiting.pop(next(iter(self._waiting)))))
        except OSError:
            self.failed += 1

    def _start(self, told: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        # All of it is there before the command begins: nobody waits for a reader.
        stdin = os.memfd_create("finding", os.MFD_CLOEXEC)
        try:
            os.write(stdin, json.dumps(told).encode() + b"\n")
            os.lseek(stdin, 0, os.SEEK_SET)
            with self._limits_as_they_were():
                if self._command.user is None:
                    return self._popen(stdin)
                with nothing_inherited(self._command.user):
                    return self._popen(stdin, self._command.user)
        finally:
            os.close(stdin)

    @contextmanager
    def _limits_as_they_were(self) -> Iterator[None]:
        """The analysis bounds this process's memory: that is no bound on the command's, which inherits it."""
        bound = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, self._limits)
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, bound)

    def _popen(self, stdin: int, user: CommandUser | None = None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command.words,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            env={**os.environ, **user.environment} if user else None,
        )

    def _reap(self) -> None:
        ended = [one for one in self._running if one.poll() is not None]
        self.failed += sum(one.returncode != 0 for one in ended)
        self._running = [one for one in self._running if one not in ended]


def _told(finding: Finding, snapshot: Snapshot) -> dict[str, Any]:
    source = snapshot.source
    return {**finding_json(finding), "now_s": snapshot.now_s, "host": source.host, "source": source.name}
