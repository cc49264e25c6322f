"""A folder of files that is there whole in the end, or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from .errors import TracerError, shown
from .outputs import PRIVATE, NameTakenError
from .ownership import give_to_sudo_user

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_PRIVATE_FOLDER: Final = 0o700
_BUFFER_BYTES: Final = 1 << 20
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class _File(io.BufferedWriter):
    """A file that takes what is written after it was given up: libraries write their footers even then."""

    given_up = False

    def write(self, data: Buffer) -> int:
        return memoryview(data).nbytes if self.given_up else super().write(data)

    def flush(self) -> None:
        if not self.given_up:
            super().flush()

    def give_up(self) -> None:
        """Close it without what it holds. Idempotent."""
        self.given_up = True
        self.raw.close()


class NewFolder:
    """A folder under a name of its own beside `path`, until `publish` gives it that name.

    `what` is what it is to be (`an export`). A folder that is there and holds something may go with `force`, if all in
    it is of names that `is_ours` knows (relative to it): nobody's other files are ever removed.
    """

    def __init__(self, path: Path, *, force: bool, what: str, is_ours: Callable[[Path], bool]) -> None:
        """Raises NameTakenError where something is there that may not go, TracerError where nothing can be written."""
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - symbolic links stay
        self._shown, self._what = shown(path), what
        self._is_ours, self._force = is_ours, force
        self.written_bytes = 0
        self._old = self._may_replace()
        self._made = self.path.with_name(f".{what.rsplit(maxsplit=1)[-1]}-{os.urandom(6).hex()}")
        with self.refusals():
            _make(self._made, self.path.parent)
        self._published = False
        self._files: list[_File] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._published:
            for file in self._files:
                file.give_up()
            shutil.rmtree(self._made, ignore_errors=True)

    def create(self, name: str) -> BinaryIO:
        """A new file in it, by its path inside; whoever writes it may leave it open. Raises OSError."""
        path = self._made / name
        if not path.parent.is_dir():
            _make(path.parent, self._made)
        descriptor = os.open(path, _FLAGS, PRIVATE)
        give_to_sudo_user(descriptor, path.parent.stat())
        self._files.append(file := _File(io.FileIO(descriptor, "wb"), _BUFFER_BYTES))
        return file

    def publish(self) -> None:
        """Give it its name; what was there goes, if it was allowed to. Raises as the constructor does."""
        self._old = self._may_replace()
        with self.refusals():
            for file in self._files:
                file.close()
            self.written_bytes = sum(file.stat().st_size for file in _files(self._made))
            if not self._old:
                self._made.rename(self.path)
                self._published = True
                return
            aside = self._made.with_name(f"{self._made.name}-old")
            self.path.rename(aside)
            self._made.rename(self.path)
            self._published = True
            shutil.rmtree(aside)

    @contextlib.contextmanager
    def refusals(self) -> Iterator[None]:
        """In here an OSError is a TracerError that says what can't be written."""
        try:
            yield
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise TracerError(
                f"{self._shown}: can't write {self._what} there: {reason}; choose another path with -o"
            ) from error

    def _may_replace(self) -> bool:
        """Whether something is there that goes; an empty folder is as good as none."""
        if not os.path.lexists(self.path):
            return False
        if self.path.is_symlink() or not self.path.is_dir():
            raise NameTakenError(
                f"{self._shown}: is no folder, {self._what} in files needs one; choose another path with -o"
            )
        with self.refusals():
            found = [each.relative_to(self.path) for each in _files(self.path)]
        if not found:
            return False
        if not self._force:
            raise NameTakenError(
                f"{self._shown}: is not empty; overwrite it with --force or choose another path with -o"
            )
        if other := next((each for each in found if not self._is_ours(each)), None):
            raise NameTakenError(
                f"{self._shown}: holds {shown(other)}, which is of no export; choose another path with -o"
            )
        return True


def _files(folder: Path) -> Iterable[Path]:
    """All that is in it and is no folder."""
    for above, folders, names in os.walk(folder, onerror=_raise):
        links = [name for name in folders if (Path(above) / name).is_symlink()]
        yield from (Path(above) / name for name in (*names, *links))


def _raise(error: OSError) -> None:
    raise error


def _make(path: Path, inside: Path) -> None:
    path.mkdir(_PRIVATE_FOLDER)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        give_to_sudo_user(descriptor, inside.stat())
    finally:
        os.close(descriptor)
