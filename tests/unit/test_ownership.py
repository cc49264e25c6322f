"""What root writes under sudo belongs to the user behind it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracer.ownership import give_to_sudo_user


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Who was given what, by a root that isn't one."""
    calls: list[tuple[str, int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, uid, gid, **_: calls.append((Path(path).name, uid, gid)))
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setenv("SUDO_GID", "1001")
    return calls


def test_files_and_directories_are_given_links_and_devices_are_not(given, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    paths = (tmp_path / "file", tmp_path, tmp_path / "link", Path(os.devnull), tmp_path / "not-there")
    give_to_sudo_user(*paths)
    assert given == [("file", 1000, 1001), (tmp_path.name, 1000, 1001)]


@pytest.mark.parametrize("uid", ["", "-1", "root"])
def test_without_sudo_nothing_is_given(given, tmp_path, monkeypatch, uid):
    monkeypatch.setenv("SUDO_UID", uid)
    give_to_sudo_user(tmp_path)
    assert given == []


def test_an_owner_that_cannot_be_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "9" * 30)
    monkeypatch.setenv("SUDO_GID", "1")
    before = tmp_path.stat().st_uid
    give_to_sudo_user(tmp_path)
    assert tmp_path.stat().st_uid == before
