"""The command line from outside: exit codes, stdout and stderr, `--help`'s price."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ENV, ROOT, run
from written_recordings import write_recording

import tracer
from tracer.errors import TracerError
from tracer.recorder import capture
from tracer.terminal.messages import Messages

COMMANDS = ("check", "record", "replay", "summary", "report", "events", "spans", "explain", "demo")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="taking capabilities away needs root")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(tmp_path_factory.mktemp("cli") / "small.rtrace")


@pytest.fixture
def lossy(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "lossy.rtrace", lost=7)


def test_help_names_the_commands_in_order():
    result = run("--help")
    listed = [line.split()[0] for line in result.stdout.partition("Commands:\n")[2].splitlines() if line.strip()]
    assert (result.returncode, result.stderr) == (0, "")
    assert tuple(name for name in listed if name in COMMANDS) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_with_examples(command):
    result = run(command, "--help")
    assert result.returncode == 0
    assert "Examples" in result.stdout
    assert f"\n    reclaim-tracer {command}" in result.stdout, "examples keep their lines"
    assert len(max(result.stdout.splitlines(), key=len)) <= 80


def test_help_loads_nothing_heavy():
    code = (
        "import sys, tracer.commands.app\n"
        "heavy = {'numpy', 'pandas', 'plotly', 'rich', 'bcc', 'zstandard', 'pygments', 'textual'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout == "[]\n"


@pytest.mark.parametrize("arguments", [("-h",), ("record", "-h")])
def test_help_has_a_short_name(arguments):
    result = run(*arguments)
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: ")


def test_a_condition_is_told_also_where_the_reader_has_gone(lossy):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        result = run("summary", lossy, "--fail-on", "loss", capture_output=False, stdout=gone, stderr=subprocess.PIPE)
    assert result.returncode == 5
    assert "--fail-on: loss" in result.stderr


@needs_root
@pytest.mark.parametrize("command", ["summary", "report"])
def test_a_recording_that_may_not_be_read_is_unreadable(command, tmp_path):
    path = write_recording(tmp_path / "closed.rtrace")
    path.chmod(0)
    os.chown(path, 12345, 12345)
    done = subprocess.run(
        ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", sys.executable, "-m", "tracer", command, path],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=ENV,
    )
    assert done.stderr == f"reclaim-tracer: error: {path}: can't be read: Permission denied\n"
    assert done.returncode == 4


def test_version():
    assert run("-V").stdout == run("--version").stdout
    assert run("--version").stdout == f"reclaim-tracer {tracer.__version__}\n"


@pytest.mark.parametrize("command", ["summary", "replay", "report"])
@pytest.mark.parametrize("kind", ["missing", "directory", "empty", "garbage", "newer\x1b[2J"])
def test_an_unreadable_recording_is_one_line_and_exit_4(command, kind, tmp_path):
    path = tmp_path / f"{kind}.rtrace"
    if kind == "directory":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes({"empty": b"", "garbage": b"\x7fELF" * 999}.get(kind, b"RTRACE\xff\xff" * 99))
    result = run(command, path)
    assert (result.returncode, result.stdout) == (4, "")
    assert result.stderr.startswith("reclaim-tracer: error: ")
    assert len(result.stderr.splitlines()) == 1
    assert "\x1b" not in result.stderr


def test_summary_says_the_verdict_first(recording):
    result = run("summary", recording)
    lines = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (0, "")
    assert lines[0].startswith("small.rtrace: 4.95 s on vm1, Linux 6.12.1")
    assert lines[2].startswith(
        "Verdict: [critical] The OOM killer chose java (pid 77) with 15.6 MiB still in the balloon"
    )
    assert "super_cache_scan" in result.stdout
    assert "\x1b" not in result.stdout, "a task's name can't move the cursor"


def test_summary_json_is_the_contract(recording):
    data = json.loads(run("summary", recording, "--json").stdout)
    assert data["format"] == "reclaim-tracer/summary"
    assert data["version"] == 1
    assert [cycle["class"] for cycle in data["cycles"]] == ["host-reinflate"] * 2
    assert data["recording"]["lost"] == 0


def test_the_horizon_decides_what_a_cycle_is(recording):
    cycles = [len(json.loads(run("summary", recording, "--json", "--horizon", s).stdout)["cycles"]) for s in (0.1, 10)]
    assert cycles == [0, 2]


@pytest.mark.parametrize(("conditions", "code"), [("cycles", 5), ("kills", 5), ("loss", 0), ("loss,conflicts", 5)])
def test_fail_on(recording, conditions, code):
    result = run("summary", recording, "--fail-on", conditions)
    assert result.returncode == code
    assert ("--fail-on: " in result.stderr) is (code == 5)
    assert result.stdout, "the summary is printed all the same"


def test_fail_on_loss(lossy):
    result = run("summary", lossy, "--fail-on", "loss")
    assert (result.returncode, result.stderr) == (5, "--fail-on: loss 7\n")


def test_a_part_of_a_recording(recording):
    result = run("summary", recording, "--json", "--from", 4, "--to", 4.2)
    data = json.loads(result.stdout)
    assert data["recording"]["events"] == 4 * 5
    assert data["cycles"] == []
    assert run("summary", recording, "--from", 4, "--to", 4.2).stdout.startswith(
        "small.rtrace: 200 ms (4.000 s to 4.200 s of 4.95 s) on vm1"
    )


def test_a_cut_recording_says_how_much_is_missing_and_exits_with_0(recording, tmp_path):
    whole = recording.read_bytes()
    cut = tmp_path / "cut.rtrace"
    cut.write_bytes(whole[:-9])
    result = run("summary", cut)
    assert (result.returncode, result.stderr) == (0, "")
    assert "cut" in result.stdout
    assert json.loads(run("summary", cut, "--json").stdout)["recording"]["cut_bytes"] > 0


def test_replay_prints_findings_in_the_order_they_came_up_then_the_summary(recording):
    result = run("replay", recording)
    before, _, after = result.stdout.partition("\n\n")
    heads = [line.split() for line in before.splitlines() if "  warning  " in line or "  critical  " in line]
    assert result.returncode == 0
    assert heads[-1][0] == "critical", "the kill came last"
    assert after.startswith("small.rtrace: ")


def test_replay_at_a_speed_finds_the_same(recording):
    def summary_of(text: str) -> str:
        return text[text.index("small.rtrace: ") :]

    fast, paced = run("replay", recording), run("replay", recording, "--speed", 20)
    assert summary_of(paced.stdout) == summary_of(fast.stdout)


def test_report_does_not_overwrite_unless_forced(recording, tmp_path):
    target = tmp_path / "out.html"
    target.write_text("mine")
    refused = run("report", recording, "-o", target)
    assert (refused.returncode, target.read_text()) == (1, "mine")
    assert "--force" in refused.stderr
    forced = run("report", recording, "-o", target, "--force")
    assert forced.returncode == 0
    assert forced.stdout.startswith(f"Wrote {target} (")
    assert target.read_text().rstrip().endswith("</html>")


def test_report_has_a_predictable_name(tmp_path):
    recording = write_recording(tmp_path / "a.rtrace")
    assert run("report", recording).returncode == 0
    assert (tmp_path / "a.html").exists()


def test_a_reader_that_goes_away_is_no_error(recording):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        result = run("summary", recording, capture_output=False, stdout=gone, stderr=subprocess.PIPE)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_full_stdout_is_one_line(recording):
    with Path("/dev/full").open("w") as full:
        result = run("summary", recording, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (result.returncode, result.stderr) == (
        1,
        "reclaim-tracer: error: can't write to stdout: No space left on device\n",
    )


@pytest.mark.parametrize("descriptor", [0, 2])
def test_a_closed_stream_gets_no_file_and_is_no_error(recording, tmp_path, descriptor):
    page = tmp_path / "a.html"
    result = with_closed(descriptor, "report", recording, "-o", page)
    assert (result.returncode, result.stderr) == (0, "")
    assert page.read_text().endswith("</html>\n")


@pytest.mark.parametrize("command", ["summary", "summary --json", "replay", "report"])
def test_a_result_that_a_closed_stdout_does_not_take_is_an_error(recording, tmp_path, command):
    copy = tmp_path / "x.rtrace"
    copy.write_bytes(recording.read_bytes())
    result = with_closed(1, *command.split(), copy)
    assert result.returncode == 1
    assert result.stderr == "reclaim-tracer: error: can't write to stdout: Bad file descriptor\n"
    assert copy.read_bytes() == recording.read_bytes()
    assert (tmp_path / "x.html").exists() is (command == "report")


def with_closed(descriptor, *arguments):
    command = shlex.join([sys.executable, "-m", "tracer", *map(str, arguments)])
    return subprocess.run(["sh", "-c", f"{command} {descriptor}>&-"], capture_output=True, text=True, env=ENV)


def test_a_terminal_without_unicode_is_no_error():
    result = run("summary", ROOT / "reports" / "demo.rtrace", env=ENV | {"PYTHONIOENCODING": "ascii"})
    assert (result.returncode, result.stderr) == (0, "")
    assert "\\xb5s" in result.stdout


def test_what_is_said_cannot_move_the_cursor():
    result = run("record", "--", "no-such-\x1b[2J\ncommand")
    assert result.stderr == "reclaim-tracer: error: no-such-\\x1b[2J\\ncommand: no such command\n"


def test_record_looks_at_its_output_before_it_attaches(tmp_path, monkeypatch):
    def attach(*_: object) -> None:
        raise AssertionError("attached although there is nowhere to write to")

    monkeypatch.setattr(capture, "open_session", attach)
    monkeypatch.setattr(capture, "require_tracing", attach)
    (tmp_path / "mine.rtrace").touch()
    for name in ("mine.rtrace", "no/such.rtrace", "."):
        with pytest.raises(TracerError):
            capture.capture(capture.CaptureRequest(capture.Output(tmp_path / name)), Messages())


def test_record_refuses_an_existing_file_before_anything_else(tmp_path):
    target = tmp_path / "mine.rtrace"
    target.write_text("mine")
    result = run("record", "-d", 1, "-o", target)
    assert (result.returncode, result.stdout, target.read_text()) == (1, "", "mine")
    assert "--force" in result.stderr


def test_record_refuses_a_missing_directory(tmp_path):
    result = run("record", "-d", 1, "-o", tmp_path / "no" / "x.rtrace")
    assert result.returncode == 1
    assert str(tmp_path / "no") in result.stderr


def test_a_command_loads_none_of_the_others():
    code = (
        "import sys\n"
        "sys.argv[1:] = ['summary', 'missing.rtrace']\n"
        "from tracer.commands.entry import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    print([name for name in sys.modules if name == 'tracer.commands.fleet'])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout == "[]\n"
    assert "missing.rtrace" in result.stderr
