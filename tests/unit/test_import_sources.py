"""What can be imported, how much memory that takes, and what is said about what can't."""

import bz2
import gzip
import io
import json
import lzma
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard
from import_cases import DATA, import_file, import_text

from tracer.errors import CannotTraceError, RecordingError, TracerError, UsageError
from tracer.imports import ImportRequest, import_trace
from tracer.imports.sources import open_source
from tracer.store import Recording

TEXT = (DATA / "trace-cmd-6.1.txt").read_bytes()


def kinds_of(path, tmp_path):
    return import_file(path, tmp_path / "out.rtrace").kinds


def refusal(source, tmp_path, error=RecordingError, **options):
    with pytest.raises(error) as caught:
        import_trace(ImportRequest(str(source), tmp_path / "out.rtrace", **options))
    assert not (tmp_path / "out.rtrace").exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    return import_file(DATA / "trace-cmd-6.1.txt", folder / "out.rtrace").kinds


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT),
        gzip.compress(TEXT[:3000]) + gzip.compress(TEXT[3000:]),
        zstandard.compress(TEXT),
        zstandard.compress(TEXT[:3000]) + zstandard.compress(TEXT[3000:]),
        lzma.compress(TEXT),
        lzma.compress(TEXT[:3000]) + bytes(8) + lzma.compress(TEXT[3000:]),
        bz2.compress(TEXT),
        bz2.compress(TEXT[:3000]) + bz2.compress(TEXT[3000:]),
        TEXT.decode().encode("utf-16"),
        b"\xfe\xff" + TEXT.decode().encode("utf-16-be"),
        b"\xef\xbb\xbf" + TEXT,
        gzip.compress(TEXT.decode().encode("utf-16")),
    ],
    ids=[
        *("gzip", "gzip members", "zstd", "zstd frames", "xz", "xz streams", "bzip2", "bzip2 streams"),
        *("UTF-16", "big-endian UTF-16", "UTF-8 with a mark", "packed UTF-16"),
    ],
)
def test_packed_text_is_recognised_by_what_is_in_it(packed, expected, tmp_path):
    source = tmp_path / "no-suffix"
    source.write_bytes(packed)
    assert kinds_of(source, tmp_path) == expected


