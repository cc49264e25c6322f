"""Programs carried along, or cached: what comes of them is what comes of compiling, and no compiler is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tracing import DROP_SLAB, WaitingLoad, run

from tracer.collect.session import open_session
from tracer.kernel.kallsyms import find_symbols
from tracer.probes.attach import Probes, load_request
from tracer.probes.carried.cache import Cache
from tracer.probes.carried.install import patched
from tracer.probes.carried.programs_file import ProgramsFile
from tracer.probes.loader import Loader, Way
from tracer.probes.plan import make_plan
from tracer.probes.transport import Transport, choose_transport
from tracer.store import Recording

pytestmark = pytest.mark.usefixtures("bcc")

ROOT = Path(__file__).parents[2]
ENV = os.environ | {"PYTHONPATH": str(ROOT)}
RECORD = (sys.executable, "-m", "tracer", "record", "-d", "0.2", "--no-summary")


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `programs build` makes for this kernel."""
    folder = tmp_path_factory.mktemp("carried")
    folder.chmod(0o755)
    command = [sys.executable, "-m", "tracer", "programs", "build", "-o", "programs"]
    done = subprocess.run(command, cwd=folder, env=ENV, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert re.fullmatch(r"Wrote programs \(\d+ KiB\): 4 sets of programs for kernel \S+\n", done.stderr), done.stderr
    return folder / "programs"


def record(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*RECORD, "-v", "-o", "x.rtrace", "--force", *options]
    return subprocess.run(command, cwd=folder, env=ENV, capture_output=True, text=True)


@pytest.mark.parametrize("transport", list(Transport))
def test_what_is_recorded_is_the_same_as_with_a_compiler(carried: Path, transport: Transport) -> None:
    rows = []
    for file in (None, ProgramsFile(carried)):
        with (
            open_session(transport=transport, loader=Loader(file)) as session,
            WaitingLoad(DROP_SLAB) as load,
        ):
            assert session.metadata.programs == (Way.FILE if file else Way.COMPILED)
            rows.append((session.metadata.plan, session.metadata.absent_fields))
            assert len(run(session, [load]).of("shrink_slab_start", load.pid)) > 0
    assert rows[0] == rows[1]


AUDIT = """
import sys
from pathlib import Path
started = []
KINDS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.exec", "os.system")
sys.addaudithook(lambda event, _: started.append(event) if event in KINDS else None)
from tracer.probes.attach import Probes
from tracer.probes.carried.programs_file import ProgramsFile
from tracer.probes.loader import Loader
from tracer.probes.plan import make_plan
with Probes(make_plan(), 1 << 16, loader=Loader(ProgramsFile(Path(sys.argv[1])))) as probes:
    probes.attach()
    probes.require_any()
    maps = Path("/proc/self/maps").read_text()
    print(probes.programs, started, [name for name in ("libbcc", "libLLVM", "libclang") if name in maps])
"""


def test_no_compiler_and_no_child_has_a_part_in_it(carried: Path) -> None:
    done = subprocess.run([sys.executable, "-c", AUDIT, carried], env=ENV, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("file [] []\n", "")


def test_the_recording_says_how_its_programs_came(carried: Path, tmp_path: Path) -> None:
    done = record(tmp_path, "--programs", str(carried), "--no-cache")
    assert done.returncode == 0, done.stderr
    assert "programs: file\n" in done.stderr
    assert Recording.open(tmp_path / "x.rtrace").metadata.programs == "file"


def test_the_second_start_compiles_nothing(tmp_path: Path, carried: Path) -> None:
    tmp_path.chmod(0o755)
    cache = Cache(tmp_path)
    for way in (Way.COMPILED, Way.CACHE):
        loader = Loader(cache=cache)
        assert (loader._compiler is None) is (way is Way.CACHE), "a compiler starts early only where it may be needed"
        with Probes(make_plan(), 1 << 16, loader=loader) as probes:
            assert probes.programs == way
            probes.attach()
            probes.require_any()
    answers = json.loads((tmp_path / "answers").read_bytes().partition(b"\n")[2])["answers"]
    assert any(question.startswith("symbols:") for question in answers), "so are answers about the kernel"


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (lambda path: path.chmod(0o666), 3, "not loaded: others may write to it"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), 4, "damaged"),
        (lambda path: path.write_bytes(b"\x7fELF"), 4, "not a file of compiled programs"),
        (lambda path: path.unlink(), 3, "No such file"),
    ],
)
def test_a_file_that_is_not_to_be_trusted_is_one_line_and_nothing_is_loaded(
    carried: Path, tmp_path: Path, spoil: Callable[[Path], object], code: int, words: str
) -> None:
    tmp_path.chmod(0o755)
    shutil.copy(carried, tmp_path / "copy")
    spoil(tmp_path / "copy")
    done = record(tmp_path, "--programs", "copy")
    assert (done.returncode, done.stdout) == (code, "")
    assert re.fullmatch(rf"reclaim-tracer: error: copy: [^\n]*{words}[^\n]*\n", done.stderr), done.stderr
    assert not (tmp_path / "x.rtrace").exists()


def test_addresses_of_this_boot_are_in_what_is_loaded(carried: Path, need: Callable[..., None]) -> None:
    plan = make_plan()
    request = load_request(plan, choose_transport().transport)
    need("live", "balloon_work_begin" in request.wanted, "this kernel has no balloon")
    entry = ProgramsFile(carried).find(request)
    assert entry is not None
    addresses = {
        symbol.address for symbols in find_symbols(["update_balloon_size_func"]).values() for symbol in symbols
    }
    code = patched(entry.programs["balloon_work_begin"], [0] * len(entry.maps), request.boot_values)
    for address in addresses:
        low, high = (address & 0xFFFFFFFF).to_bytes(4, sys.byteorder), (address >> 32).to_bytes(4, sys.byteorder)
        assert re.search(re.escape(low) + b"...." + re.escape(high), code, re.DOTALL), hex(address)
        assert low not in entry.programs["balloon_work_begin"], "it is not compiled in"
