"""The command line. One run loads the command that it is asked for, and nothing of the others."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any, Final, NamedTuple

import typer

from .. import __version__
from ..lean_validation import stand_in
from ..recorder.handover import HandOver
from ..terminal.exit_codes import NAME, run_to_exit


class _Command(NamedTuple):
    """A function of a module of this package, which may have a `COMMAND_CLASS`."""

    module: str
    function: str
    short_help: str
    context: dict[str, Any] | None = None

    def add_to(self, app: typer.Typer, name: str) -> None:
        module = import_module(f".{self.module}", __package__)
        made_by = getattr(module, "COMMAND_CLASS", None)
        add = app.command(name, cls=made_by, short_help=self.short_help, context_settings=self.context)
        add(getattr(module, self.function))


class _Group(NamedTuple):
    """Commands of a module of this package: its `app`."""

    module: str
    help: str
    short_help: str

    def add_to(self, app: typer.Typer, name: str) -> None:
        module = import_module(f".{self.module}", __package__)
        app.add_typer(module.app, name=name, help=self.help, short_help=self.short_help)


_COMMANDS: Final[Mapping[str, _Command | _Group]] = {
    "check": _Command("check", "check", "Show what can be traced here, and how to get what is missing."),
    "record": _Command(
        "record", "record", "Trace this machine and print the summary.", {"allow_interspersed_args": False}
    ),
    "live": _Command("live", "live", "Show what reclaim and the balloon do while they do it."),
    "replay": _Command("replay", "replay", "Replay a recording: findings as they appear, then the summary."),
    "summary": _Command("summary", "summary", "Analyse a recording and print text or JSON."),
    "report": _Command("report", "report", "Analyse a recording and write one HTML file."),
    "compare": _Command("compare", "compare", "Hold recordings against each other."),
    "fleet": _Command("fleet", "fleet", "Analyse many recordings, and report on all of them."),
    "events": _Command("events", "events", "Print a recording's events: text, JSON lines or CSV."),
    "spans": _Command("spans", "spans", "Print a recording's spans, nested: text, JSON lines or CSV."),
    "export": _Command("export", "export", "Write a recording in the format of another tool."),
    "sql": _Command("sql", "sql", "Answer questions in SQL about recordings."),
    "explain": _Command("explain", "explain", "Explain a kind of finding, and what to try."),
    "import": _Command("import_", "import_", "Convert a trace from ftrace, trace-cmd or perf into a recording."),
    "programs": _Group(
        "programs",
        "Compiled programs to carry along, and this machine's cache of them.",
        "Compiled programs to carry along: describe, build, list, clean.",
    ),
    "demo": _Command("demo", "demo", "Trace this machine under a bounded load."),
}


_SPARING: Final = "record"
"""Starts where there may be no memory to spare."""


def application(only: str | None = None) -> typer.Typer:
    """All commands, or one of them."""
    app = typer.Typer(
        name=NAME,
        help="Trace memory reclaim in a Linux guest: which tier supplied memory, what the balloon did, where they"
        " collide.",
        epilog=f"Start with: {NAME} check; {NAME} demo",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    for name, command in _COMMANDS.items():
        if only in (None, name):
            command.add_to(app, name)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{NAME} {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and exit with its code."""
    run_to_exit(_run)


def _run() -> None:
    named = sys.argv[1] if len(sys.argv) > 1 else None
    if named == _SPARING:
        stand_in()
    app = application(named if named in _COMMANDS else None)
    try:
        app(prog_name=NAME)
    except HandOver as rest:
        rest.go_on()
