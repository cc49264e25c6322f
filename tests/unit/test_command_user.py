"""Whom --as-user names, and who is told why not."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tracer.collect import command_user
from tracer.collect.command_user import find_user
from tracer.commands.app import app
from tracer.errors import UsageError
from tracer.kernel.capabilities import Capability
from tracer.ownership import sudo_user

ALICE = pwd.struct_passwd(("alice", "x", 1234, 2345, "", "/home/alice", "/bin/zsh"))
NUMBER_AS_NAME = pwd.struct_passwd(("77", "x", 4321, 4321, "", "", ""))
BUILD = grp.struct_group(("build", "x", 500, ["alice"]))
MANY = 100


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root, on a machine with some users of its own."""

    def one_of(entries: dict[object, object]) -> object:
        def find(key: object) -> object:
            return entries[key]

        return find

    monkeypatch.setattr(pwd, "getpwnam", one_of({"alice": ALICE, "77": NUMBER_AS_NAME}))
    monkeypatch.setattr(pwd, "getpwuid", one_of({1234: ALICE}))
    monkeypatch.setattr(grp, "getgrnam", one_of({"build": BUILD}))
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid, *range(1, MANY)])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    hold(monkeypatch, Capability.CAP_SETUID, Capability.CAP_SETGID)


def hold(monkeypatch: pytest.MonkeyPatch, *capabilities: Capability) -> None:
    monkeypatch.setattr(command_user, "effective_capabilities", lambda: frozenset(capabilities))


@pytest.mark.parametrize(
    ("text", "uid", "gid"),
    [
        ("alice", 1234, 2345),
        ("1234", 1234, 2345),
        ("alice:build", 1234, 500),
        ("1234:501", 1234, 501),
        ("77", 4321, 4321),
        ("78:79", 78, 79),
    ],
)
def test_a_user_is_a_name_or_a_number_with_a_group_or_the_login_group(text: str, uid: int, gid: int) -> None:
    user = find_user(text)
    assert (user.uid, user.gid) == (uid, gid)


def test_a_user_has_all_groups_and_the_environment_of_a_login() -> None:
    user = find_user("1234")
    assert user.groups == (2345, *range(1, MANY))
    assert user.environment == {"HOME": "/home/alice", "LOGNAME": "alice", "SHELL": "/bin/zsh", "USER": "alice"}


def test_a_number_without_a_name_has_no_other_group_and_nothing_of_roots() -> None:
    user = find_user("78:79")
    assert user.groups == ()
    assert user.environment == {"HOME": "/", "LOGNAME": "78", "SHELL": "/bin/sh", "USER": "78"}


def test_what_the_accounts_leave_out_is_as_login_has_it() -> None:
    assert find_user("77").environment["HOME"] == "/"
    assert find_user("77").environment["SHELL"] == "/bin/sh"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bob", "there is no user 'bob'"),
        ("", "there is no user ''"),
        (":build", "there is no user ''"),
        ("4294967295:0", "there is no user '4294967295'"),
        ("9" * 5000, "there is no user '999"),
        ("-1:0", "there is no user '-1'"),
        ("\u0661:0", "there is no user"),
        ("alice:nosuch", "there is no group 'nosuch'"),
        ("alice:", "there is no group ''"),
        ("78", "user 78 has no login group here; name one: --as-user 78:GROUP"),
    ],
)
def test_who_is_not_there_is_named(text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        find_user(text)
    assert str(error.value).startswith(f"--as-user {text}: {said}")


def test_only_root_becomes_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UsageError, match=r"only root starts a command as another user \(try: sudo "):
        find_user("alice")


def test_a_root_without_the_power_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    hold(monkeypatch, Capability.CAP_SETGID)
    with pytest.raises(UsageError, match="--as-user alice: CAP_SETUID is missing"):
        find_user("alice")
    hold(monkeypatch)
    with pytest.raises(UsageError, match="CAP_SETGID and CAP_SETUID are missing"):
        find_user("alice")


def test_a_user_without_a_command_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["record", "--as-user", "alice"])
    assert result.exit_code == 2
    assert "--as-user needs a COMMAND" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("euid", "environment", "name"),
    [
        (0, {"SUDO_UID": "1234", "SUDO_USER": "alice"}, "alice"),
        (0, {"SUDO_UID": "0", "SUDO_USER": "root"}, ""),
        (0, {"SUDO_USER": "alice"}, ""),
        (0, {}, ""),
        (1234, {"SUDO_UID": "1234", "SUDO_USER": "alice"}, ""),
    ],
)
def test_who_is_behind_sudo(monkeypatch: pytest.MonkeyPatch, euid: int, environment: dict[str, str], name: str) -> None:
    for key in ("SUDO_UID", "SUDO_USER"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    assert sudo_user() == name