@pytest.mark.parametrize(
    "data",
    [TEXT, gzip.compress(TEXT), zstandard.compress(TEXT), lzma.compress(TEXT), TEXT.decode().encode("utf-16")],
    ids=["plain", "gzip", "zstd", "xz", "UTF-16"],
)
def test_standard_input(data, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    result = import_trace(ImportRequest("-", tmp_path / "out.rtrace"))
    recording = Recording.open(tmp_path / "out.rtrace")
    assert result.events == recording.event_count == len(expected)
    assert recording.metadata.imported_from == "standard input"


def test_interrupted_input_is_imported_up_to_there(tmp_path, monkeypatch):
    class Interrupted(io.BytesIO):
        def read1(self, size=-1):
            data = super().read1(size)
            if not data:
                raise KeyboardInterrupt
            return data

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Interrupted(TEXT)))
    assert import_trace(ImportRequest("-", tmp_path / "out.rtrace")).events > 10


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, lzma.compress, bz2.compress], ids=["gzip", "zstd", "xz", "bzip2"]
)
def test_a_packed_file_that_is_cut_gives_what_is_left_and_says_so(pack, tmp_path):
    # GIVEN text that does not pack well, so that half of the file is some of the lines
    lines = [
        b"   cat-7   [001]   1.%06d: mm_vmscan_direct_reclaim_end: nr_reclaimed=%d\n" % (n, hash((n, 7)) % 10**15)
        for n in range(20_000)
    ]
    source = tmp_path / "cut"
    packed = pack(b"".join(lines))
    source.write_bytes(packed[: len(packed) * 2 // 3])
    imported = import_file(source, tmp_path / "out.rtrace")
    assert 0 < len(imported.events) < 20_000
    assert any("The source is damaged" in remark for remark in imported.result.remarks)
    assert imported.recording.notes["import"]["damage"]


def test_what_is_no_trace_is_refused_in_one_line(tmp_path):
    cases = {
        "garbage": (os.urandom(50_000), "no event was found"),
        "empty": (b"", "is empty"),
        "zeros": (bytes(5_000_000), "no event was found"),
        "prose": (b"Dear reader\n" * 100, "no event was found in its 100 lines"),
        "torn gzip": (b"\x1f\x8b\x08\x00 nothing", "damaged"),
        "torn zstd": (b"\x28\xb5\x2f\xfd nothing", "damaged"),
        "torn xz": (b"\xfd7zXZ\0 nothing", "damaged"),
        "torn bzip2": (b"BZh9 nothing", "damaged"),
        "zip": (b"PK\x03\x04 nothing", "is compressed with zip; decompress it first"),
        "lz4": (b"\x04\x22\x4d\x18 nothing", "is compressed with lz4; decompress it first"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        assert message in refusal(tmp_path / name, tmp_path), name
    assert "No such file" in refusal(tmp_path / "missing", tmp_path)
    assert "is a directory" in refusal(tmp_path, tmp_path)


def test_a_fifo_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert "is a pipe" in refusal(tmp_path / "fifo", tmp_path)


def test_a_fifo_put_in_a_files_place_after_a_look_at_it_is_refused_too(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").touch()
    regular = (tmp_path / "file").stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: regular)
    with pytest.raises(RecordingError, match="fifo: is a pipe"):
        open_source(str(tmp_path / "fifo"), lambda *_: None)


def test_text_without_any_known_event_lists_what_was_seen(tmp_path):
    source = tmp_path / "trace.txt"
    source.write_text(
        "   cat-7   [001]   1.000001: sched_switch: a\n" * 3 + "   cat-7   [001]   1.000001: my_probe: (ffff) x=1\n"
    )
    message = refusal(source, tmp_path)
    assert "sched_switch 3, my_probe 1" in message
    assert "--map" in message


def test_no_end_of_different_names_fills_the_memory(tmp_path):
    lines = "".join(f"   cat-7   [001]   1.000001: name{n}: x\n" for n in range(30_000))
    known = "   cat-7   [001]   1.000001: mm_vmscan_direct_reclaim_end: nr_reclaimed=1\n"
    imported = import_text(known + lines, tmp_path)
    assert sum(imported.result.unknown.values()) == 30_000
    assert len(imported.result.unknown) < 10_000


def test_a_recording_is_not_imported_again(tmp_path):
    import_text(TEXT, tmp_path)
    (tmp_path / "out.rtrace").rename(tmp_path / "first.rtrace")
    assert "is already a reclaim-tracer recording" in refusal(tmp_path / "first.rtrace", tmp_path)


def test_the_input_is_never_the_output(tmp_path):
    source = tmp_path / "trace.txt"
    source.write_bytes(TEXT)
    with pytest.raises(UsageError, match="is the input too"):
        import_trace(ImportRequest(str(source), source, force=True))
    assert source.read_bytes() == TEXT


def test_an_existing_output_stays_unless_forced(tmp_path):
    (tmp_path / "out.rtrace").write_bytes(b"precious")
    with pytest.raises(TracerError, match="--force"):
        import_trace(ImportRequest(str(DATA / "trace-cmd-6.1.txt"), tmp_path / "out.rtrace"))
    assert (tmp_path / "out.rtrace").read_bytes() == b"precious"


def test_an_import_broken_off_leaves_no_half_recording(tmp_path):
    def interrupt(what, share):
        if what == "Importing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_trace(ImportRequest(str(DATA / "trace-cmd-6.1.txt"), tmp_path / "out.rtrace"), interrupt)
    assert not (tmp_path / "out.rtrace").exists()


@pytest.mark.parametrize(
    ("magic", "tool", "package"),
    [(b"\x17\x08\x44tracing6\0", "trace-cmd", "trace-cmd"), (b"PERFILE2" + bytes(100), "perf", "linux-perf")],
)
def test_a_binary_recording_needs_the_tool_that_made_it(magic, tool, package, tmp_path, monkeypatch):
    source = tmp_path / "recorded"
    source.write_bytes(magic)
    monkeypatch.setenv("PATH", str(tmp_path))
    message = refusal(source, tmp_path, CannotTraceError)
    assert f"needs {tool}" in message
    assert f"apt-get install {package}" in message


def fake_tool(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_binary_recording_goes_through_its_tool(expected, tmp_path, monkeypatch):
    fake_tool(
        tmp_path,
        "trace-cmd",
        f'case "$*" in *--uname*) echo "Linux somewhere 6.1.0-56 x86_64" ;; *) cat {DATA}/trace-cmd-6.1.txt ;; esac',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    source = tmp_path / "trace.dat"
    source.write_bytes(b"\x17\x08\x44tracing6\0")
    imported = import_file(source, tmp_path / "out.rtrace")
    assert imported.kinds == expected
    assert imported.recording.metadata.kernel_release == "6.1.0-56"


def test_what_the_tool_complains_about_is_passed_on(tmp_path, monkeypatch):
    fake_tool(tmp_path, "perf", "echo 'warming up' >&2; echo 'incompatible file format' >&2; exit 3")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    source = tmp_path / "perf.data"
    source.write_bytes(b"PERFILE2" + bytes(100))
    assert "perf can't read it: incompatible file format" in refusal(source, tmp_path)


@pytest.mark.skipif(shutil.which("trace-cmd") is None, reason="needs trace-cmd")
def test_a_file_that_only_begins_like_a_trace_dat_is_refused(tmp_path):
    source = tmp_path / "trace.dat"
    source.write_bytes(b"\x17\x08\x44tracing6\0" + os.urandom(1000))
    refusal(source, tmp_path)


MEASURE = """
import resource, sys
from pathlib import Path
from tracer.imports import ImportRequest, import_trace
from tracer.imports.sources import open_source
result = import_trace(ImportRequest(sys.argv[1], Path(sys.argv[2]), force=True))
print(result.events, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_text(tmp_path):
    line = "   cat-7   [001]   %d.%06d: mm_vmscan_direct_reclaim_end: nr_reclaimed=%d\n"
    sizes = {}
    for count in (100_000, 500_000):
        source = tmp_path / "trace.txt.gz"
        with gzip.open(source, "wt", compresslevel=1) as stream:
            stream.writelines(line % (n // 10**6, n % 10**6, n) for n in range(count))
        command = [sys.executable, "-c", MEASURE, str(source), str(tmp_path / "out.rtrace")]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert int(answer[0]) == count
        sizes[count] = int(answer[1])
    assert sizes[500_000] < sizes[100_000] * 1.15


def run(*arguments, **options):
    command = [sys.executable, "-m", "tracer", "import", *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_the_command_says_what_it_left_out_and_what_comes_next(tmp_path):
    result = run(str(DATA / "trace-cmd-6.1.txt"), "-o", str(tmp_path / "out.rtrace"))
    assert result.returncode == 0
    assert result.stdout == ""
    assert "Left out: mm_vmscan_lru_isolate 3" in result.stderr
    assert "Next: reclaim-tracer summary" in result.stderr
    assert Recording.open(tmp_path / "out.rtrace").complete


def test_the_command_is_silent_if_asked(tmp_path):
    result = run(str(DATA / "trace-cmd-6.1.txt"), "-o", str(tmp_path / "out.rtrace"), "-q")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_commands_exit_codes(tmp_path):
    out = str(tmp_path / "out.rtrace")
    assert run(str(tmp_path / "missing"), "-o", out).returncode == 4
    assert run(str(DATA / "trace-cmd-6.1.txt"), "-o", out, "--map", "nonsense").returncode == 2
    assert run(str(DATA / "trace-cmd-6.1.txt"), "-o", out, "--map", "a=b").returncode == 2
    assert run("-", "-o", out, stdin=subprocess.DEVNULL).returncode == 4
    assert not (tmp_path / "out.rtrace").exists()


def test_the_summary_of_an_import(tmp_path):
    out = tmp_path / "out.rtrace"
    assert run(str(DATA / "trace-cmd-6.1.txt"), "-o", str(out)).returncode == 0
    command = [sys.executable, "-m", "tracer", "summary", str(out), "--json"]
    summary = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert summary["recording"]["plan"]["leak_balloon_end"] == "import:leak_balloon_ret"
    assert summary["recording"]["events_by_kind"]["tell_host"] == 2
