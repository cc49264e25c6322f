"""This kernel described, its programs built from the description, and recorded with where there is no bcc."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tracer.probes.carried.fit import purpose_of
from tracer.probes.carried.programs_file import ProgramsFile
from tracer.probes.facts.file_format import decode, encode
from tracer.probes.facts.plans import load_requests
from tracer.probes.variants import every_request
from tracer.store import Recording

ROOT = Path(__file__).parents[2]
ENV = os.environ | {"PYTHONPATH": str(ROOT)}
WITHOUT_BCC = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"')
"""An empty folder in the place of bcc, for one command."""


def run(folder: Path, *words: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-m", "tracer", *words]
    return subprocess.run(command, cwd=folder, env=ENV, capture_output=True, text=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, bcc) -> Path:
    """`own.facts` and `own.programs`, built from it."""
    folder = tmp_path_factory.mktemp("described")
    folder.chmod(0o755)
    for words in (("describe", "-o", "own.facts"), ("build", "-o", "own.programs", "--for", "own.facts")):
        done = run(folder, "programs", *words)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return folder


@pytest.fixture
def without_bcc(folder: Path, bcc) -> tuple[str, ...]:
    (folder / "empty").mkdir(exist_ok=True)
    return (*WITHOUT_BCC, str(folder / "empty"), str(bcc.path))


def test_what_is_made_from_the_description_is_what_this_kernel_asks_for(folder: Path):
    made = load_requests(decode((folder / "own.facts").read_bytes()))
    own = list(every_request())
    assert [purpose_of(request) for request in made] == [purpose_of(request) for request in own]
    assert [request.wanted for request in made] == [request.wanted for request in own]
    assert [request.traced for request in made] == [request.traced for request in own]


def test_it_records_where_there_is_no_bcc(folder: Path, without_bcc: tuple[str, ...]):
    options = ("record", "-d", "0.2", "--no-cache", "--no-summary", "-o", "x.rtrace", "--force")
    refused = run(folder, *options, before=without_bcc)
    assert (refused.returncode, "bcc: not installed" in refused.stderr) == (3, True)
    done = run(folder, *options, "--programs", "own.programs", before=without_bcc)
    assert done.returncode == 0, done.stderr
    assert Recording.open(folder / "x.rtrace").metadata.programs == "file"


@pytest.mark.parametrize("detail", ["each", "span"])
@pytest.mark.parametrize("way", ["perf", "auto"])
def test_every_transport_and_detail_is_in_it(folder: Path, without_bcc: tuple[str, ...], way: str, detail: str):
    options = ("--transport", way, "--lru-detail", detail, "--programs", "own.programs", "--no-cache", "--no-summary")
    done = run(folder, "record", "-d", "0.1", *options, "-o", "y.rtrace", "--force", before=without_bcc)
    assert done.returncode == 0, done.stderr


def test_check_says_that_it_fits_and_that_bcc_is_not_needed(folder: Path, without_bcc: tuple[str, ...]):
    done = run(folder, "check", "--json", "--programs", "own.programs", before=without_bcc)
    facts = json.loads(done.stdout)
    rows = {row["name"]: row for row in facts["requirements"]}
    assert (done.returncode, facts["can_trace"], facts["plan_tried"]) == (0, True, True), done.stderr
    assert (rows["bcc"]["ok"], rows["bcc"]["needed"]) == (False, False)
    assert rows["carried programs"]["detail"] == "own.programs fits this kernel"
    assert rows["programs"]["detail"].startswith("loaded from the file, attached at ")


def test_programs_of_a_kernel_with_another_format_do_not_fit_which_is_said(folder: Path, without_bcc: tuple[str, ...]):
    # GIVEN a kernel whose OOM killer's tracepoint has the victim's number elsewhere
    facts = decode((folder / "own.facts").read_bytes())
    victim = "oom:mark_victim"
    moved = facts.formats[victim].replace("field:int pid;\toffset:8;", "field:int pid;\toffset:800;")
    assert moved != facts.formats[victim]
    other = replace(facts, release="6.1.0-other", formats={**facts.formats, victim: moved})
    (folder / "other.facts").write_bytes(encode(other))
    assert run(folder, "programs", "build", "-f", "-o", "other.programs", "--for", "other").returncode == 0
    assert {purpose.release for purpose in ProgramsFile(folder / "other.programs").purposes} == {"6.1.0-other"}
    # WHEN they are to be used here
    checked = run(folder, "check", "--json", "--programs", "other.programs", before=without_bcc)
    recorded = run(folder, "record", "-d", "0.1", "--programs", "other.programs", "--no-cache", before=without_bcc)
    # THEN both refuse, with the same reason, and nothing is recorded
    detail = {row["name"]: row["detail"] for row in json.loads(checked.stdout)["requirements"]}["carried programs"]
    assert (checked.returncode, recorded.returncode) == (3, 3)
    assert "does not fit: it has none for kernel" in detail
    assert detail in recorded.stderr
    assert not list(folder.glob("reclaim-*.rtrace"))
