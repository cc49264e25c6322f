"""Which way records take, and how large its buffers are."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from tracer.errors import CannotTraceError
from tracer.probes import syscalls
from tracer.probes.transport import BufferSizes, Transport, choose_transport


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch):
    """A kernel that answers the wish for a ring with an error, or makes one."""

    def answer(code: int) -> None:
        def create(size: int) -> int:
            if code:
                raise OSError(code, os.strerror(code))
            return os.open(os.devnull, os.O_RDONLY)

        monkeypatch.setattr(syscalls, "create_ring", create)

    return answer


def test_a_kernel_with_rings_gives_one(kernel) -> None:
    kernel(0)
    assert choose_transport() == choose_transport(Transport.RING)
    assert choose_transport().transport is Transport.RING
    assert not choose_transport().reason


def test_perf_can_be_asked_for_and_says_so(kernel) -> None:
    kernel(0)
    choice = choose_transport(Transport.PERF)
    assert (choice.transport, choice.reason) == (Transport.PERF, "asked for")


def test_a_kernel_that_knows_no_ring_gives_perf_buffers_and_the_reason(kernel) -> None:
    kernel(errno.EINVAL)
    choice = choose_transport()
    assert (choice.transport, choice.reason) == (Transport.PERF, "this kernel has no BPF ring buffer")
    with pytest.raises(CannotTraceError, match=r"no BPF ring buffer \(try: --transport perf\)"):
        choose_transport(Transport.RING)


def test_a_refusal_for_want_of_permission_says_nothing_about_rings(kernel) -> None:
    kernel(errno.EPERM)
    assert choose_transport().transport is Transport.RING


@pytest.mark.parametrize(
    ("wanted", "size"),
    [(0, 4096), (4096, 4096), (4097, 8192), (1 << 20, 1 << 20), (5 << 20, 8 << 20), (1 << 40, 1 << 30)],
)
def test_the_ring_is_a_power_of_two_of_whole_pages(monkeypatch: pytest.MonkeyPatch, wanted: int, size: int) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: 4096)
    assert BufferSizes.of(Transport.RING, wanted, 7) == BufferSizes(size, size)


@pytest.mark.parametrize(
    ("wanted", "cpus", "each"),
    [(0, 2, 4096), (1 << 20, 1, 1 << 20), (16 << 20, 2, 8 << 20), (16 << 20, 3, 4 << 20), (1 << 40, 4, 1 << 28)],
)
def test_the_cpus_share_what_was_asked_for(monkeypatch: pytest.MonkeyPatch, wanted: int, cpus: int, each: int) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: 4096)
    assert BufferSizes.of(Transport.PERF, wanted, cpus) == BufferSizes(each, each * cpus)


PACKED = """
import sys
sys.byteorder = {order!r}
from tracer.probes import syscalls
print(hex(syscalls._WATERMARK), syscalls.instruction(0xBF, 1, 10)[1])
"""


@pytest.mark.parametrize(("order", "expected"), [("little", "0x4000 161\n"), ("big", "0x2000000000000 26\n")])
def test_bit_fields_lie_as_the_machines_compiler_lays_them(order: str, expected: str) -> None:
    result = subprocess.run([sys.executable, "-c", PACKED.format(order=order)], capture_output=True, text=True)
    assert result.stdout == expected, result.stderr
