"""Paths of cgroups by their numbers, which are those of their directories' inodes."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final, Self

from .paths import ROOT, Mount, mounts, under

_HANDLE: Final = struct.Struct("=IiQ")
_FILEID_KERNFS: Final = 0xFE
"""struct file_handle with a kernfs node's number in it: include/linux/exportfs.h."""
_DELETED: Final = " (deleted)"
"""What d_path() in fs/d_path.c puts behind the path of a directory that has gone."""
_MOST_WALKED: Final = 1 << 16
"""Directories looked at in one walk."""
_MOST_KEPT: Final = 1 << 13
"""Of these, those kept from the walk at the start: some hundred bytes each."""
_WALK_GAP_S: Final = 5.0


class Hierarchy(StrEnum):
    """Whose cgroups are meant: those of the memory controller (v1), or the unified ones (v2)."""

    MEMORY = "memory"
    UNIFIED = "unified"


class CgroupPaths:
    """Finds paths below the root of one hierarchy, as this process sees it. A context manager."""

    def __init__(self, hierarchy: Hierarchy, root: Path = ROOT) -> None:
        self._mount = _mount_of(hierarchy, root)
        self._point = under(root, self._mount.point) if self._mount else root
        self._descriptor = _opened(self._point) if self._mount else -1
        self._handles = self._descriptor >= 0
        # Those that there are now: some will have gone when they are first seen in an event.
        self._walked: dict[int, str] = dict(islice(self._walk(), _MOST_KEPT)) if self._mount else {}
        self._walked_s = time.monotonic()

    def path(self, cgroup_id: int) -> str | None:
        """The cgroup's path (`/` for the root); None where it can't be seen from here, or has come and gone; empty
        where only the next walk will tell.

        By its file handle, a microsecond or two; of one that has gone by a walk over the hierarchy at the start. Where
        handles are refused (no CAP_DAC_READ_SEARCH) by further walks, at most one every few seconds.
        """
        if self._descriptor < 0:
            return None
        if self._handles:
            try:
                return self._below(self._by_handle(cgroup_id))
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
                    return self._remembered(cgroup_id)
                self._handles = False
        return self._by_walk(cgroup_id)

    def close(self) -> None:
        """Give back the descriptor; idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _by_handle(self, cgroup_id: int) -> str:
        """Where the kernel says that directory is. Raises OSError."""
        handle = ctypes.create_string_buffer(_HANDLE.pack(8, _FILEID_KERNFS, cgroup_id))
        libc = ctypes.CDLL(None, use_errno=True)
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            descriptor = int(libc.open_by_handle_at(self._descriptor, handle, flags))
        except AttributeError as error:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from error
        if descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        try:
            return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - the text, not a path that is there
        finally:
            os.close(descriptor)

    def _below(self, place: str) -> str | None:
        """The part of an absolute path below the mount; None where it is not below."""
        point = str(self._point)
        if place == point:
            return self._subtree or "/"
        if not place.startswith(f"{point}/"):
            return None
        return self._subtree + place[len(point) :].removesuffix(_DELETED)

    @property
    def _subtree(self) -> str:
        """What lies above the mount; empty at the hierarchy's root, and where the kernel tells only `/..` of it."""
        subtree = self._mount.subtree if self._mount else "/"
        return "" if subtree == "/" or subtree.startswith("/..") else subtree

    def _by_walk(self, cgroup_id: int) -> str | None:
        now_s = time.monotonic()
        if cgroup_id not in self._walked:
            if now_s < self._walked_s + _WALK_GAP_S:
                return ""
            self._walked_s = now_s
            self._walked = dict(self._walk())
        return self._remembered(cgroup_id)

    def _remembered(self, cgroup_id: int) -> str | None:
        """From the last walk."""
        place = self._walked.get(cgroup_id)
        return None if place is None else self._below(place)

    def _walk(self) -> Iterator[tuple[int, str]]:
        """Numbers and places of the directories there are, at most _MOST_WALKED."""
        with suppress(OSError):
            yield self._point.stat().st_ino, str(self._point)
        waiting, found = [str(self._point)], 1
        while waiting:
            for entry in _folders(waiting.pop()):
                if found == _MOST_WALKED:
                    return
                found += 1
                waiting.append(entry.path)
                yield entry.inode(), entry.path


def _mount_of(hierarchy: Hierarchy, root: Path) -> Mount | None:
    for mount in mounts(root):
        if hierarchy is Hierarchy.UNIFIED and mount.fstype == "cgroup2":
            return mount
        if hierarchy is Hierarchy.MEMORY and mount.fstype == "cgroup" and "memory" in mount.options:
            return mount
    return None


def _opened(place: Path) -> int:
    try:
        return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1


def _folders(place: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
