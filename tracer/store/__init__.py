"""The `.rtrace` recording: `Writer`, `BackgroundWriter`, `RotatingWriter`, `Recording` and `open_recording`.

`docs/recording.md` describes the format.
"""

from ..outputs import check_output
from .background import BackgroundWriter
from .feeds import STDIN, feed_of
from .following import FollowedRecording
from .parts import RecordingParts, files_of, open_recording
from .reader import Recording
from .redacting import AnyRecording, RedactedRecording, is_stream
from .rotating import RotatingWriter, Rotation
from .writer import Fsync, Writer

__all__ = [
    "STDIN",
    "AnyRecording",
    "BackgroundWriter",
    "FollowedRecording",
    "Fsync",
    "Recording",
    "RecordingParts",
    "RedactedRecording",
    "RotatingWriter",
    "Rotation",
    "Writer",
    "check_output",
    "feed_of",
    "files_of",
    "is_stream",
    "open_recording",
]
