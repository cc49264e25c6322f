"""Compiled programs into the kernel: maps made, constants of this boot put in, each program loaded by itself."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from ...errors import CannotTraceError
from ...kernel.kernel_version import version_code
from .. import boot_constants
from ..bpf_objects import (
    LoadError,
    MapDefinition,
    create_map,
    load_program,
    load_traced_function,
    memory_allowed,
    resized,
)
from ..request import Loaded, LoadRequest
from ..task_cast import TaskCast, task_cast, with_casts
from .entry import MAP_REGISTER, Entry, wide_loads, with_load

Load = tuple[str, Callable[[], int]]
"""A program's name, and what loads it."""


def install(entry: Entry, request: LoadRequest) -> Loaded:
    """The programs that a request wants, and those maps that it wants to keep.

    A program that the kernel refuses is in `refusals`. Raises CannotTraceError where a map can't be made.
    """
    loaded, fds = Loaded(), dict[str, int]()
    try:
        with memory_allowed():
            for definition in entry.maps:
                fds[definition.name] = _create(resized(definition, request.map_entries.get(definition.name)))
            _load_programs(entry, request, list(fds.values()), loaded)
        loaded.maps |= {name: fds.pop(name) for name in request.maps}
    except BaseException:
        loaded.close()
        raise
    finally:
        for fd in fds.values():
            os.close(fd)
    return loaded


def patched(code: bytes, maps: Sequence[int], values: Mapping[int, int], cast: TaskCast | None = None) -> bytes:
    """Instructions with descriptors of maps, this boot's constants, and the cast of the task in them."""
    whole = bytearray(with_casts(code, cast))
    for at, register, immediate in wide_loads(code):
        if register == MAP_REGISTER:
            with_load(whole, at, MAP_REGISTER, maps[immediate])
        elif register == boot_constants.MARK_REGISTER:
            with_load(whole, at, 0, boot_constants.value_of(immediate, values))
    return bytes(whole)


def _load_programs(entry: Entry, request: LoadRequest, maps: Sequence[int], loaded: Loaded) -> None:
    version, cast = version_code(os.uname().release), task_cast()
    values = {**request.boot_values, **(cast.boot_values if cast else {})}

    def code(program: str) -> bytes:
        if program not in entry.programs:
            raise LoadError("this compiler has left it out", "")
        return patched(entry.programs[program], maps, values, cast)

    def plain(name: str, kind: str) -> Load:
        return name, lambda: load_program(code(name), kind, name, version)

    def traced(name: str, program: str, on_return: bool, number: int, module: str | None) -> Load:
        return name, lambda: load_traced_function(code(program), number, module, on_return=on_return, name=program)

    load_all(loaded, [*(plain(*each) for each in request.programs), *(traced(*each) for each in request.traced)])


def load_all(loaded: Loaded, loads: Sequence[Load]) -> None:
    """Load by two threads where there are CPUs for them: most of it is the kernel's verifier, a program on one CPU.

    `loaded` has them in this order, whatever is raised.
    """
    found: dict[str, int | LoadError] = {}
    left = iter(loads)

    def take() -> None:
        for name, load in left:
            try:
                found[name] = load()
            except LoadError as error:
                found[name] = error

    try:
        with _beside(take):
            take()
    finally:
        for name, _ in loads:
            outcome = found.get(name)
            if isinstance(outcome, LoadError):
                loaded.refusals[name] = str(outcome)
            elif outcome is not None:
                loaded.programs[name] = outcome


@contextmanager
def _beside(work: Callable[[], None]) -> Iterator[None]:
    """Have the same done by another thread, and wait for it; its error is raised where the block has none."""
    errors: list[Exception] = []

    def watched() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    helper = threading.Thread(target=watched, daemon=True)
    if len(os.sched_getaffinity(0)) > 1:
        with suppress(RuntimeError):  # no thread to be had: it is done here alone
            helper.start()
    try:
        yield
    finally:
        if helper.ident is not None:
            helper.join()
    for error in errors:
        raise error


def _create(definition: MapDefinition) -> int:
    try:
        return create_map(definition)
    except OSError as error:
        if error.errno == errno.EMFILE:
            raise CannotTraceError("too many open files: raise the limit (ulimit -n)") from error
        size = definition.max_entries
        raise CannotTraceError(
            f"can't create the BPF map '{definition.name}' ({size:,} entries): {error.strerror}"
        ) from error
