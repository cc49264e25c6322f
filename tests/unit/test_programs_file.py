"""Files of compiled programs: what is written is read, whatever is damaged is refused in one line."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import tracemalloc
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs_cases import CPUS, EXIT, REQUEST, WORK, entry_for, load64

from tracer.probes import boot_constants
from tracer.probes.carried.entry import Entry
from tracer.probes.carried.file_format import MAGIC, ProgramsFileError, decode, decode_purposes, encode
from tracer.probes.carried.fit import does, has_all, purpose_of, why_none_fits
from tracer.probes.carried.install import patched

HEAD, ENTRY = struct.Struct("<8sII32s"), struct.Struct("<III32s")


def resealed(head: object, code: bytes = EXIT, **lengths: int) -> bytes:
    """A file of one entry with right checksums whatever is in it: anybody can make such."""
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    packed = zlib.compress(code)
    sizes = {"head_bytes": len(text), "packed_bytes": len(packed), "code_bytes": len(code)} | lengths
    entry = ENTRY.pack(*sizes.values(), hashlib.sha256(text + packed).digest()) + text + packed
    return HEAD.pack(MAGIC, 1, 1, hashlib.sha256(entry).digest()) + entry


def head(**changes: Any) -> dict[str, Any]:
    """A sound head of one program of one instruction."""
    purpose = {"release": "6.1", "machine": "x86_64", "source_digest": "00", "flags": [], "source_flags": []}
    whole = {
        "purpose": purpose | {"tool_version": "1", "compiler": ""},
        "maps": [["events", 27, 0, 0, 4096, 0]],
        "programs": [["tame", 8]],
    }
    return whole | changes


def test_what_is_written_is_read() -> None:
    entries = [entry_for(), entry_for(release="7.3")]
    assert decode(encode(entries)) == entries
    assert decode_purposes(encode(entries)) == [entry.purpose for entry in entries]
    assert decode(encode(entries), lambda made: made.release == "7.3") == entries[1:]
    assert decode(encode([])) == []
    assert decode(resealed(head()))[0].programs == {"tame": EXIT}


@given(st.integers(0, 1 << 20), st.integers(1, 255))
def test_a_flipped_bit_anywhere_is_found(place: int, change: int) -> None:
    data = bytearray(encode([entry_for()]))
    data[place % len(data)] ^= change
    with pytest.raises(ProgramsFileError, match=r"^[^\n]+$"):
        decode(bytes(data))


@given(st.integers(0, 1 << 20))
def test_a_cut_file_is_refused_wherever_it_is_cut(place: int) -> None:
    data = encode([entry_for()])
    with pytest.raises(ProgramsFileError):
        decode(data[: place % len(data)])


def test_a_file_with_something_behind_it_is_refused() -> None:
    with pytest.raises(ProgramsFileError):
        decode(encode([entry_for()]) + b"\0")


def test_another_versions_file_says_so() -> None:
    data = bytearray(encode([entry_for()]))
    data[8] = 2
    with pytest.raises(ProgramsFileError, match="format is version 2, this reclaim-tracer reads version 1"):
        decode(bytes(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a file of compiled programs"),
        (b"\x7fELF" + bytes(100), "not a file of compiled programs"),
        (resealed(b"{"), "head is no object"),
        (resealed(b"[" * 100_000), "head is no object"),
        (resealed([]), "head is no object"),
        (resealed({}), "does not say what it is for"),
        (resealed(head(purpose={})), "does not say what it is for"),
        (resealed(head(maps=None)), "a table"),
        (resealed(head(maps=[["events"]])), "another length"),
        (resealed(head(maps=[["events", 27, 0, 0, -1, 0]])), "number"),
        (resealed(head(maps=[["events", 27, 0, 0, 1 << 40, 0]])), "number"),
        (resealed(head(maps=[["events", 27, 0, 0, True, 0]])), "number"),
        (resealed(head(maps=[["events", 27, 0, 0, 1, 0]] * 2)), "two maps"),
        (resealed(head(programs=[["../x", 8]])), "a name is none"),
        (resealed(head(programs=[["tame", 16]])), "programs are not its code"),
        (resealed(head(programs=[["tame", 8], ["tame", 0]])), "programs are not its code"),
        (resealed(head(programs=[["tame", "8"]])), "number"),
        (resealed(head(programs=[["tame", 4], ["wild", 4]])), "is cut"),
        (resealed(head(), code=load64(0, 1)[:8]), "is cut"),
        (resealed(head(programs=[["tame", 16]]), code=load64(1, 1)), "unknown"),
        (resealed(head(programs=[["tame", 16]]), code=load64(15, 1)), "unknown"),
        (resealed(head(programs=[["tame", 16]]), code=load64(2, 0)), "unknown"),
        (resealed(head(), code=bytes(16)), "programs are not its code"),
        (resealed(head(), packed_bytes=1 << 31), "too long"),
        (resealed(head(), head_bytes=(1 << 32) - 1), "too long"),
        (HEAD.pack(MAGIC, 1, 1 << 30, hashlib.sha256(b"").digest()), "checksum"),
        (HEAD.pack(MAGIC, 1, 3, hashlib.sha256(b"").digest()), "it is cut"),
    ],
)
def test_a_hostile_file_with_right_checksums_is_one_line(data: bytes, words: str) -> None:
    with pytest.raises(ProgramsFileError, match=words) as raised:
        decode(data)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 4


def test_code_that_unpacks_to_more_than_it_says_is_not_unpacked() -> None:
    # GIVEN some kilobytes that unpack to 16 MiB of zeros
    data = resealed(head(), code=bytes(16 << 20), code_bytes=8)
    tracemalloc.start()
    try:
        with pytest.raises(ProgramsFileError, match="another length"):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_something_behind_the_last_entry_is_damage_whatever_the_checksum() -> None:
    body = resealed(head())[HEAD.size :] + b"\0"
    with pytest.raises(ProgramsFileError, match="something follows the last entry"):
        decode(HEAD.pack(MAGIC, 1, 1, hashlib.sha256(body).digest()) + body)


def test_maps_and_constants_are_put_in_and_nothing_else_is_touched() -> None:
    code = entry_for().programs["shrink_slab_start"]
    address = 0xFFFFFFFF81234567
    done = patched(code, [77, 78], {WORK: address, CPUS: 3})
    assert done == (
        load64(1, 77)
        + load64(0, 3, 2)
        + struct.pack("<BBhIBBhI", 0x18, 3, 0, address & 0xFFFFFFFF, 0, 0, 0, address >> 32)
        + load64(0, 0x1234, 4)
        + EXIT
    )
    assert patched(code, [1], {})[32:48] == load64(0, 0, 3)[:4] + b"\xff" * 4 + bytes(4) + b"\xff" * 4
    assert boot_constants.MARK_REGISTER not in {byte >> 4 for byte in done[1::16]}


def test_more_programs_and_fields_than_are_wanted_will_do() -> None:
    entry, wanted = entry_for(), purpose_of(REQUEST)
    fewer = purpose_of(replace(REQUEST, source_flags=REQUEST.source_flags[:1]))
    assert does(entry.purpose, wanted)
    assert does(entry.purpose, fewer)
    assert not does(entry_for(replace(REQUEST, source_flags=REQUEST.source_flags[:1])).purpose, wanted)
    assert does(replace(entry.purpose, release="6.1.0-19-amd64", tool_version="0"), wanted)
    assert has_all(entry, REQUEST)
    assert not has_all(entry, replace(REQUEST, maps=("bells",)))
    assert not has_all(Entry(entry.purpose, entry.maps, {}), REQUEST)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"machine": "aarch64"}, "its programs are for x86_64, this machine is aarch64"),
        ({"text": "other"}, r"made by another version of reclaim-tracer \(\d"),
        (
            {"source_flags": ("-DRT_WITH_shrink_slab_start", "-DRT_AT_shrink_slab_start_nid=0")},
            r"differ in the format of vmscan:mm_shrink_slab_start \(field nid\)$",
        ),
        ({"source_flags": ("-DRT_WITH_mark_victim",)}, "differ in oom:mark_victim"),
        (
            {"release": "7.3", "flags": ("-DLINUX_VERSION_CODE=0x70300", "-DRT_MAPPED_ARRAY")},
            "it has none for kernel 7.3; those for 6.1.0-18-amd64 differ in the kernel's version",
        ),
        ({"flags": (*REQUEST.flags, "-DRT_TRANSPORT_PERF")}, "--transport"),
        ({"flags": REQUEST.flags[:2]}, "RT_MAPPED_ARRAY"),
    ],
)
def test_what_is_another_is_said_in_one_line(change: dict[str, Any], words: str) -> None:
    wanted = purpose_of(replace(REQUEST, **change))
    made = entry_for().purpose
    assert not does(made, wanted)
    assert re.search(words, why_none_fits([made], wanted)), why_none_fits([made], wanted)
    assert why_none_fits([], wanted) == "it holds no programs"
