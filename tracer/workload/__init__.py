"""The demo's load: page cache and slab pressure in a memory cgroup of its own, made by a child process."""

from .process import LIMIT_BYTES, BoundedLoad, LoadPlan, bounded_load

__all__ = ["LIMIT_BYTES", "BoundedLoad", "LoadPlan", "bounded_load"]
