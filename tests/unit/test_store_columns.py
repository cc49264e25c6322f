"""Columns come back as they went in, and damaged ones are refused, not crashed on."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tracer.store.columns import CorruptPayloadError, Cursor, decode_column, skip_column
from tracer.store.dictionary import Dictionary, distinct
from tracer.store.encoding import ColumnEncoder, put_frame, put_steps
from tracer.store.sink import Sink

DTYPES = [np.dtype(code) for code in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")]


def put_column(sink, values):
    ColumnEncoder().put(sink, values)


def encoded(put, values) -> bytes:
    sink = Sink(8)
    put(sink, values)
    return bytes(sink.view())


def integer_columns(dtypes=DTYPES):
    lengths = st.integers(0, 300)
    wide = st.sampled_from(dtypes).flatmap(lambda dtype: hnp.arrays(dtype, lengths))
    few = st.sampled_from(dtypes).flatmap(
        lambda dtype: st.lists(hnp.from_dtype(dtype), min_size=1, max_size=5).flatmap(
            lambda values: hnp.arrays(dtype, lengths, elements=st.sampled_from(values))
        )
    )
    return wide | few


@given(integer_columns(), st.sampled_from([put_frame, put_column, put_steps]))
def test_integers_come_back(column, put):
    cursor = Cursor(encoded(put, column) + b"rest")
    back = decode_column(cursor, len(column), column.dtype)
    assert back.dtype == column.dtype
    assert back.tolist() == column.tolist()
    assert bytes(cursor.take(4)) == b"rest"


@given(integer_columns(), st.sampled_from([put_frame, put_column, put_steps]))
def test_skipping_ends_where_decoding_ends(column, put):
    cursor = Cursor(encoded(put, column) + b"rest")
    skip_column(cursor, len(column))
    assert bytes(cursor.take(4)) == b"rest"


@given(hnp.arrays("S16", st.integers(0, 20)))
def test_text_comes_back(column):
    assert decode_column(Cursor(encoded(put_column, column)), len(column), column.dtype).tolist() == column.tolist()


@pytest.mark.parametrize(
    ("values", "most"),
    [
        (np.full(10_000, 0xFFFF888012345678, np.uint64), 16),
        (np.arange(10_000, dtype=np.uint64) % 200 + (1 << 63), 10_100),
        (np.array([0xFFFF888012345678, 0xFFFF9990FFFFFFFF], np.uint64).repeat(5_000), 10_100),
    ],
    ids=["constant", "narrow range", "two pointers"],
)
def test_repetitive_columns_take_at_most_a_byte_a_value(values, most):
    assert len(encoded(put_column, values)) <= most


@given(st.lists(integer_columns([np.dtype("u8")]), max_size=6))
def test_a_dictionary_remembered_from_other_blocks_changes_nothing(blocks):
    encoder = ColumnEncoder()
    for block in blocks:
        data = encoded(encoder.put, block)
        assert decode_column(Cursor(data), len(block), block.dtype).tolist() == block.tolist()


@pytest.mark.parametrize(("count", "most_bytes"), [(1, 4096), (8, 4096), (256, 65_536)])
def test_the_table_of_a_dictionary_is_a_page_where_few_entries_allow_it(count, most_bytes):
    entries = [np.arange(count, dtype=np.uint64) * np.uint64(0x1000)]
    dictionary = Dictionary.of(entries)
    assert dictionary is not None
    assert dictionary.table_bytes <= most_bytes
    assert dictionary.codes([entries[0][::-1]]).tolist() == list(range(count))[::-1]
    assert dictionary.codes([entries[0] + np.uint64(1)]) is None


def test_a_dictionary_knows_its_rows_and_no_others():
    entries = [np.array([1, 2, 2, 3], np.uint64), np.array([5, 5, 6, 2**63], np.uint64)]
    dictionary = Dictionary.of(entries)
    assert dictionary is not None
    assert dictionary.codes([entries[0][::-1], entries[1][::-1]]).tolist() == [3, 2, 1, 0]
    assert dictionary.codes([np.array([1], np.uint64), np.array([6], np.uint64)]) is None
    assert Dictionary.of([np.arange(257, dtype=np.uint64)]) is None


@given(st.lists(hnp.arrays(np.uint64, 50, elements=st.integers(0, 6)), min_size=1, max_size=3))
def test_distinct_finds_each_row_once(keys):
    first, codes = distinct(keys)
    rows = list(zip(*(key.tolist() for key in keys), strict=True))
    assert [rows[first[code]] for code in codes] == rows
    assert len(first) == len(set(rows))


def test_distinct_is_exact_when_hash_slots_are_shared():
    # GIVEN more distinct keys than the hash table can hold without a shared slot
    keys = np.random.default_rng(0).integers(0, 2**63, 80_000).astype(np.uint64)
    first, codes = distinct([keys])
    assert np.array_equal(keys[first][codes], keys)
    assert len(first) == len(np.unique(keys))


@given(st.binary(max_size=200), st.integers(0, 1000), st.sampled_from([*DTYPES, np.dtype("S16")]))
def test_garbage_is_refused_or_decoded_to_the_right_length(garbage, count, dtype):
    with suppress(CorruptPayloadError):
        assert len(decode_column(Cursor(garbage), count, dtype)) == count
    with suppress(CorruptPayloadError):
        skip_column(Cursor(garbage), count)
