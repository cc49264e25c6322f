"""Trace how Linux gives memory back: reclaim, shrinkers and the balloon."""

__version__ = "0.1.0"
