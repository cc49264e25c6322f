"""Packed sources that are cut or damaged: everything before the damage is imported, and the recording says so."""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import subprocess
import sys
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from import_cases import import_file

from tracer.errors import RecordingError
from tracer.imports.packing import DamageError, unpacked
from tracer.store.notes import facts_of

LINES = [
    b"   cat-7   [001]   1.%06d: mm_vmscan_direct_reclaim_end: nr_reclaimed=%d\n" % (n, n * 7919 % 10**12)
    for n in range(2000)
]
TEXT = b"".join(LINES)
PACK = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}
FRAMES = {
    "gzip": lambda: zlib.decompressobj(31),
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "xz": lzma.LZMADecompressor,
    "bzip2": bz2.BZ2Decompressor,
}
every_packing = pytest.mark.parametrize("name", PACK)


def read_all(packed: bytes) -> tuple[bytes, str]:
    """What is read of packed data, and what is said of its damage."""
    read, parts = unpacked(io.BytesIO(packed)), []
    try:
        while part := read(1 << 16):
            parts.append(part)
    except DamageError as error:
        return b"".join(parts), str(error)
    return b"".join(parts), ""


def byte_by_byte(name: str, packed: bytes) -> bytes:
    """What the library gives of one frame before it finds the damage."""
    frame, text = FRAMES[name](), b""
    with contextlib.suppress(EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError):
        for at in range(len(packed)):
            text += frame.decompress(packed[at : at + 1])
    return text


@every_packing
def test_what_follows_the_packed_data_costs_none_of_it(name):
    packed = PACK[name](TEXT)
    text, damage = read_all(packed + b"garbage")
    assert text == TEXT
    assert damage == f"no {name} data from byte {len(packed):,} of {len(packed) + 7:,} on"


@pytest.mark.parametrize(("name", "from_end"), [("gzip", 8), ("zstd", 4)])
def test_a_wrong_checksum_at_the_end_costs_nothing_before_it(name, from_end):
    packed = bytearray(PACK[name](TEXT))
    packed[-from_end] ^= 1
    text, damage = read_all(bytes(packed))
    assert text == TEXT
    assert f"{name} data is damaged at byte" in damage
    assert "check" in damage


@every_packing
def test_frames_before_a_damaged_one_are_whole(name):
    first, second = PACK[name](TEXT), bytearray(PACK[name](TEXT))
    second[len(second) // 2] ^= 0xFF
    text, damage = read_all(first + bytes(second))
    assert text.startswith(TEXT)
    assert text == TEXT + byte_by_byte(name, bytes(second))
    assert damage


@every_packing
@settings(max_examples=12)
@given(share=st.floats(0, 1), flip=st.integers(1, 255))
def test_a_damaged_byte_costs_nothing_before_it(name, share, flip):
    packed = bytearray(PACK[name](TEXT))
    packed[10 + int(share * (len(packed) - 11))] ^= flip
    text, _ = read_all(bytes(packed))
    assert text == byte_by_byte(name, bytes(packed))


@every_packing
@settings(max_examples=12)
@given(share=st.floats(0, 1))
def test_a_cut_costs_nothing_before_it(name, share):
    packed = PACK[name](TEXT)
    cut = packed[: 10 + int(share * (len(packed) - 11))]
    text, damage = read_all(cut)
    assert text == byte_by_byte(name, cut)
    assert damage == f"{name} data is cut at byte {len(cut):,}"


def test_padding_after_packed_data_is_no_damage():
    assert read_all(gzip.compress(TEXT) + bytes(512)) == (TEXT, "")
    assert read_all(gzip.compress(TEXT) + bytes(100_000) + gzip.compress(TEXT)) == (TEXT + TEXT, "")


def test_a_line_that_the_damage_cuts_is_left_out(tmp_path):
    # GIVEN text that ends inside of a number: nr_reclaimed=12 of 123456
    source = tmp_path / "cut.gz"
    source.write_bytes(
        gzip.compress(TEXT + b"   cat-7   [001]   9.0: mm_vmscan_direct_reclaim_end: nr_reclaimed=12")[:-8]
    )
    assert len(import_file(source, tmp_path / "out.rtrace").events) == len(LINES)


def test_the_recording_of_a_damaged_source_is_not_complete(tmp_path):
    source, out = tmp_path / "trace.gz", tmp_path / "out.rtrace"
    source.write_bytes(gzip.compress(TEXT) + b"garbage")
    imported = import_file(source, out)
    assert len(imported.events) == len(LINES)
    assert any("The source is damaged" in each and "(2,000 lines)" in each for each in imported.result.remarks)
    facts = facts_of(imported.recording, {})
    assert not facts.complete
    assert "no gzip data from byte" in facts.source_damage
    # THEN every view says so, and what asks for loss is told
    command = [sys.executable, "-m", "tracer", "summary", str(out)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "imported source is damaged" in " ".join(text.split())
    asked = subprocess.run([*command, "--json", "--fail-on", "loss"], capture_output=True, text=True)
    assert asked.returncode == 5
    assert "loss damaged source" in asked.stderr
    assert json.loads(asked.stdout)["recording"]["complete"] is False


@every_packing
def test_a_source_damaged_before_its_first_line_is_refused(name, tmp_path):
    source = tmp_path / "trace"
    source.write_bytes(PACK[name](TEXT)[:10] + b"garbage")
    with pytest.raises(RecordingError, match=r"damaged|cut at byte"):
        import_file(source, tmp_path / "out.rtrace")
    assert not (tmp_path / "out.rtrace").exists()
