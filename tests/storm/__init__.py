"""A storm of system calls with known content, and the program that takes each of them through our own path."""

from .checking import Checker
from .generator import Generator, ThreadResult, build_generator, new_token
from .program import StormProgram

__all__ = ["Checker", "Generator", "StormProgram", "ThreadResult", "build_generator", "new_token"]
