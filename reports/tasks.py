"""Table of contents: tasks live in the concepts' folders."""

from reports.packages.tasks import build_package, build_waiting

__all__ = ["build_package", "build_waiting"]
