"""Conditions on a recording's numbers, for scripts and CI: `--fail-on` and `--junit`."""
