"""The tracer as somebody else: a user without any power but the capabilities given, on this very machine.

The interpreter, the project and its packages are mounted where that user can reach them, in a mount namespace of the
command's own.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Collection
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
NOBODY = 65534
ENTER = """\
set -e
place=$1 python=$2 project=$3 packages=$4 before=$5
shift 5
for folder in python project packages; do
    mkdir -p $place/$folder
    eval mount --bind \\"\\$$folder\\" $place/$folder
done
cd /
eval "$before"
exec setpriv "$@"
"""
RUN = "from tracer.commands.entry import main; main()"


def run_as_nobody(
    place: Path, capabilities: Collection[str], *command: str, groups: Collection[int] = (), before: str = ":"
) -> subprocess.CompletedProcess[str]:
    """Run a `reclaim-tracer` command with these capabilities (`bpf`, ...); `place` is a folder they may enter.

    `before` is a shell command run in the mount namespace while there is still power.
    """
    caps = ",".join(("-all", *(f"+{name}" for name in capabilities)))
    who = ["--reuid", str(NOBODY), "--regid", str(NOBODY)]
    who += ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    powers = ["--no-new-privs", "--bounding-set", caps, "--inh-caps", caps, "--ambient-caps", caps]
    python = f"{place}/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    environment = ["env", "-i", "PATH=/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8"]
    environment += [f"HOME={place}", f"PYTHONPATH={place}/project:{place}/packages"]
    places = [str(place), sys.base_prefix, str(PROJECT), sysconfig.get_path("purelib"), before]
    enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh", *places]
    whole = [*enter, *who, *powers, *environment, python, "-c", RUN, *command]
    return subprocess.run(whole, capture_output=True, text=True, timeout=120)
