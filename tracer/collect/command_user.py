"""Another user for the command that is traced, as --as-user names it."""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError
from ..kernel.capabilities import Capability, effective_capabilities, names
from ..kernel.remedies import run_as_root

_MOST_ID: Final = (1 << 32) - 2
"""(uid_t)-1 means "as it is" in setresuid(2)."""
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_TAKES: Final = (Capability.CAP_SETGID, Capability.CAP_SETUID)
_CAPABILITY_VERSION: Final = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3, include/uapi/linux/capability.h."""


@dataclass(frozen=True)
class CommandUser:
    """A user with groups; `environment` is what sudo(8) sets for a command: HOME, LOGNAME, SHELL and USER."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    environment: Mapping[str, str]


def find_user(text: str, option: str = "--as-user") -> CommandUser:
    """The user of `NAME` or `UID`, with the group of `:GROUP` instead of the login group, as the `option` names it.

    A name comes before a number, as with chown(1). Raises UsageError where there is none, and where this process may
    not become another user.
    """
    wanted, colon, group = text.partition(":")
    account, number = _account(wanted), _number(wanted)
    if account is None and number is None:
        raise UsageError(f"{option} {text}: there is no user {wanted!r}")
    if account is None and not colon:
        raise UsageError(f"{option} {text}: user {wanted} has no login group here; name one: {option} {wanted}:GROUP")
    gid = _group(f"{option} {text}", group) if colon else account.pw_gid if account else 0
    _require_power(f"{option} {text}")
    if account is None:
        environment = {"HOME": "/", "LOGNAME": wanted, "SHELL": "/bin/sh", "USER": wanted}
        return CommandUser(wanted, number or 0, gid, (), environment)
    name = account.pw_name
    home, shell = account.pw_dir or "/", account.pw_shell or "/bin/sh"
    environment = {"HOME": home, "LOGNAME": name, "SHELL": shell, "USER": name}
    return CommandUser(name, account.pw_uid, gid, tuple(os.getgrouplist(name, gid)), environment)


@contextmanager
def nothing_inherited(user: CommandUser) -> Iterator[None]:
    """What this thread starts inside has the user's supplementary groups, and no capability of this process's.

    Becoming another user takes all but the inheritable capabilities, securebits(7) may keep the others until the
    program is executed; without inheritable ones nothing is left then. They are not given back: root has no use for
    them. Groups are set here because subprocess passes on 64 at most. Raises OSError.
    """
    _clear_inheritable()
    before = os.getgroups()
    os.setgroups(user.groups)
    try:
        yield
    finally:
        os.setgroups(before)


def _account(wanted: str) -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwnam(wanted)
    with suppress(KeyError):
        return pwd.getpwuid(number) if (number := _number(wanted)) is not None else None
    return None


def _group(asked: str, wanted: str) -> int:
    with suppress(KeyError):
        return grp.getgrnam(wanted).gr_gid
    if (number := _number(wanted)) is not None:
        return number
    raise UsageError(f"{asked}: there is no group {wanted!r}")


def _number(wanted: str) -> int | None:
    return int(wanted) if _NUMBER.fullmatch(wanted) and int(wanted) <= _MOST_ID else None


def _require_power(asked: str) -> None:
    if os.geteuid() != 0:
        raise UsageError(f"{asked}: only root starts a command as another user (try: {run_as_root()})")
    held = effective_capabilities()
    if missing := [item for item in _TAKES if item not in held]:
        raise UsageError(f"{asked}: {names(missing)} {'is' if len(missing) == 1 else 'are'} missing")


def _clear_inheritable() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()
    _check(libc.capget(header, sets))
    # Two words of each set: effective, permitted, inheritable.
    sets[2] = sets[5] = 0
    _check(libc.capset(header, sets))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
