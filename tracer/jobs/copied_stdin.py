"""Standard input, copied to a temporary file while it is read, so that parts of it can be read again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..store import AnyRecording, FollowedRecording
    from ..store.aliases import Aliases
    from ..store.redacting import Unredacted
    from ..store.stream_copy import StreamCopy


@dataclass(frozen=True)
class CopiedStdin:
    """A stream and its copy; `aliases` are told for names, None without."""

    _stream: FollowedRecording
    _copy: StreamCopy
    _aliases: Aliases | None

    @property
    def recording(self) -> AnyRecording:
        """The stream, to be read once and to its end."""
        return self._named(self._stream)

    def again(self) -> AnyRecording:
        """The same as a file, after that. Raises TracerError."""
        from ..store import open_recording
        from ..store.kept import Facts

        stream = self._stream
        path = self._copy.finish(Facts(stream.symbols, stream.cgroups, stream.notes))
        return self._named(open_recording(path))

    def _named(self, recording: Unredacted) -> AnyRecording:
        from ..store import RedactedRecording

        return recording if self._aliases is None else RedactedRecording(recording, self._aliases)


@contextmanager
def copied_stdin(*, redact: bool = False) -> Iterator[CopiedStdin]:
    """Standard input; its copy (in `TMPDIR`) goes at the end. Raises TracerError."""
    from tempfile import TemporaryDirectory

    from ..store import STDIN, FollowedRecording, feed_of
    from ..store.aliases import Aliases
    from ..store.stream_copy import StreamCopy

    with TemporaryDirectory(prefix="reclaim-tracer-") as folder:
        copy = StreamCopy(Path(folder) / "stream.rtrace")
        yield CopiedStdin(FollowedRecording(feed_of(STDIN), copy), copy, Aliases() if redact else None)
