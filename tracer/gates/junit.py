"""What came of conditions as JUnit XML, which CI systems show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..errors import printable
from ..outputs import write_file
from .judging import Judged, Outcome

WHAT: Final = "a JUnit file"
OPTION: Final = "--junit"


def junit_xml(name: str, judged: Sequence[Judged]) -> bytes:
    """A suite with a test case for each condition: a failure where it was met, an error where it could not be judged.

    Control characters are escaped: XML can't hold them.
    """
    from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

    suite = TestSuite(printable(name))
    for each in judged:
        case = TestCase(printable(each.condition.text), classname=printable(name))
        words = printable(each.words)
        if not each.fails:
            case.system_out = f"{each.outcome.value}: {words}"
        else:
            what = Failure if each.outcome is Outcome.MET else Error
            case.result = [what(words, each.outcome.value)]
        suite.add_testcase(case)
    xml = JUnitXml()
    xml.add_testsuite(suite)
    written: bytes = xml.tostring()  # type: ignore[no-untyped-call]
    return written


def write_junit(path: Path, name: str, judged: Sequence[Judged]) -> None:
    """Write it; what was there is replaced. Raises TracerError."""
    write_file(path, junit_xml(name, judged), force=True, what=WHAT, option=OPTION)
