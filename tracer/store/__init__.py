"""The `.rtrace` recording: `Writer` and `Recording`. `docs/recording.md` describes the format."""

from .output import check_output
from .reader import Recording
from .writer import Writer

__all__ = ["Recording", "Writer", "check_output"]
