"""What the guest lab makes of a recording that comes out of a guest: it is followed to its end mark, and kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from guest.followed import Follower

import tracer

RECORDING = Path(__file__).parents[1] / "golden/data/guest-host-reasserts.rtrace"
PIECE_BYTES = 999


@pytest.fixture
def port() -> Iterator[tuple[socket.socket, SimpleNamespace]]:
    """Where the guest writes, and a guest that has such a port."""
    inside, outside = socket.socketpair()
    with inside, outside:
        yield inside, SimpleNamespace(stream=lambda: ("/dev/vport1p1", outside))


def write(inside: socket.socket, data: bytes) -> Thread:
    """In pieces that end nowhere in particular."""
    pieces = [data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES)]
    writer = Thread(target=lambda: [inside.sendall(piece) for piece in pieces])
    writer.start()
    return writer


def test_it_ends_with_the_end_mark_while_the_port_stays_open(port, tmp_path):
    inside, guest = port
    follower, data = Follower(guest, tmp_path / "copy.rtrace"), RECORDING.read_bytes()
    writer = write(inside, data)
    told = follower.summary()
    writer.join()
    follower.close()
    assert told == tracer.open(RECORDING).summary()
    assert tracer.open(follower.copy).summary() == told
    assert told["recording"]["complete"]


def test_a_port_that_closes_before_leaves_a_recording_that_is_not_closed(port, tmp_path):
    inside, guest = port
    follower, data = Follower(guest, tmp_path / "copy.rtrace"), RECORDING.read_bytes()
    write(inside, data[: len(data) // 2]).join()
    inside.close()
    told = follower.summary()
    follower.close()
    assert not told["recording"]["complete"]
    assert follower.copy.read_bytes() == data[: len(data) // 2]


def test_what_goes_wrong_while_following_is_told_to_who_asks_for_the_result(port, tmp_path):
    inside, guest = port
    follower = Follower(guest, tmp_path / "copy.rtrace")
    inside.sendall(b"no recording at all" * 100)
    inside.close()
    with pytest.raises(tracer.RecordingError):
        follower.summary()
    follower.close()
