"""Values of options from outside: what is understood, and how a wrong one is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from command_line import ENV, run
from written_recordings import write_recording

from tracer.commands.options import length_s


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(tmp_path_factory.mktemp("cli") / "small.rtrace")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10", 10.0),
        ("0.5", 0.5),
        (".5s", 0.5),
        ("500ms", 0.5),
        ("30s", 30.0),
        ("5m", 300.0),
        ("2 h", 7200.0),
        ("1D", 86_400.0),
    ],
)
def test_lengths_of_time_are_understood_as_people_write_them(text, seconds):
    assert length_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "x", "5x", "nan", "inf", "-1", "0", "99999999999", "10ms", "5 m m"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(typer.BadParameter, match=r"not a duration|must be from"):
        length_s(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("summary",),
        ("summary", "x.rtrace", "--nonsense"),
        ("summary", "x.rtrace", "--fail-on", "cycles,weather"),
        ("summary", "x.rtrace", "--horizon", "0"),
        ("replay", "x.rtrace", "--speed", "0"),
        ("replay", "x.rtrace", "--speed", "fast"),
        ("record", "-d", "-1"),
        ("record", "-d", "inf", "-o", "x.rtrace"),
        ("summary", "x.rtrace", "--horizon", "inf"),
        ("summary", "x.rtrace", "--gap", "nan"),
        ("summary", "x.rtrace", "--to", "1e300"),
        ("replay", "x.rtrace", "--speed", "1e-300"),
        ("record", "-o", "x.rtrace", "--", "/etc/passwd"),
        ("record", "-o", "x.rtrace", "--"),
        ("record", "-d", "0.1", "-o", "x.rtrace", "--", ""),
        ("demo", "-d", "11m"),
        ("demo", "-d", "0.5"),
        ("record", "-o", "x.rtrace", "--", "/no/such/command"),
        ("record", "-o", "/"),
        ("record", "-o", ".", "--rotate", "1"),
        ("report", "."),
        ("report", "x.rtrace", "-o", "/"),
        ("import", "."),
        ("import", ""),
        ("import", "x.txt", "-o", "."),
    ],
)
def test_a_wrong_command_line_exits_with_2(arguments, tmp_path):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("summary", "x.rtrace", "--fail-on", "weather"), "'--fail-on': 'weather' is not one of cycles"),
        (("summary", "x.rtrace", "--from", "abc"), "'--from': 'abc' is not a duration"),
        (("summary", "x.rtrace", "--to", "-1"), "'--to': '-1' is not a duration"),
        (("replay", "x.rtrace", "--speed", "fast"), "'--speed': 'fast' is neither"),
        (("import", "x.txt", "--map", "vmscan"), "'--map': 'vmscan' is not of the form NAME=KIND"),
        (("import", "x.txt", "--map", "vmscan=kswapd_wakes"), "did you mean kswapd_wake"),
        (("import", "x.txt", "--host", "h" * 254), "'--host': of 254 characters: 253 at most"),
    ],
)
def test_a_wrong_value_is_said_with_its_option(arguments, words, tmp_path):
    (tmp_path / "x.txt").touch()
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert words in result.stderr


def test_a_slice_is_given_as_any_length_of_time(recording):
    slices = [
        json.loads(run("summary", recording, "--json", "--from", begin).stdout)["recording"]["slice"]
        for begin in ("4", "4s")
    ]
    assert slices[0] == slices[1]
    assert slices[0]["from_s"] == 4


@pytest.mark.parametrize(("part", "word"), [(("--from", 3, "--to", 2), "--to"), (("--from", 99), "4.950 s long")])
def test_a_part_with_nothing_in_it_exits_with_2(recording, part, word):
    result = run("summary", recording, *part)
    assert (result.returncode, result.stdout) == (2, "")
    assert word in result.stderr


def test_values_of_options_are_completed():
    def completed(words: str) -> list[str]:
        environment = {**ENV, "_RECLAIM_TRACER_COMPLETE": "complete_bash", "COMP_WORDS": words}
        count = {"COMP_CWORD": str(len(words.split()) - 1)}
        return run(env=environment | count).stdout.split()

    assert completed("reclaim-tracer summary x --fail-on cycles,k") == ["cycles,kills", "cycles,kind:"]
    assert completed("reclaim-tracer summary x --fail-on loss,l") == []
    assert "my_event=mark_victim" in completed("reclaim-tracer import x --map my_event=mark")
