"""Whose files of programs are read, and the cache that is made of one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from programs_cases import REQUEST, entry_for

from tracer.errors import CannotTraceError, RecordingError
from tracer.kernel.answers import Answers, remembering, state_of_kernel
from tracer.kernel.btf import Btf
from tracer.kernel.kallsyms import find_symbols
from tracer.kernel.remembered import read_symbols, read_types
from tracer.probes.carried import cache as cache_module
from tracer.probes.carried.cache import Cache, cache_folder
from tracer.probes.carried.file_format import decode, encode
from tracer.probes.carried.programs_file import ProgramsFile
from tracer.probes.carried.trust import UnsafeFileError, read_trusted, why_unsafe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that nobody else may write to, whatever the umask."""
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def file(folder: Path) -> Path:
    path = folder / "carried"
    path.write_bytes(encode([entry_for()]))
    path.chmod(0o644)
    return path


def test_a_file_of_ones_own_is_read_and_searched(file: Path) -> None:
    found = ProgramsFile(file)
    assert found.find(REQUEST) == entry_for()
    assert [made.release for made in found.purposes] == [REQUEST.release]


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_may_write_is_not_loaded(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(UnsafeFileError, match=r"carried: not loaded: others may write to it \(try: ") as raised:
        ProgramsFile(file)
    assert raised.value.exit_code == 3


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_a_file_in_a_folder_that_others_may_write_is_not_loaded(file: Path, mode: int) -> None:
    file.parent.chmod(mode)
    with pytest.raises(UnsafeFileError, match=r"its folder .*: others may write to it"):
        ProgramsFile(file)
    # In a sticky one others can't put another file in its place.
    file.parent.chmod(0o1777)
    assert ProgramsFile(file).purposes


def test_a_folder_further_up_counts_and_so_does_what_a_link_leads_to(folder: Path, file: Path) -> None:
    inner = folder / "open" / "inner"
    inner.mkdir(parents=True)
    (inner / "carried").write_bytes(file.read_bytes())
    inner.parent.chmod(0o777)
    (folder / "link").symlink_to(inner / "carried")
    for path in (inner / "carried", folder / "link"):
        with pytest.raises(UnsafeFileError, match=r"its folder .*/open: others may write"):
            read_trusted(path)


def test_a_file_of_another_user_is_not_loaded(file: Path) -> None:
    found = list(file.stat())
    found[4] = os.geteuid() + 1
    assert why_unsafe(os.stat_result(found)) == f"it belongs to user {os.geteuid() + 1}"
    found[4] = 0
    assert why_unsafe(os.stat_result(found)) == ""


def test_what_is_no_file_is_one_line(folder: Path) -> None:
    os.mkfifo(folder / "pipe", 0o600)
    for path, words in ((folder / "pipe", "not a regular file"), (folder, "not a regular"), (folder / "no", "No such")):
        with pytest.raises(CannotTraceError, match=words):
            ProgramsFile(path)


def test_a_damaged_file_is_named(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(RecordingError, match="carried: damaged"):
        ProgramsFile(file)


def test_a_cache_gives_what_was_kept(folder: Path) -> None:
    cache = Cache(folder / "made")
    assert cache.find(REQUEST) is None
    assert cache.refusal == ""
    assert cache.keep(entry_for())
    assert Cache(folder / "made").find(REQUEST) == entry_for()
    assert cache.path.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in cache.path.parent.iterdir()] == [cache.path.name], "no temporary file stays"


def test_a_cache_is_bounded_and_the_newest_stays(folder: Path) -> None:
    cache = Cache(folder)
    for number in range(cache_module.MOST_ENTRIES + 3):
        cache.keep(entry_for(source_digest=f"{number:064}"))
    kept = [entry.purpose.source_digest for entry in decode(cache.path.read_bytes())]
    newest = cache_module.MOST_ENTRIES + 2
    assert kept == [f"{number:064}" for number in range(newest, newest - cache_module.MOST_ENTRIES, -1)]


def test_an_entry_replaces_those_that_it_serves_for(folder: Path) -> None:
    cache = Cache(folder)
    cache.keep(entry_for())
    cache.keep(entry_for(tool_version="later"))
    assert [entry.purpose.tool_version for entry in decode(cache.path.read_bytes())] == ["later"]


@pytest.mark.parametrize("change", ["write", "cut", "folder"])
def test_a_cache_that_is_unsafe_or_damaged_is_none_and_never_an_error(folder: Path, change: str) -> None:
    cache = Cache(folder)
    cache.keep(entry_for())
    if change == "write":
        cache.path.chmod(0o666)
    elif change == "cut":
        cache.path.write_bytes(cache.path.read_bytes()[:100])
    else:
        folder.chmod(0o777)
    assert cache.find(REQUEST) is None
    assert cache.refusal
    assert cache.keep(entry_for()) is (change != "folder")
    folder.chmod(0o755)


def test_where_nothing_can_be_written_nothing_is_kept(folder: Path) -> None:
    (folder / "file").write_text("")
    cache = Cache(folder / "file" / "below")
    assert cache.keep(entry_for()) is False
    cache.keep_answers(Answers())
    assert cache.clean() == 0


def test_where_the_kernels_functions_are_is_not_told_to_everybody(folder: Path) -> None:
    cache, answers = Cache(folder), Answers()
    answers.ask("symbols", lambda: [["out_of_memory", 0xFFFFFFFF81000000, None]])
    cache.keep_answers(answers)
    kept = [path for path in folder.iterdir() if b"out_of_memory" in path.read_bytes()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]


def test_root_caches_for_the_system_and_a_user_for_himself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert cache_folder() == Path("/var/cache/reclaim-tracer")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert cache_folder() == tmp_path / "reclaim-tracer"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path("/nonexistent/reclaim-tracer")


def test_answers_are_those_of_the_same_boot_and_modules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, answers = Cache(folder), Answers()
    assert answers.ask("how many", lambda: 3) == 3
    assert answers.is_new
    cache.keep_answers(answers)
    again = cache.answers()
    assert again.ask("how many", lambda: 4) == 3
    assert not again.is_new
    # GIVEN another state: a reboot, a module more
    monkeypatch.setattr(cache_module, "state_of_kernel", lambda: "another")
    assert cache.answers().ask("how many", lambda: 4) == 4


@pytest.mark.parametrize("text", [b"", b"x\n{}", b"[]", b"\xff\xfe"])
def test_damaged_answers_are_none(folder: Path, text: bytes) -> None:
    cache, answers = Cache(folder), Answers()
    answers.ask("how many", lambda: 3)
    cache.keep_answers(answers)
    path = folder / "answers"
    path.write_bytes(text or path.read_bytes().replace(b"3", b"5"))
    assert cache.answers().ask("how many", lambda: 4) == 4


def test_what_nobody_asked_this_time_is_forgotten(folder: Path) -> None:
    cache, answers = Cache(folder), Answers({"old": 1})
    answers.ask("new", lambda: 2)
    cache.keep_answers(answers)
    assert cache.answers().ask("old", lambda: 3) == 3


def test_the_state_is_another_when_a_module_comes(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    before = state_of_kernel(tmp_path)
    modules = tmp_path / "proc/modules"
    modules.write_text("virtio_balloon 28672 0 - Live 0xffffffffc0000000\n")
    loaded = state_of_kernel(tmp_path)
    assert loaded != before
    modules.write_text("virtio_balloon 28672 1 virtio_mem, Live 0xffffffffc0000000\n")
    assert state_of_kernel(tmp_path) == loaded, "somebody uses it"
    modules.write_text("virtio_balloon 28672 0 - Live 0xffffffffc1111000\n")
    assert state_of_kernel(tmp_path) != loaded, "it was loaded anew"


def test_remembered_answers_are_the_kernels() -> None:
    names = ("shrink_slab", "out_of_memory", "no_such_function")
    fresh, answers = Btf.read(), Answers()
    for _ in range(2):
        with remembering(answers):
            types, symbols = read_types(), read_symbols(names)
            assert symbols == find_symbols(names)
            assert (types is None) == (fresh is None)
            if types and fresh:
                assert types.member_offset_bytes("task_struct", "comm") == fresh.member_offset_bytes(
                    "task_struct", "comm"
                )
                assert types.function("out_of_memory") == fresh.function("out_of_memory")
                assert types.enumerator("no_such") is None
                assert types.size_bytes("scatterlist") == fresh.size_bytes("scatterlist")
        known = {name: answers.asked[name] for name in answers.asked}
        answers = Answers(known)
    assert not answers.is_new
    assert type(read_types()) is type(fresh), "nothing is remembered outside of the block"
