"""The demo where live tracing is not possible."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_cases import METADATA
from written_recordings import write_recording

from tracer.errors import CannotTraceError, TracerError
from tracer.jobs import closing_summary, demonstration
from tracer.jobs.demonstration import BUNDLED, Demonstration
from tracer.kernel.memory_room import MemoryRoom
from tracer.recorder.capture import Captured, CaptureRequest
from tracer.resources import resource_dir
from tracer.store import Recording, Writer
from tracer.terminal.messages import Messages

QUIET = Messages(quiet=True)


@pytest.fixture
def no_tracing(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise CannotTraceError("needs root; run it with sudo")

    monkeypatch.setattr(demonstration, "capture", refuse)


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    monkeypatch.setattr(demonstration, "resource_dir", lambda _: folder)
    return folder


@pytest.mark.usefixtures("no_tracing")
def test_it_replays_the_bundled_recording_and_says_so_first(bundle, tmp_path, capfd):
    write_recording(bundle / BUNDLED)
    out = tmp_path / "out"
    Demonstration(10.0, out, drop_caches=False, say=QUIET).run()
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith(
        "Live tracing is not possible here (needs root; run it with sudo): replaying the bundled recording"
    )
    assert lines[1].startswith("demo.rtrace: 4.95 s on vm1")
    assert (out / "demo.rtrace").read_bytes() == (bundle / BUNDLED).read_bytes()
    assert (out / "demo.html").read_text().rstrip().endswith("</html>")


@pytest.mark.usefixtures("no_tracing", "bundle")
def test_an_installation_without_the_recording_says_so(tmp_path):
    with pytest.raises(TracerError, match=r"needs root.*installation is incomplete"):
        Demonstration(10.0, tmp_path / "out", drop_caches=False, say=QUIET).run()


@pytest.mark.usefixtures("no_tracing")
def test_where_memory_is_short_it_says_how_to_make_the_report_later(bundle, tmp_path, monkeypatch, capfd):
    write_recording(bundle / BUNDLED)
    monkeypatch.setattr(closing_summary, "memory_room", lambda: MemoryRoom(8 << 20, "MemAvailable"))
    out = tmp_path / "out"
    Demonstration(10.0, out, drop_caches=False, say=Messages()).run()
    said = capfd.readouterr()
    assert len(said.out.splitlines()) == 1
    assert said.err.startswith(f"{out}/demo.rtrace is complete; no summary or report was made (")
    assert said.err.endswith(f"; try: reclaim-tracer report {out}/demo.rtrace\n")
    assert [path.name for path in out.iterdir()] == ["demo.rtrace"]


@pytest.mark.parametrize("replaced", [False, True])
def test_what_it_recorded_is_read_from_its_own_file(tmp_path, monkeypatch, capfd, replaced):
    def record(request: CaptureRequest, _: Messages) -> Captured:
        written = Writer(request.output.path, METADATA)
        written.close()
        identities = {request.output.path: written.identity}
        if replaced:
            Writer(tmp_path / "another", METADATA).close()
            (tmp_path / "another").replace(request.output.path)
        return Captured(request.output.path, identities)

    monkeypatch.setattr(demonstration, "capture", record)
    demo = Demonstration(10.0, tmp_path / "out", drop_caches=False, say=QUIET)
    if replaced:
        with pytest.raises(SystemExit, match="4"):
            demo.run()
        assert "demo.rtrace: is no longer the recorded file" in capfd.readouterr().err
        assert not (tmp_path / "out" / "demo.html").exists()
    else:
        demo.run()
        assert capfd.readouterr().out.startswith("demo.rtrace: ")
        assert (tmp_path / "out" / "demo.html").exists()


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TracerError, match="file/out: can't be created"):
        Demonstration(10.0, tmp_path / "file" / "out", drop_caches=False, say=QUIET).run()


def test_the_bundled_recording_is_a_real_one_of_a_machine_under_load():
    recording = Recording.open(resource_dir("reports") / BUNDLED)
    assert recording.complete
    assert recording.metadata.kernel_release
    assert recording.metadata.imported_from is None
    assert recording.event_count > 1000
    assert "super_cache_scan" in recording.symbols.values()
