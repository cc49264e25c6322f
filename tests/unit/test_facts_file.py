"""A description of a kernel as a file: whole or refused in one line, however it is damaged or forged."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from pathlib import Path

import pytest
from described_kernels import described, forged, packed

from tracer.probes.facts.facts import Facts, FactsError
from tracer.probes.facts.file_format import decode, encode

NESTED = b"[" * 100_000


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return described(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def data(facts: Facts) -> bytes:
    return encode(facts)


def test_what_is_written_is_read_again(facts, data):
    assert decode(data) == facts


def test_a_file_cut_anywhere_is_refused(data):
    for end in (*range(60), *range(60, len(data), 97), len(data) - 1):
        with pytest.raises(FactsError):
            decode(data[:end])


def test_a_file_with_any_byte_changed_is_refused(data):
    for at in (*range(60), *range(60, len(data), 53)):
        with pytest.raises(FactsError):
            decode(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def test_something_behind_the_end_is_refused(data):
    with pytest.raises(FactsError, match="checksum"):
        decode(data + b"\0")


def test_a_later_version_is_named():
    with pytest.raises(FactsError, match="its format is version 2, this reclaim-tracer reads version 1"):
        decode(packed(b"{}", version=2))


def test_no_description_at_all_says_how_to_make_one():
    with pytest.raises(FactsError, match="programs describe"):
        decode(b"\x7fELF" + bytes(100))


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"{", b"null", b"\xff", NESTED], ids=lambda text: repr(text[:4]))
def test_what_is_no_object_with_these_fields_is_refused(text):
    with pytest.raises(FactsError, match="damaged"):
        decode(packed(text))


def test_what_unpacks_to_more_than_it_says_is_refused_before_it_is_unpacked():
    with pytest.raises(FactsError, match="another length"):
        decode(packed(bytes(1 << 20), length=100))
    with pytest.raises(FactsError, match="damaged"):
        decode(packed(b"{}", length=0xFFFFFFFF))


OUT_OF_BOUNDS = "\tfield:int x;\toffset:70000;\tsize:4;\tsigned:1;\n"
HOSTILE = {
    "a path for a tracepoint": {"formats": {"../../etc:passwd": "ID: 1\n"}},
    "a path made of colons": {"formats": {"a:..:..": "ID: 1\n"}},
    "a format without a number": {"formats": {"oom:mark_victim": "name: mark_victim\n"}},
    "a field far away": {"formats": {"oom:mark_victim": f"ID: 1\n{OUT_OF_BOUNDS}"}},
    "a number of ten thousand digits": {"formats": {"oom:mark_victim": "ID: " + "9" * 10_000}},
    "a shift by a million": {"formats": {"kmem:mm_page_alloc": 'ID: 1\nprint fmt: {1 << 1000000, "__GFP_NORETRY"}'}},
    "a format that is endless": {"formats": {"oom:mark_victim": "ID: 1\n" + " " * 70_000}},
    "a thousand fields": {"formats": {"oom:mark_victim": "ID: 1\n" + "field:" * 1000}},
    "a field of a thousand words": {"formats": {"oom:mark_victim": f"ID: 1\nfield:{'a' * 1000}!;\toffset:8;\tsize:4;"}},
    "a path for a module": {"types": {"vmlinux": "", "../x": ""}},
    "types that are none": {"types": {"vmlinux": b64encode(b"not types").decode()}},
    "types that are no base64": {"types": {"vmlinux": "§"}},
    "types of a module alone": {"types": {"virtio_balloon": b64encode(bytes(24)).decode()}},
    "a path for a symbol": {"symbols": [["a/../b", None]]},
    "a symbol of two lines": {"symbols": [["a\nffff t b", None]]},
    "a module of two lines": {"symbols": [["a", "b]\nffff t c"]]},
    "half a symbol": {"symbols": [["a"]]},
    "more CPUs than there are": {"cpus_possible": 1 << 40},
    "no CPUs": {"cpus_possible": 0},
    "a truth that is a number": {"has_kprobes": 1},
    "a number that is a truth": {"page_bytes": True},
    "a number with a fraction": {"page_bytes": 4096.5},
    "a release that is a path": {"release": "../../x"},
    "a release of two lines": {"release": "6.1\n-DX"},
    "a trial that is code": {"trials": {"task_walk 1 -DX": True}},
    "an unknown of two lines": {"unknown": ["a\nb"]},
    "many asked": {"asked": ["a"] * 5000},
    "too many blocks": {"buddy_orders": 4000},
    "a hierarchy that is none": {"cgroup_version": 3},
    "a field too many": {"more": 1},
}


@pytest.mark.parametrize("values", HOSTILE.values(), ids=HOSTILE)
def test_a_forged_file_with_right_checksums_is_refused_in_one_line(data, values):
    with pytest.raises(FactsError) as refusal:
        decode(forged(data, **values))
    assert "\n" not in str(refusal.value)


def test_every_field_is_checked(data):
    # GIVEN a file whose checksums are right and of which one field is of another type
    for name in json.loads(zlib.decompress(data[48:])):
        with pytest.raises(FactsError):
            decode(forged(data, **{name: {"": [[]]}}))


def test_a_module_with_a_name_that_begins_with_a_dot_is_refused(data):
    with pytest.raises(FactsError):
        decode(forged(data, symbols=[["a", "..fake"]]))


def test_the_file_is_small(data):
    assert len(data) < 100 << 10


def test_a_description_holds_no_address_and_nothing_of_its_machine(data, tmp_path: Path):
    text = zlib.decompress(data[48:]).decode()
    assert "ffffffff81" not in text
