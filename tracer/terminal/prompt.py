"""A prompt for statements that end with a semicolon, and for a few commands that begin with a dot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ..errors import TracerError
from .messages import print_result, say

_FIRST: Final = "sql> "
_FURTHER: Final = "...> "
_HELP: Final = """\
A query ends with a semicolon and may have several lines.
  .tables        list the tables
  .schema TABLE  list a table's columns
  .help          show this
  .quit          leave (also Ctrl-D)
Ctrl-C ends a query that runs, and discards one that is being typed.
"""

Command = Callable[[str], str]


@dataclass(frozen=True)
class Prompt:
    """`answer` prints a query's answer; `commands` give the text for `.NAME ARGUMENT`."""

    answer: Callable[[str], object]
    commands: Mapping[str, Command]

    def run(self) -> None:
        """Until `.quit` or the end of input. What is wrong with a query is said, and the next is asked for."""
        _edit_lines()
        say("Type .help for help, .tables for the tables.")
        while True:
            try:
                statement = _statement()
                if statement is None:
                    return
                self._do(statement)
            except KeyboardInterrupt:
                say("Interrupted.")
            except TracerError as error:
                say(f"error: {error}")

    def _do(self, statement: str) -> None:
        if not statement.startswith("."):
            self.answer(statement)
            return
        name, _, argument = statement[1:].partition(" ")
        if name in {"help", "h"}:
            print_result(_HELP)
        elif name in self.commands:
            print_result(self.commands[name](argument.strip()))
        else:
            say(f"there is no command .{name}: .help lists them")


def statements(text: str) -> Iterator[str]:
    """The statements of a text: each ends at a line whose last character is a semicolon."""
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []
    if any(line.strip() for line in lines):
        yield "\n".join(lines)


def _statement() -> str | None:
    """What is typed next, None at the end."""
    lines: list[str] = []
    while True:
        try:
            line = input(_FURTHER if lines else _FIRST)
        except EOFError:
            print_result("\n")
            return None
        except KeyboardInterrupt:
            print_result("\n")
            raise
        bare = line.strip()
        if not lines and bare.lower() in {".quit", ".exit", ".q", "quit", "exit"}:
            return None
        if not lines and (bare.startswith(".") or bare.lower() == "help"):
            return bare if bare.startswith(".") else ".help"
        if bare:
            lines.append(line)
        if bare.endswith(";") and lines:
            return "\n".join(lines)


def _edit_lines() -> None:
    """Arrow keys and a history, where Python was built with them."""
    with suppress(ImportError):
        import readline

        readline.parse_and_bind("tab: self-insert")
