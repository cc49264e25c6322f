"""The `.rtrace` recording: `Writer`, `BackgroundWriter`, `RotatingWriter`, `Recording` and `open_recording`.

`docs/recording.md` describes the format.
"""

from .background import BackgroundWriter
from .output import check_output
from .parts import RecordingParts, open_recording
from .reader import Recording
from .rotating import RotatingWriter, Rotation
from .writer import Fsync, Writer

AnyRecording = Recording | RecordingParts

__all__ = [
    "AnyRecording",
    "BackgroundWriter",
    "Fsync",
    "Recording",
    "RecordingParts",
    "RotatingWriter",
    "Rotation",
    "Writer",
    "check_output",
    "open_recording",
]
