"""The exact way to mend something on this distribution."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Final

from .host import Distribution, read_distribution

_BCC_INSTALL: Final = {
    "debian": "apt-get install python3-bpfcc",
    "fedora": "dnf install python3-bcc",
    "arch": "pacman -S python-bcc",
    "suse": "zypper install python3-bcc",
    "alpine": "apk add py3-bcc",
}
_KERNEL_INSTALL: Final = {
    "debian": "apt-get install linux-image-$(dpkg --print-architecture)",
    "fedora": "dnf install kernel",
    "arch": "pacman -S linux",
    "suse": "zypper install kernel-default",
}
"""Kernels whose configuration has all that tracing uses."""
_UBUNTU_KERNEL: Final = "apt-get install linux-image-generic"
_GRUB: Final = "add {argument} to GRUB_CMDLINE_LINUX in /etc/default/grub, then {command} and reboot"
_BOOT_UPDATE: Final = {
    "debian": "update-grub",
    "arch": "grub-mkconfig -o /boot/grub/grub.cfg",
    "suse": "grub2-mkconfig -o /boot/grub2/grub.cfg",
}
_PROGRAM: Final = "reclaim-tracer"
_ROOTS_PATH: Final = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""sudo's usual secure_path."""


def install_bcc_command(distribution: Distribution | None = None) -> str:
    """The command that installs the distribution's bcc."""
    command = _BCC_INSTALL.get((distribution or read_distribution()).family)
    if command is None:
        return "install your distribution's Python 3 bindings of bcc (not the `bcc` of PyPI)"
    return as_root(command)


def kernel_with(option: str, distribution: Distribution) -> str:
    """How to get a kernel built with `option`, such as `CONFIG_KPROBES=y`."""
    command = _UBUNTU_KERNEL if distribution.id == "ubuntu" else _KERNEL_INSTALL.get(distribution.family)
    if command is None:
        return f"boot a kernel with {option}"
    return f"boot a kernel with {option}, such as the distribution's: {as_root(command)}"


def boot_with(argument: str, distribution: Distribution) -> str:
    """How to have the kernel booted with an argument, such as `psi=1`."""
    if distribution.family == "fedora":
        return f"{as_root(f'grubby --update-kernel=ALL --args={argument}')}, then reboot"
    if command := _BOOT_UPDATE.get(distribution.family):
        return _GRUB.format(argument=argument, command=as_root(command))
    return f"boot with {argument} on the kernel's command line"


def as_root(command: str, uid: int | None = None) -> str:
    """The command as this user, or the one with the number, has to type it."""
    return command if (os.geteuid() if uid is None else uid) == 0 else f"sudo {command}"


def run_as_root() -> str:
    """How to run this program as root."""
    return f"sudo {this_program()} ..."


def run_with(capabilities: str) -> str:
    """How to run this program as this user, with capabilities as setpriv(1) names them: `+bpf,+perfmon`."""
    who = f"--reuid={os.geteuid()} --regid={os.getegid()} --init-groups"
    return f"sudo setpriv {who} --inh-caps={capabilities} --ambient-caps={capabilities} {this_program()} ..."


def this_program() -> str:
    """This program; by its whole path where sudo would not find it, as in a virtual environment."""
    program = Path(sys.argv[0])
    if program.name != _PROGRAM or str(program.parent) in _ROOTS_PATH:
        return _PROGRAM
    return shlex.quote(os.path.abspath(program))  # noqa: PTH100 - a link into the environment stays one
