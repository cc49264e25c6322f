"""Coverage-guided fuzzing of the reader: `pip install atheris`, then

    export PYTHONPATH=.:tests/unit
    python tests/fuzz/fuzz_recording.py CORPUS -max_total_time=3600 -rss_limit_mb=16000

Inputs are those of `recording_inputs.py`; seeds are written into CORPUS first. Any exception but RecordingError, and
any answer that contradicts itself, is a finding: atheris saves the input and stops. At the end it says how many inputs
were tried. What atheris instruments keeps some 3 KB of every input, which ends it at its own limit of 2 GB after
620,000; without it the reader keeps nothing.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tracer.store"]):
    from recording_inputs import file_of, read, seed_meta, seeds


def main() -> None:
    descriptor = os.memfd_create("fuzz")
    path = Path(f"/proc/self/fd/{descriptor}")
    with tempfile.TemporaryDirectory() as folder:
        meta = seed_meta(Path(folder))
    corpora = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
    for corpus in corpora[:1]:
        corpus.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            for number, seed in enumerate(seeds(Path(folder))):
                (corpus / f"seed-{number}").write_bytes(seed)

    def one_input(data: bytes) -> None:
        content = file_of(data, meta)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)
        read(path, len(content))

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
