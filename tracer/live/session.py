"""What a view asks of whoever follows a recording for it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from .model import Snapshot


class Session(Protocol):
    """A recording that is followed and analysed elsewhere; no method waits for either.

    What a key does answers with one line to be shown. Raises UsageError or another TracerError with one line where it
    can't be done.
    """

    @property
    def title(self) -> str:
        """What is followed: a file's name, `this machine`, `USER@GUEST`."""
        ...

    @property
    def can_mark(self) -> bool:
        """Whether marks can be written into the recording: it is this session's own recorder that writes it."""
        ...

    @property
    def can_save(self) -> bool:
        """Whether there is a stream in memory that `save` writes to a file."""
        ...

    def latest(self) -> Snapshot | None:
        """The newest state; None before the first."""
        ...

    def mark(self, words: str) -> str:
        """Put a mark into the recording, now."""
        ...

    def save(self) -> str:
        """Write what is kept in memory as a recording."""
        ...

    def report(self) -> str:
        """Begin a report of what there is so far; a later `message` says where it is."""
        ...

    def message(self) -> str | None:
        """Something that happened since, once: a report written, a recorder that ended."""
        ...

    def close(self) -> None:
        """Stop following; ends its own recorder in order."""
        ...


@runtime_checkable
class Player(Session, Protocol):
    """A finished recording that is played."""

    @property
    def length_s(self) -> float:
        """How long the recording is."""
        ...

    @property
    def speed(self) -> float:
        """Times real time."""
        ...

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        ...

    def pause(self, *, paused: bool) -> None:
        """Stand still, or go on."""
        ...

    def set_speed(self, speed: float) -> None:
        """Play so many times faster than real time."""
        ...

    def seek(self, to_s: float) -> None:
        """Go to this time, forwards or back."""
        ...

    def next_finding(self) -> str:
        """Go to where the next finding comes up, and stand still there."""
        ...
