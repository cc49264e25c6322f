"""plotly.js as its Python package ships it, cut down to the charts of a report.

The bundle registers some fifty kinds of chart when it is run, and whoever registers one runs all the code that it
needs. Here only those that are drawn are registered, and what nobody asks for any more is left out: a quarter of the
code is left, of which less is to be unpacked, read and run before a chart is drawn.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

ALWAYS: Final = frozenset({"scatter"})
"""Registered by plotly's core (plotly.js 4.1.1, src/core.js)."""
_NAME: Final = r"[\w$]+"
_REGISTER: Final = re.compile(rf"\bregister\(\[({_NAME}\(\)(?:,{_NAME}\(\))*)\]\)")
_FORWARDS: Final = re.compile(rf"\w+\(\({_NAME},({_NAME})\)=>\{{\"use strict\";\1\.exports=({_NAME})\(\)\}}\)")
_KIND: Final = re.compile(r'moduleType:"trace",name:"(\w+)"')
_NEXT: Final = "});var "

_COMMONJS: Final = re.compile(
    rf"({_NAME})=\((\w+),(\w+)\)=>\(\)=>\{{try\{{return \3\|\|\2\(\(\3=\{{exports:\{{\}}\}}\)\.exports,\3\)"
)
_MODULE_INIT: Final = re.compile(rf"({_NAME})=\(\w+,\w+,\w+\)=>\(\)=>\{{if\(\w+\)throw")
_EXPORTS: Final = re.compile(rf"({_NAME})=\(\w+,\w+\)=>\{{for\(var \w+ in \w+\)")
_AS_COMMONJS: Final = re.compile(rf'({_NAME})=\w+=>{_NAME}\({_NAME}\(\{{\}},"__esModule"')
"""esbuild's own functions: what wraps a CommonJS module, what runs an ES module once, what lists an ES module's names,
and what hands such a list on."""
_OWN: Final = (_COMMONJS, _MODULE_INIT, _EXPORTS, _AS_COMMONJS)


def starting_with(source: str, kinds: frozenset[str]) -> str:
    """The bundle, registering no other than these `kinds` of chart beside the core's, without the code of the others.

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
    return _used(f"{source[: register.start(1)]}{','.join(chosen.values())}{source[register.end(1) :]}")


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


def _used(source: str) -> str:
    """The bundle without the modules that nothing in it asks for; as it is where esbuild's functions are not found."""
    own = [found[1] for pattern in _OWN if (found := pattern.search(source))]
    if len(own) < len(_OWN):
        return source
    commonjs, init, exports, as_commonjs = map(re.escape, own)
    heads = list(re.finditer(rf"\bvar ({_NAME})={commonjs}\(", source))
    starts = [head.start() for head in heads]
    parts = [source[start:stop] for start, stop in zip(starts, [*starts[1:], len(source)], strict=True)]
    named = {head[1]: at for at, head in enumerate(heads)}
    named |= {name: bisect_right(starts, at) - 1 for at, name in _es_modules(source, init, exports)}
    kept = {len(parts) - 1}
    asks = re.compile(rf"(?<![\w$])(?:({_NAME})\(\)|{as_commonjs}\(({_NAME})\))")
    waiting = [source[: starts[0]], parts[-1]]
    while waiting:
        asked = {named[name] for pair in asks.findall(waiting.pop()) for name in pair if name in named}
        waiting += [parts[at] for at in asked - kept]
        kept |= asked
    return source[: starts[0]] + "".join(parts[at] for at in sorted(kept))


def _es_modules(source: str, init: str, exports: str) -> Iterator[tuple[int, str]]:
    """Where each ES module is, by the names of what runs it and of its list of names."""
    for found in re.finditer(rf"={init}\(", source):
        if name := re.search(rf"({_NAME})$", source[max(0, found.start() - 40) : found.start()]):
            yield found.start(), name[1]
    for found in re.finditer(rf"\b{exports}\(({_NAME}),\{{", source):
        yield found.start(), found[1]
