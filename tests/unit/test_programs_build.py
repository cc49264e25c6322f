"""`programs build --for`: which sets of programs a file gets, and what is refused before anything is compiled."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from described_kernels import described
from programs_cases import entry_for

from tracer.errors import CannotTraceError, RecordingError, TracerError, UsageError
from tracer.jobs import carrying
from tracer.jobs.carrying import build
from tracer.probes.carried.entry import Entry
from tracer.probes.carried.file_format import decode_purposes
from tracer.probes.compiler import CompileError
from tracer.probes.compiling import NoCompilerError
from tracer.probes.facts.facts import Facts
from tracer.probes.facts.file_format import encode
from tracer.probes.request import LoadRequest
from tracer.probes.sources import PERF_FLAG

OUTPUT = Path("guests.programs")


@pytest.fixture
def facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Facts:
    """One kernel's, in `a.facts` and `b.facts` of this folder; another's in `guests`. Nothing has to be compiled."""

    def compiled(request: LoadRequest) -> Entry:
        return entry_for(request)

    monkeypatch.setattr(carrying, "require_tracing", lambda: None)
    monkeypatch.setattr(carrying, "_compiled", compiled)
    monkeypatch.chdir(tmp_path)
    found = replace(described(tmp_path / "machine"), release="6.12.9-guest")
    (tmp_path / "guests").mkdir()
    for name, release in (("a", "6.12.9-guest"), ("b", "6.12.9-guest"), ("guests/other", "6.1.0-other")):
        Path(f"{name}.facts").write_bytes(encode(replace(found, release=release)))
    return found


def releases() -> list[str]:
    return [purpose.release for purpose in decode_purposes(OUTPUT.read_bytes())]


def test_a_kernel_has_a_set_for_each_transport_and_detail(facts: Facts):
    build(OUTPUT, ["a.facts"], force=False, quiet=True)
    assert releases() == ["6.12.9-guest"] * 4


def test_a_file_holds_many_kernels_and_the_same_one_once(facts: Facts, capsys: pytest.CaptureFixture[str]):
    build(OUTPUT, ["a.facts", "guests", "b"], force=False, quiet=False)
    assert releases() == ["6.12.9-guest"] * 4 + ["6.1.0-other"] * 4
    said = capsys.readouterr().err
    assert "Compiling 4 sets of programs for kernel 6.1.0-other\n" in said
    assert said.endswith(": 8 sets of programs for kernel 6.12.9-guest, 6.1.0-other\n")


def test_the_running_kernels_release_needs_no_description(facts: Facts):
    build(OUTPUT, [os.uname().release], force=False, quiet=True)
    assert set(releases()) == {os.uname().release}


def refused(kernel: str, kind: type[TracerError], words: str) -> None:
    with pytest.raises(kind, match=words) as error:
        build(OUTPUT, ["a.facts", kernel], force=False, quiet=True)
    assert "\n" not in str(error.value)
    assert not OUTPUT.exists()


def test_a_name_that_leads_nowhere_is_refused(facts: Facts):
    refused("9.9", UsageError, "no such file or folder")


def test_a_damaged_description_is_named(facts: Facts):
    Path("b.facts").write_bytes(b"RTFACTS\n")
    refused("b.facts", RecordingError, r"^b\.facts: ")


def test_a_description_that_lacks_something_is_named_with_what_to_do(facts: Facts):
    Path("b.facts").write_bytes(encode(replace(facts, trials=None, unknown=("privileges: none; run it as root",))))
    refused("b", RecordingError, r"^b\.facts: .*run it as root")


def test_another_kind_of_machine_is_refused(facts: Facts):
    Path("b.facts").write_bytes(encode(replace(facts, machine="mips")))
    refused("b", RecordingError, r"^b\.facts: it is of a kernel for mips")


def test_a_description_is_never_overwritten_by_the_programs_made_from_it(facts: Facts):
    before = Path("a.facts").read_bytes()
    with pytest.raises(TracerError, match="the same file as the input"):
        build(Path("a.facts"), ["a.facts"], force=True, quiet=True)
    assert Path("a.facts").read_bytes() == before


def test_more_sets_than_a_file_holds_are_refused(facts: Facts, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(carrying, "MAX_ENTRIES", 7)
    refused("guests", UsageError, "8 sets of programs are too many")


def refuse(monkeypatch: pytest.MonkeyPatch, error: CannotTraceError, refused: Callable[[LoadRequest], bool]) -> None:
    """Have some sets of programs not compile."""

    def compiled(request: LoadRequest) -> Entry:
        if refused(request):
            raise error
        return entry_for(request)

    monkeypatch.setattr(carrying, "_compiled", compiled)


def test_the_other_sets_are_written_where_one_does_not_compile(
    facts: Facts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    refuse(monkeypatch, CompileError("a.c:1: error: wrong"), lambda request: PERF_FLAG in request.flags)
    with pytest.raises(
        CannotTraceError, match=r"^2 of 4 sets of programs do not compile; guests\.programs has the others$"
    ):
        build(OUTPUT, ["a.facts"], force=False, quiet=True)
    assert releases() == ["6.12.9-guest"] * 2
    set_of = f"6.12.9-guest {os.uname().machine}: --transport perf --lru-detail"
    assert capsys.readouterr().err.splitlines() == [
        f"{set_of} each: a.c:1: error: wrong",
        f"{set_of} span: a.c:1: error: wrong",
    ]


def test_nothing_is_written_where_none_compiles(facts: Facts, monkeypatch: pytest.MonkeyPatch):
    refuse(monkeypatch, CompileError("wrong"), lambda _: True)
    refused("guests", CannotTraceError, r"^8 of 8 sets of programs do not compile; guests\.programs was not written$")


def test_without_a_compiler_it_is_said_once(
    facts: Facts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    refuse(monkeypatch, NoCompilerError("bcc: not installed"), lambda _: True)
    refused("guests", NoCompilerError, r"^bcc: not installed$")
    assert "bcc" not in capsys.readouterr().err
