"""Table of contents: models live in the concepts' folders."""

from reports.packages.models import Package
from reports.populations.models import Population

__all__ = ["Package", "Population"]
