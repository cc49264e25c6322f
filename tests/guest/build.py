"""Build a kernel module of ours for a guest's kernel: `python -m tests.guest.build --kernel 6.12 FOLDER -o OUT`.

Compiler, make and headers are the guest's release's own, in a tree of the cache entered with chroot(2): as root, or in
a user namespace where the machine allows them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from .debian import LabError, extract, run
from .images import Image, apt, cache_dir, image, kept, locked
from .kernels import KERNELS

_ESSENTIAL: Final = ("bash", "coreutils", "dash", "diffutils", "findutils", "grep", "mawk", "sed")
_PROGRAM: Final = r"""
set -e
mount --rbind /dev "$1/dev"
mount --rbind /proc "$1/proc"
mount --bind "$2" "$1/mnt"
exec chroot "$1" /usr/bin/env -i PATH=/usr/bin:/usr/sbin LC_ALL=C \
    make -s -C "/usr/src/linux-headers-$3" M=/mnt CC="$4" modules
"""


def build_module(kernel: str, source: Path, into: Path) -> list[Path]:
    """The modules that the folder's Kbuild file makes, copied to `into`. Raises LabError with the compiler's words."""
    booted = image(KERNELS[kernel])
    with locked():
        tree = kept(cache_dir() / f"build-{booted.release}", lambda staging: _fetch(booted, staging))
    with tempfile.TemporaryDirectory(prefix="guest-build-") as folder:
        work = Path(folder) / "source"
        shutil.copytree(source, work, ignore=shutil.ignore_patterns("*.o", "*.ko", "__pycache__"))
        namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
        compiler = booted.kernel.system.compiler
        run([*namespace, "sh", "-c", _PROGRAM, "build", str(tree), str(work), booted.release, compiler])
        made = sorted(work.glob("*.ko"))
        into.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copy(module, into)) for module in made]


def main() -> int:
    """Exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.guest.build", description=__doc__)
    parser.add_argument("--kernel", choices=sorted(KERNELS), default="6.1")
    parser.add_argument("source", type=Path, help="folder with Kbuild and sources")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    options = parser.parse_args()
    try:
        for module in build_module(options.kernel, options.source, options.output):
            print(module)
    except LabError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    return 0


def _fetch(booted: Image, into: Path) -> None:
    system = booted.kernel.system
    source = apt(system)
    wanted = [system.compiler, "make", f"linux-headers-{booted.release}", *_ESSENTIAL]
    extract(source.fetch(source.closure(wanted, booted.kernel.suite), into / "debs"), into)
    shutil.rmtree(into / "debs")
    for name in ("dev", "mnt", "proc", "tmp"):
        (into / name).mkdir(exist_ok=True)
    for name, command in (("sh", "dash"), ("awk", "mawk")):
        (into / "usr/bin" / name).unlink(missing_ok=True)
        (into / "usr/bin" / name).symlink_to(command)


if __name__ == "__main__":
    sys.exit(main())
