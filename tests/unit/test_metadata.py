"""What a recording says of itself, by older tools and newer ones."""

from __future__ import annotations

from dataclasses import replace

from store_cases import METADATA

from tracer.metadata import Metadata

ADDED_LATER = ("lru_gen_enabled", "lru_gen_min_ttl_ms", "recorder_pid", "watermark_low_pages")


def test_what_an_older_recording_does_not_say_is_unknown() -> None:
    older = {name: value for name, value in METADATA.to_json().items() if name not in ADDED_LATER}
    metadata = Metadata.from_json(older)
    assert [getattr(metadata, name) for name in ADDED_LATER] == [None] * len(ADDED_LATER)


def test_the_switches_of_the_multi_gen_lru_come_back_as_they_went_off_included() -> None:
    said = replace(METADATA, lru_gen_enabled=0, lru_gen_min_ttl_ms=0, recorder_pid=17, watermark_low_pages=9)
    assert Metadata.from_json(said.to_json()) == said
