"""What commands say on stderr."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Messages:
    """`info` unless quiet, `detail` only when verbose; results are stdout's."""

    quiet: bool = False
    verbose: bool = False

    def info(self, text: str) -> None:
        """Something everybody wants to know."""
        if not self.quiet:
            sys.stderr.write(f"{text}\n")

    def detail(self, text: str) -> None:
        """Something for those who asked."""
        if self.verbose:
            sys.stderr.write(f"{text}\n")
