"""`python -m tracer` is `reclaim-tracer`."""

from .commands.app import main

main()
