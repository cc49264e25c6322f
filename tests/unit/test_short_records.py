"""Short records: what bpf/short.h makes of a record, what is read in it, and that a recording has all of it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from short_cases import short_records
from store_cases import METADATA, assert_same_batch, calm_records, events_of, records_of_all_kinds

from tracer.batch import Batch
from tracer.collect.addresses import AddressBook
from tracer.collect.cgroup_book import CgroupBook
from tracer.resources import resource_dir
from tracer.schema import EVENT_DTYPE, HEADER_FIELDS, KIND_BY_NAME, KIND_BY_NUMBER, KINDS
from tracer.short_records import NARROW_FIELDS, SHORT_ARGS, SHORT_DTYPE, lengthened, typed_dtype
from tracer.store import BackgroundWriter, Recording, Writer
from tracer.store.event_columns import EventEncoder

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
SHORT, LONG, TOO_LARGE = range(3)
ANSWER = np.dtype([("form", "u4"), ("record", SHORT_DTYPE)])
SHORTEN = """
#include <stdio.h>
#include "short.h"
int main(void)
{
	struct rt_event event;
	while (fread(&event, sizeof(event), 1, stdin)) {
		__u32 form = rt_shorten(&event);
		fwrite(&form, sizeof(form), 1, stdout);
		fwrite(&event, RT_SHORT_BYTES, 1, stdout);
	}
	return 0;
}
"""
"""Reads records and says of each what rt_shorten() says, and its first bytes."""


def compiled(program: str, directory: Path) -> Path:
    source, binary = directory / "short.c", directory / "short"
    source.write_text(program)
    include = resource_dir("bpf")
    command = [CC, "-Wall", "-Werror", f"-I{include}", f"-I{include}/include", "-o", str(binary), str(source)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return binary


@pytest.fixture(scope="module")
def shorten(tmp_path_factory):
    if CC is None:
        pytest.skip("no C compiler on PATH")
    binary = compiled(SHORTEN, tmp_path_factory.mktemp("shorten"))

    def run(records: np.ndarray) -> np.ndarray:
        output = subprocess.run([binary], input=records.tobytes(), capture_output=True, check=True).stdout
        return np.frombuffer(output, ANSWER)

    return run


def fits(kind, record: np.ndarray) -> bool:
    """Whether every argument of a record of that kind is a value of its narrower type."""
    typed = record.view(kind.record_dtype)
    for name, code in NARROW_FIELDS[kind.name]:
        value, limits = int(typed[name][0]), np.iinfo(code)
        if kind.args_dtype[name].kind == "u" and limits.min < 0:
            value -= (value >> 63) << 64
        if not limits.min <= value <= limits.max:
            return False
    return True


@pytest.mark.skipif(CC is None, reason="no C compiler on PATH")
def test_every_offset_size_and_sign_agrees_with_the_header(tmp_path):
    expected = {"RT_SHORT_BYTES": SHORT_DTYPE.itemsize, "RT_SHORT_ARGS_BYTES": SHORT_DTYPE["args"].itemsize}
    for kind, fields in NARROW_FIELDS.items():
        struct, args = f"struct rt_short_{kind}", SHORT_ARGS[KIND_BY_NAME[kind].number]
        for name, code in fields:
            dtype, offset = args.fields[name][:2]
            expected[f"__builtin_offsetof({struct}, {name})"] = offset
            expected[f"sizeof((({struct} *)0)->{name})"] = dtype.itemsize
            expected[f"(__typeof__((({struct} *)0)->{name}))-1 < 0"] = int(code.startswith("i"))
    prints = "\n".join(f'\t__builtin_printf("%lld\\n", (long long)({expression}));' for expression in expected)
    binary = compiled(f'#include "short.h"\nint main(void)\n{{\n{prints}\n\treturn 0;\n}}\n', tmp_path)
    output = subprocess.run([binary], capture_output=True, text=True, check=True).stdout
    assert dict(zip(expected, map(int, output.split()), strict=True)) == expected


def test_the_header_shortens_exactly_the_kinds_that_have_a_short_form(shorten):
    records = np.zeros(64, EVENT_DTYPE)
    records["kind"] = np.arange(64)
    forms = shorten(records)["form"]
    known = [kind.number for kind in KINDS]
    assert {number for number in known if forms[number] == SHORT} == SHORT_ARGS.keys()
    assert {number for number in range(1, 64) if forms[number] == LONG} == set(range(1, 64)) - SHORT_ARGS.keys()


def test_what_the_header_shortens_says_the_same_when_read_and_what_does_not_fit_stays_long(shorten):
    # GIVEN records with arguments of every size
    records = records_of_all_kinds(30_000, seed=5)
    records = records[np.isin(records["kind"], list(KIND_BY_NUMBER))]
    small = records["args"].copy().view(np.uint8).reshape(len(records), -1)
    # Half of them with values that mostly fit: only the lowest bytes of each word are used.
    small[::2, 2:4] = small[::2, 4:8] = small[::2, 12:] = 0
    records["args"] = small.view(EVENT_DTYPE["args"]).reshape(-1)
    # WHEN C shortens them
    answers = shorten(records)
    # THEN a record is short exactly where all its values fit
    for record, form in zip(records, answers["form"].tolist(), strict=True):
        kind = KIND_BY_NUMBER[int(record["kind"])]
        if kind.name in NARROW_FIELDS:
            assert form == (SHORT if fits(kind, record.reshape(1)) else TOO_LARGE), record
        else:
            assert form == (SHORT if kind.number in SHORT_ARGS else LONG)
    is_short = answers["form"] == SHORT
    assert {KIND_BY_NUMBER[n].name for n in np.unique(records["kind"][is_short])} >= NARROW_FIELDS.keys()
    assert (answers["form"] == TOO_LARGE).any()
    # AND reading them gives what was there
    read = lengthened(np.ascontiguousarray(answers["record"][is_short]))
    assert_same_batch(Batch.from_records(read), Batch.from_records(records[is_short]))


def test_long_records_are_not_copied():
    records = records_of_all_kinds(3)
    assert lengthened(records) is records


def test_a_short_record_has_the_header_of_a_long_one():
    for name, _ in HEADER_FIELDS:
        assert SHORT_DTYPE.fields[name] == EVENT_DTYPE.fields[name]
    assert SHORT_DTYPE.itemsize % 8 == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3_000)), max_size=12), st.integers(0, 2**32))
def test_a_recording_of_both_sizes_has_everything_in_order(runs, seed):
    # GIVEN runs of short and of long records
    parts = [
        short_records(size, seed + turn) if is_short else records_of_all_kinds(size, seed + turn)
        for turn, (is_short, size) in enumerate(runs)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        writer = BackgroundWriter(Writer(path, METADATA), 4 << 20)
        for part in parts:
            writer.write_events(part)
        writer.close()
        # THEN the file has the same as if all had been long
        expected = np.concatenate([np.empty(0, EVENT_DTYPE), *map(lengthened, parts)])
        assert_same_batch(events_of(Recording.open(path)), Batch.from_records(expected))


def test_a_queue_whose_end_fits_no_record_goes_round(tmp_path):
    # GIVEN a queue in which positions go through every remainder, waited for at each turn
    parts = [(short_records if turn % 3 else records_of_all_kinds)(1_001, turn) for turn in range(40)]
    path = tmp_path / "x"
    writer = BackgroundWriter(Writer(path, METADATA), 0)
    for part in parts:
        writer.write_events(part)
        writer.flush()
        written = threading.Event()
        writer._put(written.set)
        assert written.wait(60)
    writer.close()
    assert not writer.dropped
    assert sum(part.nbytes for part in parts) > 4 * writer.queue_bytes
    expected = Batch.from_records(np.concatenate(list(map(lengthened, parts))))
    assert_same_batch(events_of(Recording.open(path)), expected)


def test_addresses_and_cgroups_are_found_in_short_records(monkeypatch):
    kinds = KIND_BY_NAME["shrink_slab_start"], KIND_BY_NAME["balloon_work_begin"], KIND_BY_NAME["memcg_reclaim_begin"]
    records = np.concatenate(
        [_one(kinds[0], shrink=-0x1000), _one(kinds[1], function=0x7000), _one(kinds[2], memcg_id=9)]
    )
    present = {kind.number for kind in kinds}
    book, seen = AddressBook(), []
    book.notice(records, records["kind"].copy(), present)
    assert book._pending == {2**64 - 0x1000, 0x7000}
    CgroupBook(lambda number: seen.append(number) or "/x").notice(records, present)
    assert seen == [9]


def _one(kind, **arguments: int) -> np.ndarray:
    record = np.zeros(1, typed_dtype(kind, SHORT_DTYPE.itemsize))
    record["kind"] = kind.number
    for name, value in arguments.items():
        record[name] = value
    return record.view(SHORT_DTYPE)


@pytest.mark.parametrize("count", [62, 63, 76, 77, 200])
def test_long_records_fit_buffers_made_for_short_ones(count):
    # GIVEN as many long records as have room as a whole, but not their arguments; fewer and more
    records = calm_records(count)
    assert EventEncoder(100).encode(records) == EventEncoder(1_000).encode(records)
