"""The `.rtrace` recording: `Writer`, `BackgroundWriter`, `RotatingWriter`, `Recording` and `open_recording`.

`docs/recording.md` describes the format. What is looked up is loaded then: a recorder reads no recordings.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
_PLACES = {
    "..outputs": ("check_output",),
    ".background": ("BackgroundWriter",),
    ".feeds": ("STDIN", "feed_of"),
    ".following": ("FollowedRecording",),
    ".parts": ("RecordingParts", "files_of", "open_recording"),
    ".reader": ("Recording",),
    ".redacting": ("AnyRecording", "RedactedRecording", "is_stream"),
    ".rotating": ("RotatingWriter", "Rotation"),
    ".writer": ("Fsync", "Writer"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has that name
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name], __name__), name)
    return value
