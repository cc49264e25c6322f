"""The command line: its commands, and the one place where errors become lines and exit codes."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated, NoReturn

import typer

from .. import __version__
from ..errors import TracerError
from . import check_command, demo, import_, record, replay, report, summary

NAME = "reclaim-tracer"
INTERRUPTED = 130
_STDERR = 2

app = typer.Typer(
    name=NAME,
    help="Trace how a Linux guest gives memory back: which tier paid, what the balloon did, and where they fight.",
    epilog=f"Start with: {NAME} check; {NAME} demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("check", short_help="What can be traced here, and how to get what is missing.")(check_command.check)
app.command(
    "record",
    short_help="Trace this machine and print the summary.",
    context_settings={"allow_interspersed_args": False},
)(record.record)
app.command("replay", short_help="Run a recording through the engine once more.")(replay.replay)
app.command("summary", short_help="The analysis of a recording as text or JSON.")(summary.summary)
app.command("report", short_help="The analysis of a recording as one HTML file.")(report.report)
app.command("import", short_help="Turn a recording of ftrace, trace-cmd or perf into one of this tool's.")(
    import_.import_
)
app.command("demo", short_help="Trace this machine under a bounded load of its own.")(demo.demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def _one_line(text: str) -> str:
    """Text for a terminal: control characters (a file's name may hold them) escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _fail(message: str, exit_code: int) -> NoReturn:
    sys.stderr.write(f"{NAME}: error: {_one_line(message)}\n")
    sys.exit(exit_code)


def _drop_stdout() -> None:
    """Keep the interpreter from writing to a stdout that is gone or full once more when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _prepare_streams() -> None:
    """Open closed streams (`>&-`) on /dev/null, or a file gets what is printed; escape what has no encoding."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(descriptor)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command line and exit with its code."""
    _prepare_streams()
    try:
        try:
            app(prog_name=NAME)
        finally:
            sys.stdout.flush()
    except TracerError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        _drop_stdout()
        sys.exit(1)
    except OSError as error:
        _drop_stdout()
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
