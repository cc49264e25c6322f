"""Where programs come from: a file, the cache, a compiler; without BPF and without a compiler."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from programs_cases import REQUEST, entry_for

from tracer.errors import CannotTraceError
from tracer.probes import loader as loader_module
from tracer.probes.carried.cache import Cache
from tracer.probes.carried.entry import Entry
from tracer.probes.carried.file_format import encode
from tracer.probes.carried.programs_file import ProgramsFile
from tracer.probes.loader import Loader, Way, may_compile
from tracer.probes.request import Loaded, LoadRequest

FOREIGN = replace(REQUEST, text="another version's")


class FakeCompiler:
    """Compiles what it is asked for; `started` counts."""

    started = 0

    def __init__(self) -> None:
        FakeCompiler.started += 1

    def compile(self, request: LoadRequest) -> Entry:
        return entry_for(request)

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def no_bpf(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeCompiler.started = 0
    monkeypatch.setattr(loader_module, "Compiler", FakeCompiler)
    monkeypatch.setattr(loader_module, "install", lambda *_: Loaded())
    monkeypatch.setattr(loader_module, "locate", lambda: (Path("/bcc"), None))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    return tmp_path


def file_of(folder: Path, request: LoadRequest) -> ProgramsFile:
    path = folder / "carried"
    path.write_bytes(encode([entry_for(request)]))
    path.chmod(0o644)
    return ProgramsFile(path)


def test_a_file_that_fits_starts_no_compiler(folder: Path) -> None:
    with Loader(file_of(folder, REQUEST)) as loader:
        assert loader.load(REQUEST).way is Way.FILE
    assert FakeCompiler.started == 0


def test_a_file_that_does_not_fit_is_told_and_compiled_instead(folder: Path) -> None:
    said: list[str] = []
    asked: list[str] = []
    loader = Loader(file_of(folder, FOREIGN), say=said.append, before_compiling=lambda: asked.append("room?"))
    assert FakeCompiler.started == 0
    assert loader.load(REQUEST).way is Way.COMPILED
    assert asked == ["room?"]
    assert len(said) == 1
    assert said[0].startswith(f"{folder}/carried does not fit: its programs were made by another version")
    assert said[0].endswith("; compiling")


def test_where_there_is_no_room_for_a_compiler_none_is_started(folder: Path) -> None:
    def refuse() -> None:
        raise CannotTraceError("no room")

    with pytest.raises(CannotTraceError, match=r"^no room$"):
        Loader(file_of(folder, FOREIGN), before_compiling=refuse).load(REQUEST)
    assert FakeCompiler.started == 0


def test_without_bcc_a_file_that_does_not_fit_is_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader_module, "locate", lambda: (None, None))
    with pytest.raises(
        CannotTraceError, match=r"another version.*bcc, which could compile them, is not installed"
    ) as it:
        Loader(file_of(folder, FOREIGN)).load(REQUEST)
    assert it.value.exit_code == 3


def test_the_cache_serves_the_second_start_and_stands_in_for_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, said = Cache(folder / "cache"), list[str]()
    here = replace(REQUEST, release=os.uname().release)
    assert may_compile(None, cache)
    assert Loader(cache=cache).load(here).way is Way.COMPILED
    assert not may_compile(None, cache)
    assert Loader(cache=cache).load(here).way is Way.CACHE
    assert FakeCompiler.started == 1
    monkeypatch.setattr(loader_module, "locate", lambda: (None, None))
    assert Loader(file_of(folder, FOREIGN), cache, said.append).load(here).way is Way.CACHE
    assert said[0].endswith("; taking the cache's")
    assert FakeCompiler.started == 1


def test_another_kernels_cache_has_a_compiler_started_early(folder: Path) -> None:
    cache = Cache(folder / "cache")
    cache.keep(entry_for(release="another"))
    with Loader(cache=cache):
        assert FakeCompiler.started == 1
