"""Text measured in a terminal's cells: wide letters take two, combining ones none; lines break at words."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import Final

_TOGETHER: Final = re.compile(
    r"(?<=\d) (?=(?:s|ms|µs|ns|%|B|KiB|MiB|GiB|TiB)(?!\w))"  # a number and its unit
    r"|(?<=\w) (?=\d[\d,.]*(?:,|;|$))"  # what is counted in a list, and its number
    r"|(?<= [~-]) (?=\w)"  # a sign and what it means
)
_LEFT_OUT: Final = "..."
_TIED: Final = "\xa0"
_JOINTS: Final = (":/", "_-.,=")
"""Where a word that is longer than a line is parted: behind one of the first, else of the second, else anywhere."""


def cells(text: str) -> int:
    """How many cells of a terminal a printable text takes (East Asian Width, UAX 11)."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Text filled up with blanks to so many cells, those before it where it belongs to the right."""
    blanks = " " * (width - cells(text))
    return blanks + text if right else text + blanks


def wrap(text: str, width: int, *, part: bool = True) -> list[str]:
    """Lines of at most so many cells; a number stays with its unit. Never empty.

    A word that is longer than a line is parted, or has a longer line of its own.
    """
    lines, line = [], ""
    for word in _words(text, width if part else sys.maxsize):
        joined = f"{line} {word}" if line else word
        if line and cells(joined) > width:
            lines.append(line)
            joined = word
        line = joined
    return [each.replace(_TIED, " ") for each in (*lines, line)]


def shorten(text: str, width: int) -> str:
    """Text of at most so many cells (4 or more): of a longer one the middle goes, and more is kept of its end."""
    if cells(text) <= width:
        return text
    room = width - len(_LEFT_OUT)
    head = cut(text, max(room // 3, 1))[0]
    tail = cut(text[::-1], room - cells(head))[0][::-1]
    return f"{head}{_LEFT_OUT}{tail}"


def cut(text: str, width: int) -> list[str]:
    """Text in pieces of at most so many cells, wherever they end. Never empty."""
    pieces, piece, used = [], "", 0
    for char in text:
        size = _cells_of(char)
        if used + size > width and piece:
            pieces.append(piece)
            piece, used = "", 0
        piece, used = piece + char, used + size
    return [*pieces, piece]


def _words(text: str, width: int) -> Iterator[str]:
    for word in _TOGETHER.sub(_TIED, text).split(" "):
        if word:
            yield from (word,) if cells(word) <= width else _parted(word, width)


def _parted(word: str, width: int) -> Iterator[str]:
    while cells(word) > width:
        most = len(cut(word, width)[0])
        ends = (max(word.rfind(joint, 0, most) for joint in joints) + 1 for joints in _JOINTS)
        end = next((end for end in ends if end > most // 3), most)
        yield word[:end]
        word = word[end:]
    yield word


def _cells_of(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
