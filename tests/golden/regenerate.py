"""Accept what the analysis says now: `python -m tests.golden.regenerate [NAME...]`. Read the diff before committing."""

from __future__ import annotations

import sys

from .cases import Case, all_cases
from .screens import ScreenCase, screen_cases


def regenerate(cases: list[Case | ScreenCase]) -> list[str]:
    """Write each case's expected summary or screen; a line for each that changed."""
    changed = []
    for case in cases:
        before = case.expected.read_text() if case.expected.exists() else None
        after = case.actual()
        if after != before:
            case.expected.write_text(after)
            changed.append(f"{'new' if before is None else 'changed'}: {case.expected.name}")
    return changed


def main(names: list[str]) -> int:
    """Regenerate the named cases, or all."""
    known: list[Case | ScreenCase] = [*all_cases(), *screen_cases()]
    cases = [case for case in known if not names or case.name in names]
    if unknown := set(names) - {case.name for case in cases}:
        sys.stderr.write(f"no golden case called {', '.join(sorted(unknown))}\n")
        return 2
    lines = regenerate(cases)
    sys.stdout.write("\n".join([*lines, f"{len(cases)} cases, {len(lines)} written"]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
