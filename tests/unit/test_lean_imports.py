"""A recorder's imports: the core of numpy alone, and all of it for who asks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from command_line import ENV
from hypothesis import given
from hypothesis import strategies as st

from tracer.distinct_values import distinct_values

LEAN = "import sys\nfrom tracer.lean_imports import slim_numpy\nslim_numpy()\nimport numpy as np\n"
"""As in a recorder, whose interpreter has loaded nothing before."""
HEAVY = (
    "numpy.lib",
    "numpy.linalg",
    "numpy._typing",
    "_ast",
    "tokenize",
    "_bz2",
    "_socket",
    "_posixsubprocess",
    "random",
    "tracer.store.following",
    "tracer.store.reader",
    "tracer.store.redacting",
)


def said(program: str) -> str:
    """What the program prints in an interpreter of its own."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=ENV, capture_output=True, text=True, check=True).stdout.strip()


def test_what_a_recorder_imports_needs_the_core_alone() -> None:
    modules = said(
        f"{LEAN}import tracer.recorder.capture, tracer.recorder.output\n"
        f"print([name for name in {HEAVY} if name in sys.modules], sys.modules['_hashlib'])"
    )
    assert modules == "[] None"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("np.unique([3, 1, 1]).tolist()", "[1, 3]"),
        ("np.linalg.norm([3.0, 4.0]).item()", "5.0"),
        ("np.isin([1, 2], [2]).tolist()", "[False, True]"),
        ("np.bincount([1, 1]).tolist(), 'numpy.lib' in sys.modules", "([0, 2], False)"),
        ("np.flatnonzero(np.array([0, 1])).tolist(), 'numpy.lib' in sys.modules", "([1], False)"),
        ("np.linalg is not None, np.matrix([[1]]).shape", "(True, (1, 1))"),
        ("(np.unique([1]), __import__('numpy.typing').typing.NDArray[np.int64])[1].__name__", "ndarray"),
        ("hasattr(np, 'no_such_name'), hasattr(np, '__no_such__')", "(False, False)"),
        ("str(__import__('inspect').signature(lambda a, *, b=1: None))", "(a, *, b=1)"),
        ("__import__('inspect').cleandoc('  a'), __import__('shutil').which('sh') is not None", "('a', True)"),
        ("__import__('hashlib').sha256(b'').hexdigest()[:8]", "e3b0c442"),
    ],
)
def test_what_is_asked_for_is_there_as_ever(expression: str, value: str) -> None:
    assert said(f"{LEAN}value = {expression}\nprint(value)") == value


def test_a_numpy_made_otherwise_is_loaded_as_a_whole(tmp_path) -> None:
    # GIVEN one without `numpy._core`, as numpy 1
    package = tmp_path / "numpy"
    package.mkdir()
    (package / "__init__.py").write_text("whole = True\n")
    program = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{LEAN}print(np.whole, np.__name__)"
    assert said(program) == "True numpy"


def test_numpy_is_loaded_by_who_imports_it_and_not_before() -> None:
    program = "import sys\nfrom tracer.lean_imports import slim_numpy\nslim_numpy()\n"
    loaded = "('numpy' in sys.modules, 'numpy._core' in sys.modules, type(np.__loader__).__name__)"
    assert said(f"{program}np = sys\nprint({loaded})") == "(False, False, 'type')"
    assert said(f"{program}import numpy as np\nprint({loaded})") == "(True, True, 'SourceFileLoader')"


def test_a_python_without_sums_of_its_own_keeps_those_of_openssl() -> None:
    without = "import sys\nsys.modules['_sha1'] = None\n"
    assert said(f"{without}{LEAN}import hashlib\nprint(hashlib.sha1(b'').hexdigest()[:8])") == "da39a3ee"


def test_where_numpy_is_loaded_nothing_changes() -> None:
    program = (
        "import sys, numpy\nbefore = dict(sys.modules)\nfrom tracer.lean_imports import slim_numpy\nslim_numpy()\n"
    )
    assert said(f"{program}print(all(sys.modules[name] is module for name, module in before.items()))") == "True"


@given(st.lists(st.integers(0, (1 << 64) - 1)))
def test_distinct_values_are_numpys_unique(values: list[int]) -> None:
    array = np.array(values, np.uint64)
    assert distinct_values(array).tolist() == np.unique(array).tolist()
    assert distinct_values(array).dtype == np.uint64
