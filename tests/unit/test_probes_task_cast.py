"""Casts of the running task: the kernel's function where programs may call it, else a move."""

from __future__ import annotations

import pytest

from tracer.kernel.btf import Btf
from tracer.probes import task_cast as module
from tracer.probes.syscalls import instruction
from tracer.probes.task_cast import TaskCast, task_cast, with_casts

MARK = 0x7C000000
CALL = instruction(0x85, 0, 0, 0, MARK)
AROUND = instruction(0xB7, 2, 0, 0, 114), instruction(0x95)


class Types:
    def __init__(self, function: tuple[int, int] | None) -> None:
        self._function = function

    def expect(self, names: tuple[str, ...]) -> None:
        pass

    def function(self, name: str) -> tuple[int, int] | None:
        return self._function if name == "bpf_rdonly_cast" else None

    def structure_number(self, structure: str) -> int | None:
        return 114 if structure == "task_struct" else None


@pytest.mark.parametrize(
    ("cast", "instead"),
    [(TaskCast(65504, 114), instruction(0x85, 0, 2, 0, 65504)), (None, instruction(0xBF, 0, 1))],
    ids=["kernel-function", "move"],
)
def test_each_call_becomes_what_the_kernel_can_do(cast: TaskCast | None, instead: bytes) -> None:
    before, after = AROUND
    assert with_casts(before + CALL + after + CALL, cast) == before + instead + after + instead


@pytest.mark.parametrize(
    "other",
    [
        instruction(0x85, 0, 0, 0, 158),
        instruction(0x85, 0, 1, 0, MARK),
        instruction(0x07, 0, 0, 0, MARK),
        instruction(0x18, 1, 0, 0, MARK) + instruction(0, 0, 0, 0, MARK),
        CALL[4:] + CALL + CALL[:4],
    ],
    ids=["helper", "subprogram", "number", "wide-load", "unaligned"],
)
def test_nothing_else_changes(other: bytes) -> None:
    assert with_casts(other, TaskCast(65504, 114)) == other


@pytest.mark.parametrize(
    ("types", "accepts", "expected"),
    [
        (Types((65504, 2)), True, TaskCast(65504, 114)),
        (Types((65504, 2)), False, None),
        (Types(None), True, None),
        (None, True, None),
    ],
    ids=["there", "refused", "before-6.2", "no-types"],
)
def test_the_kernels_function_is_taken_where_it_is_there_and_may_be_called(
    monkeypatch: pytest.MonkeyPatch, types: Types | None, accepts: bool, expected: TaskCast | None
) -> None:
    monkeypatch.setattr(Btf, "read", lambda module, root: types)
    monkeypatch.setattr(module, "accepts_task_cast", lambda function, task: accepts)
    assert task_cast.__wrapped__() == expected
