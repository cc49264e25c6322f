"""Options that commands declare together: on the command line one by one, in the command as one."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from tracer.commands.grouped import with_groups
from tracer.commands.live import live
from tracer.commands.record import record
from tracer.commands.recording_options import RecorderGroup


@dataclass(frozen=True)
class Pair:
    """Two options."""

    left: Annotated[int, typer.Option("--left", "-l", min=1)] = 1
    right: Annotated[str | None, typer.Option(help="What is right.")] = None


AS_USUAL = Pair()


@with_groups
def command(first: Annotated[str, typer.Argument()], pair: Pair = AS_USUAL, last: bool = False) -> None:
    typer.echo(f"{first} {pair} {last}")


def invoked(*arguments: str) -> str:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(command)
    return CliRunner().invoke(app, arguments).output


def test_a_group_is_typed_one_by_one_and_comes_as_one() -> None:
    assert invoked("a", "-l", "3", "--right", "b", "--last") == "a Pair(left=3, right='b') True\n"
    assert invoked("a") == "a Pair(left=1, right=None) False\n"


def test_what_a_field_says_of_its_option_holds() -> None:
    assert "What is right." in invoked("--help")
    assert "Invalid value for '--left' / '-l'" in invoked("a", "--left", "0")


def test_options_stand_in_the_groups_place() -> None:
    assert [*inspect.signature(command).parameters] == ["first", "left", "right", "last"]


def test_record_and_live_have_all_that_a_recorder_is_told() -> None:
    told = RecorderGroup.__dataclass_fields__.keys()
    assert told <= inspect.signature(record).parameters.keys()
    assert told <= inspect.signature(live).parameters.keys()
