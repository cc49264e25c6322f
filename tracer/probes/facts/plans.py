"""What `record` would have compiled on a described kernel."""

from __future__ import annotations
