"""The `.rtrace` recording: `Writer`, `BackgroundWriter`, `RotatingWriter` and `Recording`.

`docs/recording.md` describes the format.
"""

from .background import BackgroundWriter
from .output import check_output
from .reader import Recording
from .rotating import RotatingWriter, Rotation
from .writer import Fsync, Writer

__all__ = ["BackgroundWriter", "Fsync", "Recording", "RotatingWriter", "Rotation", "Writer", "check_output"]
