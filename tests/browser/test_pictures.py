"""The timeline as PNG and SVG: drawn by a real browser, not blank, inert, and one line where there is no browser."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "tests" / "golden" / "data" / "guest-host-reasserts.rtrace"
SVG = "{http://www.w3.org/2000/svg}"
needs_browser = pytest.mark.skipif(
    not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), reason="no Chromium"
)


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tracer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False, **options)


def pixels_of(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and unpacked rows of a PNG."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    at, packed = 8, b""
    while at < len(data):
        size = struct.unpack(">I", data[at : at + 4])[0]
        packed += data[at + 8 : at + 8 + size] if data[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + size
    return width, height, zlib.decompress(packed)


@needs_browser
def test_a_picture_has_every_chart_and_its_png_the_same_size(tmp_path) -> None:
    drawn, shot = tmp_path / "t.svg", tmp_path / "t.png"
    for format_, target in (("svg", drawn), ("png", shot)):
        ended = run("report", RECORDING, "--format", format_, "-o", target, "--title", "a <b>&</b> \u202etitle")
        assert ended.returncode == 0, ended.stderr
    root = ET.fromstring(drawn.read_text())
    words = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert "a <b>&</b> \\u202etitle: reclaim and balloon over time" in words
    assert any(word.startswith("Memory") for word in words)
    assert any(word.startswith("Balloon") for word in words)
    assert any(re.fullmatch(r"10(\.0+)? s", word) for word in words), "times on an axis"
    assert len(root.findall(f"{SVG}svg")) >= 5
    assert sum(1 for _ in root.iter(f"{SVG}path")) > 50
    assert not [each for each in root.iter() if each.tag.endswith("script") or "onload" in each.attrib]
    width, height, rows = pixels_of(shot.read_bytes())
    assert root.attrib["viewBox"] == f"0 0 {width} {height}"
    assert 600 <= width <= 1400
    assert height > 800
    lines = {rows[at : at + len(rows) // height] for at in range(0, len(rows), len(rows) // height)}
    assert len(lines) > height // 4, "hardly any two lines of a drawn picture are alike"


@needs_browser
def test_stretches_in_which_events_were_lost_are_hatched_in_every_chart(tmp_path) -> None:
    from written_recordings import write_recording

    hatched = {}
    for lost in (0, 1200):
        drawn = tmp_path / f"{lost}.svg"
        ended = run("report", write_recording(tmp_path / f"{lost}.rtrace", lost), "--format", "svg", "-o", drawn)
        assert ended.returncode == 0, ended.stderr
        root = ET.fromstring(drawn.read_text())
        words = {text.text: float(text.attrib["x"]) for text in root.iter(f"{SVG}text") if "x" in text.attrib}
        hatched[lost] = [each for each in root.iter(f"{SVG}rect") if each.get("class") == "lost"]
        assert ("events were lost" in words) is bool(lost)
    assert not hatched[0]
    assert len(hatched[1200]) == len(root.findall(f"{SVG}svg"))
    for stretch in hatched[1200]:
        assert stretch.attrib["fill"] == "url(#lost)"
        assert float(stretch.attrib["width"]) == pytest.approx(words["3 s"] - words["2 s"], abs=1)
        assert words["2 s"] < float(stretch.attrib["x"]) < words["2 s"] + 30
    assert len(root.findall(f"{SVG}pattern[@id='lost']")) == 1


@needs_browser
def test_a_recording_without_anything_gives_a_picture_that_says_so(tmp_path) -> None:
    from tracer.metadata import Metadata
    from tracer.store import Writer

    empty, drawn = tmp_path / "empty.rtrace", tmp_path / "empty.svg"
    Writer(empty, Metadata(host="vm7")).close()
    ended = run("report", empty, "--format", "svg", "-o", drawn)
    assert ended.returncode == 0, ended.stderr
    text = " ".join(each.text or "" for each in ET.fromstring(drawn.read_text()).iter(f"{SVG}text"))
    assert text.startswith("vm7: reclaim and balloon over time")
    assert "Memory" in text


@needs_browser
def test_a_redacted_picture_holds_no_name(tmp_path) -> None:
    from named_recordings import secret, write_named

    named = write_named(tmp_path / f"{secret('file')}.rtrace")
    for options, told in (((), True), (("--redact",), False)):
        drawn = tmp_path / f"{told}.svg"
        assert run("report", named, "--format", "svg", *options, "-o", drawn).returncode == 0
        assert ("qzsecret" in drawn.read_text()) is told


def test_without_a_browser_one_line_says_what_to_install(tmp_path) -> None:
    target = tmp_path / "t.png"
    ended = run("report", RECORDING, "--format", "png", "-o", target, env={"PATH": str(tmp_path)})
    assert ended.returncode != 0
    assert len(ended.stderr.splitlines()) == 1
    assert re.search("needs a browser.*apt-get install chromium", ended.stderr)
    assert not target.exists()
