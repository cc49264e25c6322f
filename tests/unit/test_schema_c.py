"""bpf/events.h says in C what tracer/schema.py says in Python: a C compiler is asked."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracer.resources import resource_dir
from tracer.schema import (
    ARGS_BYTES,
    COMM_BYTES,
    EVENT_DTYPE,
    HEADER_FIELDS,
    KINDS,
    LRU_SPAN_DTYPE,
    MAX_KINDS,
    TRACEPOINT_KINDS,
    Kind,
)

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def expected_layout() -> Iterator[tuple[str, int]]:
    """C expressions and their values as the schema has them."""
    yield "sizeof(struct rt_event)", EVENT_DTYPE.itemsize
    yield "sizeof(union rt_args)", ARGS_BYTES
    yield "RT_COMM_BYTES", COMM_BYTES
    yield "RT_MAX_KINDS", MAX_KINDS
    yield "sizeof(((struct rt_lost *)0)->by_kind) / 8", MAX_KINDS
    yield "offsetof(struct rt_event, args)", EVENT_DTYPE.fields["args"][1]
    for name, _ in HEADER_FIELDS:
        yield f"offsetof(struct rt_event, {name})", EVENT_DTYPE.fields[name][1]
        yield f"sizeof(((struct rt_event *)0)->{name})", EVENT_DTYPE[name].itemsize
    yield "sizeof(struct rt_lru_span)", LRU_SPAN_DTYPE.itemsize
    for name in LRU_SPAN_DTYPE.names:
        yield f"offsetof(struct rt_lru_span, {name})", LRU_SPAN_DTYPE.fields[name][1]
    for kind in KINDS:
        yield from kind_layout(kind)


def kind_layout(kind: Kind) -> Iterator[tuple[str, int]]:
    yield f"RT_{kind.name.upper()}", kind.number
    struct = f"struct rt_{kind.name}"
    for name, code in kind.fields:
        dtype, offset = kind.args_dtype.fields[name][:2]
        yield f"offsetof({struct}, {name})", offset
        yield f"sizeof((({struct} *)0)->{name})", dtype.itemsize
        if not code.startswith("S"):
            yield f"(__typeof__((({struct} *)0)->{name}))-1 < 0", int(code.startswith("i"))


def compile_and_run(program: str, directory: Path) -> list[int]:
    source, binary = directory / "layout.c", directory / "layout"
    source.write_text(program)
    include = resource_dir("bpf")
    command = [CC, "-Wall", "-Werror", f"-I{include}", f"-I{include}/include", "-o", str(binary), str(source)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return [int(word) for word in subprocess.run([binary], capture_output=True, text=True, check=True).stdout.split()]


@pytest.mark.skipif(CC is None, reason="no C compiler on PATH")
def test_every_offset_size_sign_and_number_agrees(tmp_path: Path) -> None:
    # GIVEN what the schema says
    expected = list(expected_layout())
    # WHEN a C program prints what the header says (types.h comes from the shim, offsetof from the compiler)
    prints = "\n".join(f'\t__builtin_printf("%lld\\n", (long long)({expression}));' for expression, _ in expected)
    head = '#define offsetof(type, member) __builtin_offsetof(type, member)\n#include "events.h"\n'
    values = compile_and_run(f"{head}int main(void)\n{{\n{prints}\n\treturn 0;\n}}\n", tmp_path)
    # THEN both say the same
    differing = [
        f"{expression}: C has {value}, the schema {wanted}"
        for (expression, wanted), value in zip(expected, values, strict=True)
        if value != wanted
    ]
    assert not differing


def test_the_header_has_no_kind_or_field_of_its_own() -> None:
    text = "".join((resource_dir("bpf") / name).read_text() for name in ("arguments.h", "events.h"))
    enum = text.partition("enum rt_kind {")[2].partition("}")[0]
    assert re.findall(r"RT_(\w+) =", enum) == [kind.name.upper() for kind in KINDS]
    for kind in KINDS:
        body = text.partition(f"struct rt_{kind.name} {{")[2].partition("}")[0]
        assert re.findall(r"(\w+)(?:\[\w+\])?;", body) == [name for name, _ in kind.fields], kind.name


@pytest.mark.parametrize("kind", TRACEPOINT_KINDS, ids=lambda kind: kind.name)
def test_each_kind_has_one_program_that_sets_each_of_its_fields(kind: Kind) -> None:
    text = "\n".join(path.read_text() for path in resource_dir("bpf").glob("*.bpf.c"))
    assert text.count(f"int {kind.name}(void *ctx)") == 1
    program = text.partition(f"int {kind.name}(void *ctx)")[2].partition("\n}\n")[0]
    for name, _ in kind.fields:
        assert re.search(rf"RT_COPY\({kind.name}, {name}\)|args\.{kind.name}\.{name}\b", program), name


def test_every_bpf_file_names_both_licences() -> None:
    files = [path for path in resource_dir("bpf").rglob("*") if path.suffix in (".c", ".h")]
    assert len(files) > 10
    without = [path.name for path in files if "SPDX-License-Identifier: MIT OR GPL-2.0-only" not in path.read_text()]
    assert not without
    assert "#define BPF_LICENSE Dual MIT/GPL" in (resource_dir("bpf") / "ring.bpf.c").read_text()
