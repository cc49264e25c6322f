"""bcc is found from any Python, and PyPI's package of the same name is not taken for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tracer.errors import CannotTraceError
from tracer.probes import finder

GENUINE = "class BPF:\n    pass\n"
IMPOSTOR = "raise RuntimeError('imported the crystal lattice')\n"


def put_bcc(parent: Path, init: str = GENUINE, *, genuine: bool = True) -> Path:
    package = parent / "bcc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(init)
    if genuine:
        (package / "libbcc.py").write_text("")
        (package / "version.py").write_text("__version__ = '0.31.0'\n")
    return package


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch):
    """Let the finder see nothing but these: this Python's path, and the system's places."""

    def look(own: list[Path], system: list[Path]) -> None:
        monkeypatch.setattr(finder, "locate", lambda: locate(own, system))

    locate = finder.locate
    return look


def test_the_distributions_bcc_is_found_outside_this_pythons_path(tmp_path: Path) -> None:
    package = put_bcc(tmp_path / "usr/lib/python3/dist-packages")
    assert finder.locate([], [str(package.parent)]) == (package, None)


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_places_of_other_python_versions_count(tmp_path: Path, version: str) -> None:
    package = put_bcc(tmp_path / f"lib64/python{version}/site-packages")
    assert finder.locate([], [f"{tmp_path}/lib64/python3.*/site-packages"])[0] == package


def test_an_impostor_in_front_does_not_hide_the_genuine_one(tmp_path: Path, only) -> None:
    # GIVEN PyPI's bcc in the virtual environment and the distribution's behind it
    impostor = put_bcc(tmp_path / "venv", IMPOSTOR, genuine=False)
    genuine = put_bcc(tmp_path / "system")
    only([tmp_path / "venv"], [str(tmp_path / "system")])
    # WHEN asked (an import of the impostor would raise)
    status = finder.bcc_status()
    # THEN the genuine one is used and the other named
    assert (status.found, status.path, status.impostor_path) == (True, genuine, impostor)
    assert status.version == "0.31.0"
    assert "bcc" not in sys.modules


def test_an_impostor_alone_is_named_and_never_imported(tmp_path: Path, only) -> None:
    impostor = put_bcc(tmp_path, IMPOSTOR, genuine=False)
    only([tmp_path], [])
    status = finder.bcc_status()
    assert not status.found
    assert status.impostor_path == impostor
    assert "unrelated PyPI package" in status.reason
    assert status.fix


def test_no_bcc_at_all_says_how_to_get_it(only) -> None:
    only([], [])
    with pytest.raises(CannotTraceError, match=r"bcc: not installed; install it with: .+") as raised:
        finder.load_bcc()
    assert raised.value.exit_code == 3
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("init", "reason"),
    [
        ("raise OSError('libbcc.so.0: cannot open shared object file')\n", "libbcc.so.0: cannot open"),
        ("def broken(:\n", "invalid syntax"),
        ("x = 1\n", "no BPF class"),
    ],
)
def test_a_bcc_that_does_not_load_says_why(tmp_path: Path, only, init: str, reason: str) -> None:
    package = put_bcc(tmp_path, init)
    only([], [str(tmp_path)])
    status = finder.bcc_status()
    assert (status.found, status.path) == (False, package)
    assert reason in status.reason


def test_what_python_thinks_of_bccs_code_is_not_the_users_business(tmp_path: Path, only) -> None:
    put_bcc(tmp_path, f"import warnings\nwarnings.warn('invalid escape', SyntaxWarning)\n{GENUINE}")
    only([], [str(tmp_path)])
    assert finder.bcc_status().found


def test_a_bcc_that_has_no_room_to_load_is_not_to_be_installed_again(tmp_path: Path, only) -> None:
    put_bcc(tmp_path, "raise OSError('libLLVM-14.so.1: failed to map segment from shared object')\n")
    only([], [str(tmp_path)])
    with pytest.raises(CannotTraceError, match="raise the limit") as caught:
        finder.load_bcc()
    assert "install" not in str(caught.value)
