"""The compiling child with the real compiler: what it leaves, what ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from tracing import DROP_SLAB, WaitingLoad, run

from tracer.collect.session import open_session
from tracer.probes.attach import Probes
from tracer.probes.compiling import MOST_DATA_BYTES
from tracer.probes.plan import make_plan
from tracer.probes.sources import bpf_dir

pytestmark = pytest.mark.usefixtures("bcc")

ROOT = Path(__file__).parents[2]
ENV = os.environ | {"PYTHONPATH": str(ROOT)}


def children(pid: int) -> list[int]:
    """Processes whose parent is `pid`, seen in /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(") ")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_for(condition: object, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.002)
    return False


def limits(pid: int | str) -> str:
    return Path(f"/proc/{pid}/limits").read_text()


@pytest.fixture
def loading_record(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A `record` whose child is at work, and that child."""
    command = [sys.executable, "-m", "tracer", "record", "--no-cache", "-o", "x.rtrace"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        found: list[int] = []
        assert wait_for(lambda: found.extend(children(process.pid)) or found)
        assert wait_for(lambda: b"tracer.probes.child" in Path(f"/proc/{found[0]}/cmdline").read_bytes())
        yield process, found[0]
        process.kill()


def test_programs_and_maps_outlive_the_child_and_no_compiler_is_in_this_process() -> None:
    code = (
        "from pathlib import Path; from tracer.probes.attach import Probes; from tracer.probes.plan import make_plan\n"
        "import os, sys\n"
        "with Probes(make_plan(), 4096) as probes:\n"
        "    probes.attach()\n"
        "    probes.require_any()\n"
        "    maps = Path('/proc/self/maps').read_text()\n"
        "    print([name for name in ('libbcc', 'libLLVM', 'libclang') if name in maps], 'bcc' in sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ENV)
    assert (result.stdout, result.stderr) == ("[] False\n", "")
    others = set(children(os.getpid()))
    with open_session() as session, WaitingLoad(DROP_SLAB) as load:
        assert set(children(os.getpid())) - others == {load.pid}, "the compiling child is gone"
        assert len(run(session, [load]).of("shrink_slab_start", load.pid)) > 0


def test_ctrl_c_while_it_compiles_ends_everything(loading_record, tmp_path: Path) -> None:
    process, child = loading_record
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 130
    assert wait_for(lambda: not Path(f"/proc/{child}").exists())
    assert list(tmp_path.iterdir()) == []


def test_a_child_killed_by_somebody_is_one_line(loading_record, tmp_path: Path) -> None:
    process, child = loading_record
    os.kill(child, signal.SIGKILL)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (3, "")
    assert err.startswith("reclaim-tracer: error: the process that compiles the BPF programs was killed")
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_it_is_bounded_and_the_oom_killer_takes_it_before_anybody_else(loading_record) -> None:
    process, child = loading_record
    # Its parent does both as soon as it is there.
    assert wait_for(lambda: Path(f"/proc/{child}/oom_score_adj").read_text() == "1000\n")
    bound = re.compile(rf"^Max data size +{MOST_DATA_BYTES} +{MOST_DATA_BYTES} ", re.MULTILINE)
    assert wait_for(lambda: bound.search(limits(child)))
    assert limits(process.pid) == limits("self"), "it is not the tracer's limit"
    own = Path("/proc/self/oom_score_adj").read_text()
    assert Path(f"/proc/{process.pid}/oom_score_adj").read_text() == own, "the tracer is spared only while it records"


def test_the_child_does_not_outlive_a_killed_parent(loading_record) -> None:
    process, child = loading_record
    process.kill()
    assert wait_for(lambda: not Path(f"/proc/{child}").exists())


def test_it_compiles_from_any_directory_and_whatever_the_environment_says(tmp_path: Path, monkeypatch) -> None:
    # GIVEN modules in the current directory and an environment that would lead Python astray
    for name in ("json", "socket", "bcc", "tracer"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('astray')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with Probes(make_plan(), 4096) as probes:
        probes.attach()
        probes.require_any()


def test_the_child_has_a_kallsyms_of_its_own_and_nobody_else_sees_it() -> None:
    listing = bpf_dir() / "include/kallsyms"
    program = (
        "from pathlib import Path; from tracer.probes.own_kallsyms import replace_kallsyms; "
        f"print(replace_kallsyms(Path({str(listing)!r}))); print(Path('/proc/kallsyms').read_text())"
    )
    said = subprocess.run([sys.executable, "-c", program], env=ENV, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", *listing.read_text().split()]
    with Path("/proc/kallsyms").open() as file:
        assert len(list(islice(file, 100))) == 100
    assert "/proc/kallsyms" not in Path("/proc/self/mountinfo").read_text()
