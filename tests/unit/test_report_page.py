"""The page is whole, small, offline, honest about what is missing, and safe to open."""

import os
import re
import stat
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from synthetic_analysis import HOSTILE, enormous, facts, quiet, storm

from tracer.errors import TracerError
from tracer.metadata import PlanRow, SourceState
from tracer.report import render, write_report
from tracer.report.assets import csp_hash
from tracer.report.table import MOST_ROWS
from tracer.schema import KIND_BY_NUMBER

BUDGET_BYTES = 2_500_000
SECTIONS = (
    "findings",
    "timeline",
    "ladder",
    "shrinkers",
    "stalls",
    "nodes",
    "kills",
    "cycles",
    "conflicts",
    "quality",
    "words",
)


class Page(HTMLParser):
    """Elements of a page with their attributes, captions, and balance of tags."""

    VOID = frozenset({"meta", "link", "br", "wbr", "img", "input"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.captions: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "caption":
            self.captions.append(data)


@pytest.fixture(scope="module")
def page() -> str:
    return render(storm(), facts(lost={"shrink_slab_start": 1200}, cut_bytes=77, bad_blocks=2, complete=False))


def without_plotly(source: str) -> str:
    return re.sub(r'<script[^>]*id="plotly"[^>]*>[^<]*<', "<", source)


def test_every_section_and_table_is_there_and_every_tag_is_closed(page):
    found = Page(page)
    ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert [name for name in ids if name in SECTIONS] == list(SECTIONS)
    assert len(ids) == len(set(ids))
    wanted = {"Whole recording", "Shrinkers", "Stalls", "Storms", "Cycles", "Conflicts", "Lost events"}
    assert wanted | {"Probe plan", "Absent fields"} <= set(found.captions)
    assert found.open == []


def test_nothing_is_loaded_from_anywhere(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy.startswith("default-src 'none'; ")
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    assert csp_hash(script) in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    linked = [value for _, attrs in Page(page).elements for name, value in attrs.items() if name in ("src", "href")]
    assert all(value.startswith(("#", "data:,")) for value in linked)
    assert "http" not in without_plotly(page).replace("http-equiv", "")


def test_loss_and_damage_are_said_in_the_verdict_and_in_recording_quality(page):
    verdict, quality = page.split('id="findings"')[0], page.split('id="quality"')[1]
    assert "1,200 events were lost, the recording was cut short (77 B" in verdict
    for words in (
        "77 B at its end",
        "2 blocks were skipped",
        "2 begins without an end",
        "kprobes are not compiled in",
        "memcg_id",
    ):
        assert words in quality


@pytest.mark.parametrize(("kinds", "opened"), [(5, True), (6, False)])
def test_many_kinds_of_lost_events_are_folded(kinds, opened):
    lost = {kind.name: 10 + number for number, kind in enumerate([*KIND_BY_NUMBER.values()][:kinds])}
    quality = render(quiet(), facts(lost=lost)).split('id="quality"')[1]
    [state] = re.findall(rf'<details class="lost-kinds"( open)?><summary>Lost events by kind \({kinds}\)', quality)
    assert bool(state) is opened
    assert all(f">{name}<" in quality for name in lost)


def test_an_empty_recording_is_told_in_sentences():
    source = render(quiet(), facts())
    for words in (
        "No conflict and no cycle: no memory had to be reclaimed.",
        "No balloon activity was recorded.",
        "Nothing was flagged.",
        "No tier supplied memory in this time.",
        "No shrinker ran during the recording.",
        "No task had to wait for memory",
        "No cycle: no page that left the balloon came back",
        "No conflict: the balloon never inflated",
        "The recording is complete",
    ):
        assert words in source
    assert "<figure" not in source
    assert 'id="plotly"' not in source, "nothing to draw, nothing to draw with"


def test_hostile_names_stay_names():
    hostile_facts = facts(source=HOSTILE)
    source = render(storm(hostile=True), hostile_facts)
    found = Page(source)
    assert [tag for tag, _ in found.elements if tag in ("img", "iframe", "object")] == []
    assert sum(tag == "script" for tag, _ in found.elements) == 3
    assert not [name for _, attrs in found.elements for name in attrs if name.startswith("on")]
    assert "&lt;/script&gt;&lt;img src=x onerror=window.pwned=1&gt;\\u2028\\x1b[31m" in source


def test_any_recording_fits_the_budget_and_says_what_it_leaves_out():
    source = render(enormous(), facts())
    assert len(source.encode()) <= BUDGET_BYTES
    assert f"Showing {MOST_ROWS} of 5,000 cycles, most moved for nothing first." in source
    assert "The 16 costliest of 5,000 episodes." in source


def test_tables_about_the_recording_say_how_much_they_leave_out():
    kinds = [f"kind_{number:06}" for number in range(100_000)]
    plan = (*(PlanRow(kind, f"some:{kind}", SourceState.ABSENT) for kind in kinds), PlanRow("a", "b", SourceState.USED))
    absent = {kind: ("everywhere", f"field_{kind}") for kind in kinds}
    plain = facts()
    crowded = replace(
        plain,
        metadata=replace(plain.metadata, plan=plan, absent_fields=absent),
        lost={kind: number for number, kind in enumerate(kinds)},
    )
    source = render(quiet(), crowded)
    assert len(source.encode()) <= BUDGET_BYTES
    assert f"Showing {MOST_ROWS} of 99,999 kinds, most lost first." in source
    assert f"Showing {MOST_ROWS} of 100,001 sources, used ones first." in source
    assert f"Showing {MOST_ROWS} of 100,001 fields, by name." in source
    assert "kind_099999</" in source, "the one most was lost of"
    assert "kind_000099 and 99,900 more</" in source, "the events without the field that all lack"


def test_it_is_written_whole_and_its_size_returned(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("older")
    assert write_report(path, storm(), facts(), force=True) == path.stat().st_size > 100_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_what_was_there_and_says_what_to_do(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("older")
    monkeypatch.setattr(os, "pwrite", lambda *_: (_ for _ in ()).throw(OSError(28, os.strerror(28))))
    with pytest.raises(
        TracerError, match=r"report\.html: can't write a report there: No space left on device; choose another path"
    ):
        write_report(path, quiet(), facts(), force=True)
    assert path.read_text() == "older"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_missing_directory_is_one_clear_line(tmp_path):
    with pytest.raises(TracerError, match="absent does not exist; create it or choose another path with -o"):
        write_report(tmp_path / "absent" / "report.html", quiet(), facts())


def test_making_a_report_imports_neither_plotly_nor_pandas():
    code = (
        "import sys; from tracer.report import render; from synthetic_analysis import facts, storm;"
        "render(storm(), facts()); print([m for m in ('plotly', 'pandas') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


def test_a_prepared_link_beside_the_report_is_not_followed(tmp_path):
    # GIVEN links under every name that could be guessed
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    for name in (".r.html.part", ".r.html.tmp", ".r.html"):
        (tmp_path / name).symlink_to(victim)
    # WHEN a report is written, THEN it is a file of its own, and nothing else is left
    write_report(tmp_path / "r.html", storm(), facts())
    assert victim.read_text() == "untouched"
    assert not (tmp_path / "r.html").is_symlink()
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize(
    ("mode", "of_report"), [(0o600, 0o600), (0o640, 0o640), (0o644, 0o644), (0o666, 0o644), (0o4777, 0o644), (0o20, 0)]
)
def test_who_may_read_the_recording_may_read_its_report_and_only_its_owner_may_write_it(tmp_path, mode, of_report):
    recording = tmp_path / "r.rtrace"
    recording.touch()
    recording.chmod(mode)
    write_report(tmp_path / "r.html", quiet(), facts(), [recording])
    assert stat.S_IMODE((tmp_path / "r.html").stat().st_mode) == of_report


@pytest.mark.parametrize("what", ["a pipe", "a symbolic link"])
def test_a_report_is_written_to_a_regular_file_only(tmp_path, what):
    path, victim = tmp_path / "r.html", tmp_path / "victim"
    victim.write_text("untouched")
    if what == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(victim)
    with pytest.raises(TracerError, match=f"is {what}, a report needs a regular file"):
        write_report(path, quiet(), facts(), force=True)
    assert victim.read_text() == "untouched"
