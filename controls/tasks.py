"""Table of contents: tasks live in the concepts' folders."""

from controls.exceptions.tasks import tell
from controls.results.tasks import summarize

__all__ = ["summarize", "tell"]
