"""An analysis as a short text for a ticket (markdown) or a mailing list (plain, 72 columns)."""

from .content import Letter, letter
from .mail import mail
from .markdown import markdown
from .moments import Moments, moments
from .typical import Stretch, typical_stretch

__all__ = ["Letter", "Moments", "Stretch", "letter", "mail", "markdown", "moments", "typical_stretch"]
