"""Options are read without pydantic where they are plain, and by pydantic where they are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest
from command_line import ENV

from tracer import lean_validation as lean

READ = """
import sys
from tracer.commands.entry import application
from tracer.lean_validation import stand_in
from tracer.recorder.handover import HandOver

stand_in()
try:
    application("record")(["record", *sys.argv[1:]], prog_name="reclaim-tracer")
except HandOver as rest:
    print(rest.arguments["options"])
finally:
    print("pydantic_core" in sys.modules)
"""
PLAIN = "-o x.rtrace --force -d 5s --buffer-size 2 --transport ring --sample-interval 0.5 --flush .2 --programs p"
ODD = "+3", "1_0", " 7 ", "1e2", "nan", "no", "", "0", "-4", "99999999999999999999", b"5", None, 2.5, True, object


def read(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", READ, *arguments], env=ENV, capture_output=True, text=True, timeout=60)


def test_plain_options_are_read_without_pydantic() -> None:
    done = read(*PLAIN.replace(".2", "0.2").split(), "--label", "a=b", "--label", "c=d", "--", "true", "x")
    assert done.stderr == ""
    options, loaded = done.stdout.splitlines()
    for told in ("duration_s=5.0", "buffer_bytes=2097152", "transport='ring'", "sample_interval_s=0.5", "'c': 'd'"):
        assert told in options
    assert "command=('true', 'x')" in options
    assert loaded == "False"


def test_of_a_mistake_pydantic_speaks() -> None:
    done = read("--buffer-size", "0")
    assert done.stderr.endswith("Invalid value for '--buffer-size': Input should be greater than or equal to 1\n")
    assert (done.returncode, done.stdout) == (2, "True\n")


def kinds(library: Any) -> list[Any]:
    bounded, before = library.bounded, library.before

    def is_short(value: Any) -> Any:
        if len(value) > 3:
            raise ValueError("too long")
        return value

    def with_context(value: Any, info: Any) -> Any:
        return value, info.context

    return [
        int,
        float,
        Path,
        bool,
        Annotated[int, bounded(ge=1, le=10)],
        Annotated[float, bounded(ge=0.5)],
        Annotated[str, before(str)],
        Annotated[Any, before(is_short)],
        Annotated[Any, before(with_context)],
        Annotated[list[Any], before(lambda value: value)],
    ]


class Ours:
    adapter, error, bounded, before = lean.TypeAdapter, lean.ValidationError, lean.field, lean.BeforeValidator


class Theirs:
    adapter, error = pydantic.TypeAdapter, pydantic.ValidationError
    bounded, before = pydantic.Field, pydantic.BeforeValidator


def made(library: Any, number: int, value: object) -> tuple[str, object]:
    try:
        return "made", repr(library.adapter(kinds(library)[number]).validate_python(value, context="c"))
    except library.error as error:
        return "refused", [(each["type"], each["msg"]) for each in error.errors()]
    except TypeError:
        return "raised", ""


@pytest.mark.parametrize("number", range(len(kinds(Ours))))
def test_what_is_made_of_a_value_is_what_pydantic_makes_of_it(number: int) -> None:
    for value in (*ODD, "1", "10", "11", "0.25", "0.75", "a/b", 3, 0.6, ["x"], Path("y"), False):
        assert made(Ours, number, value) == made(Theirs, number, value), value


def test_an_unknown_type_is_refused_in_pydantics_words() -> None:
    with pytest.raises(lean.PydanticSchemaGenerationError, match="Unable to generate pydantic-core schema"):
        lean.TypeAdapter(Ours)
