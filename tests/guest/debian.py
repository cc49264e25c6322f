"""Debian packages into a folder of their own, by the machine's apt but never through its sources, lists or status."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MIRROR_VARIABLE: Final = "RECLAIM_TRACER_DEBIAN_MIRROR"

_INST: Final = re.compile(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", re.MULTILINE)
_UNUSED: Final = frozenset({"debconf", "dpkg", "media-types", "netbase", "readline-common", "tar", "tzdata"})
"""Named by dependencies of install scripts, which do not run here."""
_PRIORITY: Final = 900
_PINNED_PRIORITY: Final = 990
"""The more: where a package's own pin and everybody's are equal, apt takes the newer version."""
_MERGED: Final = ("bin", "lib", "lib64", "sbin")


class LabError(Exception):
    """The lab can't be built or a guest can't be run; the message says why in one line, more may follow."""


@dataclass(frozen=True)
class Package:
    """A package in one version."""

    name: str
    version: str

    @property
    def spec(self) -> str:
        """As apt-get takes it."""
        return f"{self.name}={self.version}"


class Apt:
    """apt-get over `suites`, with configuration, lists, status and packages under `folder`.

    Packages come from the first suite, those named in `pinned` from theirs.
    """

    def __init__(self, folder: Path, suites: Sequence[str], pinned: Iterable[tuple[str, str]] = ()) -> None:
        self._folder, self._suites = folder, tuple(suites)
        self._pins = (
            *((name, suite, _PINNED_PRIORITY) for name, suite in pinned),
            ("*", self._suites[0], _PRIORITY),
        )

    def update(self) -> None:
        """Fetch the package lists."""
        for part in ("lists/partial", "archives/partial"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        (self._folder / "status").touch()
        site = mirror()
        lines = [f"deb [signed-by={KEYRING}] {site} {suite} main\n" for suite in self._suites]
        (self._folder / "sources.list").write_text("".join(lines))
        pins = (
            f"Package: {name}\nPin: release n={suite}\nPin-Priority: {number}\n\n" for name, suite, number in self._pins
        )
        (self._folder / "preferences").write_text("".join(pins))
        (self._folder / "apt.conf").write_text(self._configuration())
        self._apt("update")

    def closure(self, packages: Iterable[str], suite: str | None = None) -> list[Package]:
        """`packages` and everything they need on an empty machine; from `suite` where it is named."""
        target = ("-t", suite) if suite else ()
        plan = self._apt("--simulate", *target, "install", *packages)
        found = [Package(*match.groups()) for match in _INST.finditer(plan)]
        return [package for package in found if package.name not in _UNUSED]

    def fetch(self, packages: Iterable[Package], into: Path) -> list[Path]:
        """Download; apt checks what it downloads against the signed lists."""
        into.mkdir(parents=True, exist_ok=True)
        self._apt("download", *(package.spec for package in packages), cwd=into)
        return sorted(into.glob("*.deb"))

    def _configuration(self) -> str:
        values = {
            "Dir::State::lists": self._folder / "lists",
            "Dir::State::status": self._folder / "status",
            "Dir::Cache": self._folder,
            "Dir::Etc::sourcelist": self._folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": self._folder / "preferences",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",
        }
        return "".join(f'{key} "{value}";\n' for key, value in values.items())

    def _apt(self, *arguments: str, cwd: Path | None = None) -> str:
        env = os.environ | {"APT_CONFIG": str(self._folder / "apt.conf"), "LC_ALL": "C"}
        command = ["apt-get", "-q", *arguments]
        return run(command, env=env, cwd=cwd)


def mirror() -> str:
    """Where this machine gets Debian from, by its own apt configuration or the environment. Raises LabError."""
    if site := os.environ.get(MIRROR_VARIABLE):
        return site
    if not KEYRING.exists():
        raise LabError(f"no {KEYRING}: apt-get install debian-archive-keyring")
    known = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"])
    if not known.split():
        raise LabError(f"apt knows no Debian mirror here: set {MIRROR_VARIABLE} to one")
    return known.split()[0]


def extract(debs: Iterable[Path], tree: Path) -> None:
    """Unpack packages into a tree whose `/bin`, `/lib`... are links into `/usr`, whatever the release did."""
    for name in _MERGED:
        (tree / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (tree / name).is_symlink():
            (tree / name).symlink_to(f"usr/{name}")
    for deb in debs:
        unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink --no-same-owner'
        run(["bash", "-o", "pipefail", "-c", unpack, "extract", str(deb), str(tree)])


def run(command: Sequence[str], env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """A command's standard output. Raises LabError with what it said where it fails or is not there."""
    try:
        result = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise LabError(f"{command[0]}: {error.strerror}") from error
    if result.returncode:
        said = (result.stderr or result.stdout).strip()[-2000:]
        raise LabError(f"{' '.join(command)[:300]} failed ({result.returncode}):\n{said}")
    return result.stdout
