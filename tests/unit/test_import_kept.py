"""What the first pass found in a text is what the second one is given, or the text is looked through again."""

from __future__ import annotations

import io
from dataclasses import fields

import pytest

from tracer.imports.blocks.kept import KeepingScanner
from tracer.imports.blocks.scan import Scan, Scanner
from tracer.imports.blocks.text import Block
from tracer.imports.heads import FORMS

from .import_cases import GOLDEN

FORM = FORMS[0]
TEXTS = [path.read_bytes() for path in GOLDEN]
LINE = b"  kswapd0-98     [000]  12.588001: mm_vmscan_kswapd_wake: nid=0 order=0"


def found(scan: Scan) -> dict[str, list[object]]:
    block, heads = scan.block, scan.heads
    columns = {f"heads.{each.name}": getattr(heads, each.name) for each in fields(heads)}
    columns |= {name: getattr(block, name) for name in ("starts", "ends", "words", "first_word", "odd")}
    return {
        name: column.tolist() for name, column in (columns | {"numbers": scan.numbers, "silent": scan.silent}).items()
    }


def looked_for(scanner: KeepingScanner, data: bytes, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether this text is looked through once more."""
    with monkeypatch.context() as patched:
        calls = []
        patched.setattr(Block, "_find", lambda block, size, find=Block._find: (calls.append(size), find(block, size)))
        scanner.scan(data, FORM)
    return bool(calls)


@pytest.mark.parametrize(
    "text",
    [*TEXTS, b"", b"\n", b" " * 300 + LINE, LINE + b" x" * 40_000, b"\n\n" + LINE + b"\r\n=> a\n" + LINE + b"\xff"],
    ids=len,
)
def test_what_was_kept_is_what_was_found(text):
    with KeepingScanner() as scanner:
        first = found(scanner.scan(text, FORM))
        assert first == found(Scanner().scan(text, FORM))
        scanner.again()
        assert found(scanner.scan(text, FORM)) == first


def test_a_text_is_looked_through_once(monkeypatch):
    with KeepingScanner() as scanner:
        assert all(looked_for(scanner, text, monkeypatch) for text in TEXTS)
        scanner.again()
        assert not any(looked_for(scanner, text, monkeypatch) for text in TEXTS)


@pytest.mark.parametrize("changed", [LINE.replace(b"nid=0", b"nid= "), LINE + b"1", b""])
def test_a_text_that_has_changed_is_looked_through_again(changed, monkeypatch):
    with KeepingScanner() as scanner:
        scanner.scan(LINE, FORM)
        scanner.scan(LINE, FORM)
        scanner.again()
        assert looked_for(scanner, changed, monkeypatch)
        assert not looked_for(scanner, LINE, monkeypatch)
        assert looked_for(scanner, LINE, monkeypatch), "more text than before"


def test_another_form_of_heads_is_looked_for_again(monkeypatch):
    with KeepingScanner() as scanner:
        scanner.scan(LINE, FORMS[1])
        scanner.again()
        assert looked_for(scanner, LINE, monkeypatch)


def test_without_room_all_text_is_looked_through_again(monkeypatch):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    with KeepingScanner() as scanner:
        first = found(scanner.scan(LINE, FORM))
        scanner.again()
        assert found(scanner.scan(LINE, FORM)) == first
        assert looked_for(scanner, LINE, monkeypatch)


def test_what_is_kept_takes_a_fraction_of_the_text():
    with KeepingScanner() as scanner:
        for text in TEXTS:
            scanner.scan(text, FORM)
        assert scanner._file is not None
        assert scanner._file.tell() < 0.4 * sum(map(len, TEXTS))
