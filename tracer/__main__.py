"""`python -m tracer` is `reclaim-tracer`, which begins here, too."""

import os
import signal
import sys

_INTERRUPTED = 130


def main() -> None:
    """The command line. Ctrl-C while its modules are still loaded ends it like later, and without a traceback."""
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, before)
    from .recorder.early_refusal import refuse_hopeless

    refuse_hopeless(sys.argv[1:])
    from .commands.entry import main as run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
