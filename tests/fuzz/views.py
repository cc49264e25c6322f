"""Looks at a recording in every way there is, and what must hold of what is shown."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import typer
from view_inputs import MARKUP
from watching import Output

from tracer.commands.app import app
from tracer.errors import TracerError
from tracer.frames import Trace
from tracer.jobs.observing import observe_recording
from tracer.schema import KINDS
from tracer.terminal.exit_codes import NAME, run_to_exit

OUTPUT = Output()
FRAMES = (
    *("samples", "spans", "ladder", "reclaimers", "episodes", "conflicts", "cycles", "storms", "findings"),
    *("shrinkers", "stalls", "cgroups", "steps"),
)
WHOLE = (("--verbose",), ("--horizon", "0.5"), ("--gap", "10"), ("--by", "cgroup"), ("--cgroup", "*e*"))
PARTS = (("--from", "0.001", "--to", "2"), ("--from", "1"), ("--to", "0.5", "--json"))


@cache
def _commands() -> Any:
    return typer.main.get_command(app)


def run(*words: str) -> tuple[int, str]:
    """A command in this process: its exit code and output. AssertionError where it does not fail in a line."""
    code: Any = None
    try:
        with OUTPUT.caught():
            run_to_exit(lambda: _commands().main([*words], prog_name=NAME))
    except SystemExit as error:
        code = error.code
    out, complaints = OUTPUT.text(1), OUTPUT.text(2)
    if not code:
        assert not complaints, complaints
        return 0, out
    assert code in (2, 4), (code, complaints)
    assert complaints.startswith(f"{NAME}: error: "), complaints
    assert complaints.endswith("\n"), complaints
    assert complaints[:-1].isprintable(), complaints
    assert len(complaints) < 2000, complaints
    assert not out, out
    return code, out


def look(path: Path, choose: random.Random) -> str:
    """Several views of it: judged, or refused by all of them."""
    code, out = run("summary", str(path), "--json")
    page = path.with_suffix(".html")
    page.unlink(missing_ok=True)
    assert run("report", str(path), "-o", str(page))[0] == code
    for words in (("summary", *choose.choice(WHOLE)), ("replay", "--speed", choose.choice(["max", "1e15"]), "--quiet")):
        again, text = run(*words, str(path))
        assert again == code, words
        assert all(letter.isprintable() or letter == "\n" for letter in text), words
    run("summary", str(path), *choose.choice(PARTS))
    if code:
        assert not page.exists()
        return "refused"
    _look_at_page(page.read_text(encoding="utf-8"))
    _look_at_frames(path, json.loads(out, parse_constant=_no_number), choose)
    observe_recording(path)
    return "judged"


def _look_at_page(html: str) -> None:
    assert MARKUP not in html
    assert html.count("<script") == html.count("</script>")


def _look_at_frames(path: Path, summary: dict[str, Any], choose: random.Random) -> None:
    trace = Trace.open(path)
    assert json.loads(json.dumps(trace.summary())) == summary
    for name in FRAMES:
        getattr(trace, name)()
    for kind in choose.sample(KINDS, 4):
        with suppress(TracerError):
            trace.events(kind.name)


def _no_number(name: str) -> NoReturn:
    raise AssertionError(f"{name} in JSON")
