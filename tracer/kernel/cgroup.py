"""The memory controller, cgroup v1 or v2: where it is, and a child cgroup that bounds a load."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Self

from ..errors import TracerError
from .paths import ROOT, mounts, read_text, under

_LIMIT_FILE: Final = {1: "memory.limit_in_bytes", 2: "memory.max"}
_USAGE_FILE: Final = {1: "memory.usage_in_bytes", 2: "memory.current"}
_REMOVE_TRIES: Final = 50
_REMOVE_PAUSE_S: Final = 0.02


@dataclass(frozen=True)
class MemoryController:
    """Cgroup `version` (1 or 2) of the memory controller, its mount, and this process's own cgroup in it."""

    version: int
    mount: Path
    own: Path


def find_memory_controller(root: Path = ROOT) -> MemoryController | None:
    """The memory controller this process can see, or None. v1 where both are mounted: a controller is in one only."""
    paths = _own_cgroups(root)
    for mount in mounts(root):
        if mount.fstype == "cgroup" and "memory" in mount.options and "memory" in paths:
            point = under(root, mount.point)
            return MemoryController(1, point, _below(point, mount.subtree, paths["memory"]))
    for mount in mounts(root):
        point = under(root, mount.point)
        if mount.fstype == "cgroup2" and "memory" in _words(point / "cgroup.controllers") and "" in paths:
            return MemoryController(2, point, _below(point, mount.subtree, paths[""]))
    return None


def cgroups_upwards(controller: MemoryController) -> Iterator[Path]:
    """This process's cgroup and those above it whose limits are its own, too, as far as they can be seen from here.

    Where a v1 cgroup says that it is not hierarchical (`memory.use_hierarchy` 0, before Linux 5.11), nothing of those
    below is counted in it.
    """
    for path in _upwards(controller.own, controller.mount):
        apart = controller.version == 1 and path != controller.own
        if apart and read_text(path, "memory.use_hierarchy") == "0":
            return
        yield path


class MemoryCgroup:
    """A child cgroup with a memory limit, there for the length of a `with` block.

    Raises TracerError where it can't be made. At exit its tasks go back to this process's own cgroup and it is
    removed; it is never removed under a task's feet.
    """

    def __init__(self, limit_bytes: int, name: str = "", root: Path = ROOT) -> None:
        self.limit_bytes = limit_bytes
        self.name = name or f"reclaim-tracer-{os.getpid()}"
        self._root = root
        self._enabled_in: Path | None = None

    def __enter__(self) -> Self:
        controller = find_memory_controller(self._root)
        if controller is None:
            raise TracerError(
                "no cgroup memory controller is mounted: mount cgroup2 with the memory controller enabled"
            )
        self.controller = controller
        self.path = self._parent() / self.name
        try:
            self.path.mkdir()
        except FileExistsError as error:
            raise TracerError(f"{self.path}: exists already: rmdir it or use another name") from error
        except OSError as error:
            raise TracerError(f"{self.path}: cannot make a memory cgroup: {error.strerror}; run as root") from error
        try:
            self._write(self.path / _LIMIT_FILE[controller.version], self.limit_bytes)
        except OSError as error:
            self._remove()
            raise TracerError(f"{self.path}: cannot set its limit: {error.strerror}; run as root") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for pid in self.pids():
            with suppress(OSError):
                self._write(self.controller.own / "cgroup.procs", pid)
        if not self._remove() and kind is None:
            raise TracerError(f"{self.path}: cannot remove the memory cgroup: tasks are still in it; rmdir it later")

    def add(self, pid: int) -> None:
        """Move a process here; memory it has already is not counted. Raises TracerError."""
        try:
            self._write(self.path / "cgroup.procs", pid)
        except OSError as error:
            raise TracerError(f"{self.path}: cannot move process {pid} into it: {error.strerror}") from error

    def pids(self) -> tuple[int, ...]:
        """The processes in it."""
        return tuple(int(word) for word in _words(self.path / "cgroup.procs"))

    @property
    def usage(self) -> int:
        """Bytes charged to it now: page cache, slab and process memory. Raises TracerError."""
        try:
            return int((self.path / _USAGE_FILE[self.controller.version]).read_text())
        except OSError as error:
            raise TracerError(f"{self.path}: cannot read its usage: {error.strerror}") from error

    def _parent(self) -> Path:
        own = self.controller.own
        if self.controller.version == 1:
            return own
        # v2 lets no cgroup with processes of its own (ours has them) hand controllers to children: try it, and go up.
        candidates = tuple(_upwards(own, self.controller.mount))
        for path in candidates:
            if "memory" in _words(path / "cgroup.subtree_control"):
                return path
        for path in candidates:
            with suppress(OSError):
                self._write(path / "cgroup.subtree_control", "+memory")
                self._enabled_in = path
                return path
        raise TracerError(
            f"{own}: no cgroup from here up can delegate the memory controller; run as root outside a container"
        )

    def _remove(self) -> bool:
        removed = self._remove_directory()
        if removed and self._enabled_in is not None:
            with suppress(OSError):
                self._write(self._enabled_in / "cgroup.subtree_control", "-memory")
        return removed

    def _remove_directory(self) -> bool:
        for _ in range(_REMOVE_TRIES):
            try:
                self.path.rmdir()
            except FileNotFoundError:
                return True
            except OSError:
                # An exiting task holds the cgroup for a moment after it has left `cgroup.procs`.
                time.sleep(_REMOVE_PAUSE_S)
            else:
                return True
        return False

    @staticmethod
    def _write(path: Path, value: object) -> None:
        # One unbuffered write, no O_CREAT: the kernel takes each write as one request.
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, str(value).encode())
        finally:
            os.close(fd)


def _own_cgroups(root: Path) -> dict[str, str]:
    """This process's cgroup by v1 controller; v2's under an empty name."""
    paths: dict[str, str] = {}
    for line in (read_text(root, "/proc/self/cgroup") or "").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        paths.update(dict.fromkeys(controllers.split(","), path))
    return paths


def _below(point: Path, subtree: str, path: str) -> Path:
    """`path` of /proc/self/cgroup below a mount of `subtree`; the mount itself where the path lies outside.

    A path outside of the cgroup namespace's root begins with `/..`.
    """
    try:
        below = PurePosixPath(path).relative_to(subtree)
    except ValueError:
        return point
    return point if ".." in below.parts else point / below


def _upwards(path: Path, top: Path) -> Iterator[Path]:
    yield path
    while path != top and top in path.parents:
        path = path.parent
        yield path


def _words(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text().split())
    except OSError:
        return ()
