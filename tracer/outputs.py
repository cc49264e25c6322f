"""Every file that is written for the user: its mode, its owner, and never anything lost that was there before.

A folder is opened once and all that follows goes through its descriptor, so that nobody who may write to it, or to what
leads there, can have another file written, replaced or given away.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

from .errors import TracerError, shown
from .ownership import give_to_sudo_user

OPTION: Final = "-o"
"""What names an output on most commands' lines."""
PRIVATE: Final = 0o600
_TRIAL_BYTES: Final = 4096
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_NOT_REGULAR: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NameTakenError(TracerError):
    """Something has the name that a file was to get, and may not go."""


class FileIdentity(NamedTuple):
    """Which file it is, whatever its names are."""

    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileIdentity:
        """Of what was looked at."""
        return cls(status.st_dev, status.st_ino)


class NewFile:
    """A regular file under a name of its own beside `path`, until `publish` gives it that name.

    `what` is what it is to be (`a recording`); `inputs` are files that it is made from and must not replace; `folder`
    is its directory's descriptor, where that is held already; `option` is what names it on the command line.
    The file is locked (flock) as long as it is open: who wants to replace it then knows that it is still being written.
    """

    def __init__(
        self,
        path: Path,
        *,
        force: bool,
        mode: int = PRIVATE,
        what: str = "a recording",
        inputs: Iterable[Path] = (),
        folder: int | None = None,
        option: str = OPTION,
    ) -> None:
        """Raises NameTakenError where something is there that may not go, TracerError where nothing can be written.

        Nothing is left then.
        """
        self.path = path
        self._what, self._mode, self._option = what, mode, option
        self._name = f".{what.rsplit(maxsplit=1)[-1]}-{os.urandom(6).hex()}"
        self._published = False
        with self._refusals():
            self._folder = os.open(path.parent, _FOLDER) if folder is None else os.dup(folder)
        try:
            with self._refusals():
                self._replaces = self._may_replace(force, [*inputs])
                self.descriptor = self._create()
        except BaseException:
            os.close(self._folder)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, data: bytes) -> None:
        """Write the file's first bytes; nothing is left of it where that fails. Raises TracerError."""
        try:
            with self._refusals():
                write_at(self.descriptor, data, 0)
        except BaseException:
            self.close()
            raise

    def publish(self) -> None:
        """Give it its name; what was there goes, if it was allowed to. Raises as the constructor does."""
        try:
            with self._refusals():
                if self._replaces:
                    os.rename(self._name, self.path.name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
                else:
                    self._link()
            self._published = True
        except BaseException:
            self.close()
            raise

    @property
    def identity(self) -> FileIdentity:
        """Which file it is."""
        return FileIdentity.of(os.fstat(self.descriptor))

    def has_its_name(self) -> bool:
        """Whether the name it was given still leads to it: somebody may have removed or replaced it."""
        try:
            there = os.stat(self.path.name, dir_fd=self._folder, follow_symlinks=False)
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(self.descriptor))

    def close(self) -> None:
        """Close it; a file that was not published goes. Idempotent."""
        if self._folder < 0:
            return
        if not self._published:
            with contextlib.suppress(OSError):
                os.unlink(self._name, dir_fd=self._folder)
        os.close(self.descriptor)
        os.close(self._folder)
        self._folder = -1

    def _create(self) -> int:
        descriptor = os.open(self._name, _FLAGS, PRIVATE, dir_fd=self._folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(descriptor, self._mode)
            give_to_sudo_user(descriptor, os.fstat(self._folder))
        except BaseException:
            os.close(descriptor)
            os.unlink(self._name, dir_fd=self._folder)
            raise
        return descriptor

    def _link(self) -> None:
        """The name, if it is still free: also where the file system knows no hard links."""
        try:
            os.link(self._name, self.path.name, src_dir_fd=self._folder, dst_dir_fd=self._folder, follow_symlinks=False)
        except FileExistsError:
            raise NameTakenError(self._exists()) from None
        except OSError:
            self._may_replace(False, ())
            os.rename(self._name, self.path.name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        else:
            os.unlink(self._name, dir_fd=self._folder)

    def _may_replace(self, force: bool, inputs: Iterable[Path]) -> bool:
        """Whether a regular file is there that may go. Raises TracerError where something is there that may not."""
        try:
            there = os.stat(self.path.name, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        self._must_differ(there, inputs)
        if what := kind_of_file(there.st_mode):
            needs = f"{self._what} needs a regular file"
            raise NameTakenError(f"{shown(self.path)}: is {what}, {needs}; {self._elsewhere}")
        if not force:
            raise NameTakenError(self._exists())
        if self._is_being_written():
            by = "is being written by another process"
            raise NameTakenError(f"{shown(self.path)}: {by}; {self._elsewhere}")
        return True

    def _must_differ(self, there: os.stat_result, inputs: Iterable[Path]) -> None:
        for path in inputs:
            with contextlib.suppress(OSError):
                if os.path.samestat(there, path.stat()):
                    raise TracerError(
                        f"{shown(self.path)}: is the same file as the input {shown(path)}, which would be lost; "
                        f"{self._elsewhere}"
                    )

    def _is_being_written(self) -> bool:
        try:
            descriptor = os.open(
                self.path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._folder
            )
        except OSError:
            return False
        try:
            return is_locked(descriptor) or False
        finally:
            os.close(descriptor)

    @property
    def _elsewhere(self) -> str:
        return _elsewhere(self._option)

    def _exists(self) -> str:
        return f"{shown(self.path)}: exists already; overwrite it with --force or {self._elsewhere}"

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except IsADirectoryError as error:
            raise NameTakenError(_refusal(self.path, self._what, error, self._option)) from error
        except OSError as error:
            raise TracerError(_refusal(self.path, self._what, error, self._option)) from error


def hold_folder_of(path: Path) -> int:
    """A descriptor of the directory that a recording's file lies in. Raises TracerError."""
    try:
        return os.open(path.parent, _FOLDER)
    except OSError as error:
        raise TracerError(_refusal(path, "a recording", error, OPTION)) from error


def check_output(
    path: Path, *, force: bool, what: str = "a recording", inputs: Iterable[Path] = (), option: str = OPTION
) -> None:
    """Try whether a file could be made at `path`: a page is written beside it and removed. Raises TracerError."""
    with NewFile(path, force=force, what=what, inputs=inputs, option=option) as trial:
        trial.start(bytes(_TRIAL_BYTES))


def write_file(
    path: Path,
    data: bytes,
    *,
    force: bool,
    what: str,
    mode: int = PRIVATE,
    inputs: Iterable[Path] = (),
    option: str = OPTION,
) -> None:
    """A file with this content, whole or not at all. Raises TracerError."""
    with NewFile(path, force=force, mode=mode, what=what, inputs=inputs, option=option) as file:
        file.start(data)
        file.publish()


def make_folders(path: Path) -> None:
    """A folder and those above it that are missing, each its user's under sudo. Raises OSError."""
    missing = [each for each in (path, *path.parents) if not os.path.lexists(each)]
    if not missing:
        os.close(os.open(path, _FOLDER))
        return
    above = os.open(missing[-1].parent, _FOLDER)
    try:
        for folder in reversed(missing):
            os.mkdir(folder.name, dir_fd=above)
            made = os.open(folder.name, _FOLDER | os.O_NOFOLLOW, dir_fd=above)
            if not os.listdir(made):  # noqa: PTH208 - of a descriptor
                give_to_sudo_user(made, os.fstat(above))
            os.close(above)
            above = made
    finally:
        os.close(above)


def is_locked(descriptor: int) -> bool | None:
    """Whether somebody else has the file locked (flock), as a recorder has its own; None where locks can't tell."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def write_at(descriptor: int, data: bytes, offset: int) -> None:
    """All of `data` at `offset`. Raises OSError."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def kind_of_file(mode: int) -> str | None:
    """What a file is that is no regular one: `a directory`, `a pipe`; None for a regular file."""
    if stat.S_ISREG(mode):
        return None
    return next((name for test, name in _NOT_REGULAR if test(mode)), "no regular file")


def _refusal(path: Path, what: str, error: OSError, option: str) -> str:
    if error.errno == errno.ENOENT and not path.parent.exists():
        advice = f"create it or {_elsewhere(option)}"
        return f"{shown(path)}: the directory {shown(path.parent)} does not exist; {advice}"
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{shown(path)}: can't write {what} there: {reason}; {_elsewhere(option)}"


def _elsewhere(option: str) -> str:
    return f"choose another path with {option}"
