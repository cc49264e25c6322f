"""Kinds of findings, a file each."""
