"""Debian releases from the archive that the machine's apt uses: fetched into a cache, unpacked into a folder.

Nothing is installed and the machine's own lists and sources stay as they are: apt works on a configuration of ours.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reclaim-tracer" / "debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LISTS_LAST_S = 7 * 86400
MERGED_USR = ("bin", "sbin", "lib", "lib64")
NOT_UNPACKED = ("./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/info")
SETTINGS = """\
Dir::State "{top}/state";
Dir::State::status "{top}/status";
Dir::Cache "{top}";
Dir::Etc::sourcelist "{top}/sources.list";
Dir::Etc::sourceparts "{top}/none";
Dir::Etc::preferences "{top}/none/preferences";
Dir::Etc::preferencesparts "{top}/none";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
"""


class ArchiveUnavailableError(Exception):
    """This machine can't fetch Debian's packages; the message is one line."""


class Archive:
    """One release (`bullseye`, `sid`...). Packages are fetched once; a second use needs no network for a week."""

    def __init__(self, suite: str, cache: Path = CACHE, architecture: str = "amd64") -> None:
        self.suite = suite
        self._top = cache / f"{suite}-{architecture}"
        self._architecture = architecture

    def fetch(self, packages: Sequence[str]) -> tuple[Path, ...]:
        """The packages and all that they depend on, as files. Raises ArchiveUnavailableError."""
        with _locked(self._top):
            self._update()
            self._apt("install", "--yes", "--download-only", *packages)
            wanted = self._apt("install", "--simulate", *packages)
        names = [line.split() for line in wanted.splitlines() if line.startswith("Inst ")]
        return tuple(self._file(parts[1], parts[2].strip("()")) for parts in names)

    def _file(self, name: str, version: str) -> Path:
        stem = f"{name}_{version.replace(':', '%3a')}_"
        return next(path for path in (self._top / "archives").glob("*.deb") if path.name.startswith(stem))

    def _update(self) -> None:
        fetched = self._top / "fetched"
        if fetched.exists() and time.time() - fetched.stat().st_mtime < LISTS_LAST_S:
            return
        for folder in ("state/lists/partial", "archives/partial", "none"):
            (self._top / folder).mkdir(parents=True, exist_ok=True)
        (self._top / "status").touch()
        source = f"deb [signed-by={KEYRING}] {archive_uri()} {self.suite} main\n"
        (self._top / "sources.list").write_text(source)
        (self._top / "apt.conf").write_text(SETTINGS.format(top=self._top, architecture=self._architecture))
        self._apt("update", "--error-on=any")
        fetched.touch()

    def _apt(self, *arguments: str) -> str:
        environment = {**os.environ, "APT_CONFIG": str(self._top / "apt.conf"), "LC_ALL": "C"}
        done = subprocess.run(["apt-get", "-q", *arguments], capture_output=True, text=True, env=environment)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise ArchiveUnavailableError(f"apt-get {arguments[0]} for {self.suite}: {last}")
        return done.stdout


def archive_uri() -> str:
    """Where this machine's apt gets Debian from. Raises ArchiveUnavailableError."""
    if not KEYRING.exists():
        raise ArchiveUnavailableError(f"no {KEYRING} (package debian-archive-keyring)")
    form = "$(COMPONENT) $(RELEASE) $(REPO_URI)"
    try:
        asked = subprocess.run(["apt-get", "indextargets", "--format", form], capture_output=True, text=True)
    except FileNotFoundError:
        raise ArchiveUnavailableError("no apt-get on this machine") from None
    own = (_codename(), "stable", "testing", "unstable", "sid")
    for component, release, uri in (line.split() for line in asked.stdout.splitlines()):
        if component == "main" and release in own:
            return uri
    raise ArchiveUnavailableError("apt's sources name no Debian archive")


def unpack(files: Iterable[Path], root: Path) -> None:
    """Lay the packages' files into `root`, first come first served; no maintainer script runs."""
    for name in MERGED_USR:
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    excluded = [f"--exclude={path}" for path in NOT_UNPACKED]
    options = ["--extract", "--keep-directory-symlink", "--skip-old-files", "--no-same-owner", *excluded]
    for file in files:
        dpkg = ["dpkg-deb", "--fsys-tarfile", str(file)]
        tar = ["tar", "--directory", str(root), *options]
        subprocess.run(["sh", "-c", f"{shlex.join(dpkg)} | {shlex.join(tar)}"], check=True)


def _codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return ""


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
