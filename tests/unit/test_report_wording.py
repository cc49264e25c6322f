"""Numbers in the report carry a unit and stay readable at any size."""

import pytest

from tracer.wording.numbers import bytes_, duration, listing, mib, plural, seconds, utc


@pytest.mark.parametrize(
    ("pages", "page_bytes", "shown"),
    [
        (0, 4096, "0 MiB"),
        (256, 4096, "1.0 MiB"),
        (1, 4096, "4 KiB"),
        (1, 65536, "64 KiB"),
        (512_000, 4096, "2,000 MiB"),
    ],
)
def test_pages_are_shown_in_mib_of_the_recordings_page_size(pages, page_bytes, shown):
    assert mib(pages, page_bytes) == shown


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [(0, "0 ns"), (999, "999 ns"), (1_500, "1.50 µs"), (12_340_000, "12.3 ms"), (2.5e9, "2.50 s"), (4e12, "4,000 s")],
)
def test_durations_have_three_digits_and_the_unit_that_fits(nanoseconds, shown):
    assert duration(nanoseconds) == shown


def test_words_agree_with_their_number():
    assert [plural(1, "cycle"), plural(2, "cycle"), plural(1, "event was", "event were")] == [
        "1 cycle",
        "2 cycles",
        "1 event was",
    ]
    assert [listing([]), listing(["a"]), listing(["a", "b", "c"])] == ["", "a", "a, b and c"]
    assert [bytes_(12), bytes_(1536), seconds(0), utc(0)] == ["12 B", "1.5 KiB", "0 s", "not known"]
