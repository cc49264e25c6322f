"""Fuzzing the importers for as long as asked:

    PYTHONPATH=.:tests/unit:tests/fuzz python tests/fuzz/fuzz_imports.py KIND SECONDS [FIRST]

KIND is one of `import_inputs.KINDS`; FIRST is the number of the first input. What is found is told by its number.
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from import_inputs import case_of


def main() -> None:
    kind, seconds, first = sys.argv[1], float(sys.argv[2]), int((sys.argv[3:] or ["0"])[0])
    ways: Counter[str] = Counter()
    number, end_s = first, time.monotonic() + seconds
    slowest = (0.0, first)
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end_s:
            before_s = time.process_time()
            try:
                said = case_of(kind, number).run(Path(folder))
                ways["imported" if said.endswith(" events") else "refused"] += 1
            except Exception:  # noqa: BLE001 - every one is a finding
                ways["FOUND"] += 1
                sys.stdout.write(f"{kind} {number}:\n{traceback.format_exc()}\n")
            slowest = max(slowest, (time.process_time() - before_s, number))
            number += 1
    sys.stdout.write(
        f"{kind}: {number - first} inputs, {dict(ways)}; the slowest, {slowest[1]}, took {slowest[0]:.2f} s\n"
    )


if __name__ == "__main__":
    main()
