"""plotly.js as its Python package ships it, made to start with the charts of a report only.

The bundle registers some fifty kinds of chart when it is run, and whoever registers one runs all the code that it
needs: two thirds of the time that plotly takes to start. What is not registered is not run; it stays in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

ALWAYS: Final = frozenset({"scatter"})
"""Registered by plotly's core (plotly.js 4.1.1, src/core.js)."""
_NAME: Final = r"[\w$]+"
_REGISTER: Final = re.compile(rf"\bregister\(\[({_NAME}\(\)(?:,{_NAME}\(\))*)\]\)")
_FORWARDS: Final = re.compile(rf"\w+\(\({_NAME},({_NAME})\)=>\{{\"use strict\";\1\.exports=({_NAME})\(\)\}}\)")
_KIND: Final = re.compile(r'moduleType:"trace",name:"(\w+)"')
_NEXT: Final = "});var "


def starting_with(source: str, kinds: frozenset[str]) -> str:
    """The bundle, registering no other than these `kinds` of chart beside the core's.

    As it is where it is not built as plotly.js 4.1.1 is (lib/index.js through esbuild), or has one of them not.
    """
    wanted = kinds - ALWAYS
    # The core registers some parts of its own in the same way.
    register = max(_REGISTER.finditer(source), key=lambda found: len(found[1]), default=None)
    if register is None:
        return source
    chosen = {}
    for factory, kind in _registered(source, re.findall(_NAME, register[1])):
        if kind in wanted:
            chosen[kind] = f"{factory}()"
        if len(chosen) == len(wanted):
            break
    if set(chosen) != wanted:
        return source
    return f"{source[: register.start(1)]}{','.join(chosen.values())}{source[register.end(1) :]}"


def _registered(source: str, factories: list[str]) -> Iterator[tuple[str, str]]:
    """Each factory with the kind of chart it makes, where that can be told."""
    for factory in factories:
        forwards = _FORWARDS.match(source, _definition(source, factory))
        if forwards is None:
            continue
        start = _definition(source, forwards[2])
        if kind := _KIND.search(source, start, max(start, source.find(_NEXT, start))):
            yield factory, kind[1]


def _definition(source: str, name: str) -> int:
    """Where the value of `var NAME=` begins; the source's end where there is none."""
    found = source.find(f"var {name}=")
    return len(source) if found < 0 else found + len(f"var {name}=")
