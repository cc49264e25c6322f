"""Kernel functions named by the kernel itself, held against /proc/kallsyms."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracer.kernel.kallsyms import resolve
from tracer.probes import syscalls
from tracer.probes.symbol_printer import SymbolPrinter

EVERY = 97
TABLE = Path("/proc/kallsyms")


@pytest.fixture
def printer():
    try:
        with SymbolPrinter() as made:
            yield made
    except OSError as error:
        pytest.skip(f"this kernel prints no symbols for programs: {error}")


def functions() -> list[int]:
    """Some of the kernel's and its modules' functions; programs that come and go left out."""
    lines = [line.split() for line in TABLE.read_text().splitlines()]
    return [int(line[0], 16) for line in lines if line[1] in "tT" and line[-1] != "[bpf]"][::EVERY]


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("offset", [0, 1])
def test_names_are_those_of_the_table(printer: SymbolPrinter, offset: int) -> None:
    addresses = [start + offset for start in functions()]
    assert len(addresses) > 100
    names = {address: printer.name(address) for address in addresses}
    assert {address: name for address, name in names.items() if name} == resolve(addresses)


@pytest.mark.parametrize("address", [0, 1, 0x1234, (1 << 64) - 1])
def test_an_address_of_no_function_has_no_name(printer: SymbolPrinter, address: int) -> None:
    assert printer.name(address) is None


def test_its_descriptors_are_given_back() -> None:
    before = open_files()
    for _ in range(3):
        with SymbolPrinter():
            assert open_files() == before + 3
    assert open_files() == before


def test_a_kernel_that_refuses_leaves_the_table_and_no_descriptors(
    printer: SymbolPrinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = syscalls.bpf

    def refuse_programs(command: int, layout: str, *values: int | bytes) -> int:
        if command == syscalls.PROG_LOAD:
            raise OSError(22, "Invalid argument")
        return load(command, layout, *values)

    before = open_files()
    monkeypatch.setattr(syscalls, "bpf", refuse_programs)
    with pytest.raises(OSError, match="Invalid argument"):
        SymbolPrinter()
    assert open_files() == before
