"""Table of contents: models live in the concepts' folders."""

from reports.packages.models import Package

__all__ = ["Package"]
