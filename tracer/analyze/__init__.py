"""Batches in, findings out: the one engine behind live view, replay, summary and report."""

from .engine import NEVER_READ, Engine
from .model import Analysis
from .options import Options
from .stream.pieces import Pieces, in_pieces
from .summary import summary_dict

__all__ = ["NEVER_READ", "Analysis", "Engine", "Options", "Pieces", "in_pieces", "summary_dict"]
