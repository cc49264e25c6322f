"""What root writes under sudo belongs to the user behind it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tracer.outputs import make_folders
from tracer.ownership import give_to_sudo_user

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changing a file's owner needs root")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Which inode was given to whom, by a root that isn't one."""
    calls: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda file, uid, gid: calls.append((os.fstat(file).st_ino, uid, gid)))
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_GID", "1001")
    return calls


def folder_of(mode: int, uid: int = 0, gid: int = 0) -> os.stat_result:
    return os.stat_result((stat.S_IFDIR | mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))


def give(path: Path | str, folder: os.stat_result) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        give_to_sudo_user(descriptor, folder)
    finally:
        os.close(descriptor)


def test_files_and_directories_are_given_devices_are_not(given, tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path, os.devnull):
        give(path, folder_of(0o777))
    assert given == [((tmp_path / "file").stat().st_ino, 1000, 1001), (tmp_path.stat().st_ino, 1000, 1001)]


@pytest.mark.parametrize(
    ("folder", "is_given"),
    [
        (folder_of(0o755, uid=1000), True),
        (folder_of(0o555, uid=1000), False),
        (folder_of(0o755), False),
        (folder_of(0o1777), True),
        (folder_of(0o775, gid=1001), True),
        (folder_of(0o757, gid=1001), False),
    ],
)
def test_only_what_the_user_could_have_made_there_is_given(given, tmp_path, folder, is_given):
    give(tmp_path, folder)
    assert bool(given) is is_given


@pytest.mark.parametrize("uid", ["", "-1", "root"])
def test_without_sudo_nothing_is_given(given, tmp_path, monkeypatch, uid):
    monkeypatch.setenv("SUDO_UID", uid)
    give(tmp_path, folder_of(0o777))
    assert given == []


def test_an_owner_that_cannot_be_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "9" * 30)
    monkeypatch.setenv("SUDO_GID", "1")
    before = tmp_path.stat().st_uid
    give(tmp_path, folder_of(0o777))
    assert tmp_path.stat().st_uid == before


@needs_root
def test_folders_that_are_made_are_the_users_and_others_stay_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "1234")
    (tmp_path / "there").mkdir()
    os.chown(tmp_path / "there", 1234, 1234)
    make_folders(tmp_path / "there" / "a" / "b")
    make_folders(tmp_path / "roots" / "own")
    owners = [(tmp_path / name).stat().st_uid for name in ("there/a", "there/a/b", "roots", "roots/own")]
    assert owners == [1234, 1234, 0, 0]


def test_a_link_in_the_place_of_a_folder_to_be_made_is_no_folder(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError, match="No such file or directory"):
        make_folders(tmp_path / "link")
