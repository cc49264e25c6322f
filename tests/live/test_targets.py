"""The programs compiled for other machines: registers are read where those machines' kernels keep them.

bcc takes the target from ARCH; nothing is loaded here.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracer.probes import compiler
from tracer.probes.compiler import Module
from tracer.probes.plan import make_plan
from tracer.probes.sources import bpf_dir, kernel_flags, program_text
from tracer.probes.transport import Transport

sys.path.append(str(Path(__file__).parent.parent / "unit"))
from probe_machine import put_every_function, put_probe_formats

pytestmark = pytest.mark.usefixtures("bcc")

SECOND_ARGUMENT_AT = {"x86": 104, "arm64": 8, "s390x": 48, "powerpc": 32, "riscv64": 88}
"""Bytes into struct pt_regs (riscv64: user_regs_struct): arch/*/include/uapi/asm/ptrace.h."""
RETURN_VALUE_AT = {"x86": 80, "arm64": 0, "s390x": 40, "powerpc": 24, "riscv64": 80}
LOAD_64, MOVE_64 = 0x79, 0xBF
"""BPF_LDX | BPF_MEM | BPF_DW and BPF_ALU64 | BPF_MOV | BPF_X: include/uapi/linux/bpf.h."""
FOR_ANY_MACHINE = ("-fcf-protection=none",)
"""bcc 0.31 built for x86 asks for its control flow protection, which clang refuses for other machines."""
CONTEXT = 1
"""The register that a program's context comes in."""


def context_reads(code: bytes) -> Iterator[int]:
    """Offsets of 64-bit loads from the context, or from the register it was put into at the start."""
    holders = {CONTEXT}
    for opcode, registers, offset, _ in struct.iter_unpack("<BBhi", code):
        destination, source = registers & 0xF, registers >> 4
        if opcode == LOAD_64 and source in holders:
            yield offset
        if opcode == MOVE_64 and source in holders:
            holders.add(destination)
        else:
            holders.discard(destination)


@pytest.mark.parametrize("machine", SECOND_ARGUMENT_AT)
def test_arguments_and_return_values_come_from_the_machines_registers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    kept = tuple(name for name in compiler._UNWANTED_ENVIRONMENT if name != "ARCH")
    monkeypatch.setattr(compiler, "_UNWANTED_ENVIRONMENT", kept)
    monkeypatch.setenv("ARCH", machine)
    put_probe_formats(tmp_path, "6.1")
    put_every_function(tmp_path)
    directory = bpf_dir()
    flags = [*kernel_flags("6.1.0", Transport.RING, directory), *make_plan(root=tmp_path).flags(), *FOR_ANY_MACHINE]
    module = Module(program_text(directory), flags, directory)
    try:
        assert SECOND_ARGUMENT_AT[machine] in context_reads(module._bpf.dump_func(b"leak_balloon_begin"))
        assert RETURN_VALUE_AT[machine] in context_reads(module._bpf.dump_func(b"leak_balloon_end"))
    finally:
        module.close()
