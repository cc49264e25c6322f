"""The `.rtrace` recording: `Writer`, `BackgroundWriter`, `RotatingWriter`, `Recording` and `open_recording`.

`docs/recording.md` describes the format.
"""

from ..outputs import check_output
from .background import BackgroundWriter
from .parts import RecordingParts, files_of, open_recording
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
    "files_of",
    "open_recording",
]
