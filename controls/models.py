"""Table of contents: models live in the concepts' folders."""

from controls.catalogue.models import Control, ControlProcedure, CriterionScope
from controls.exceptions.models import ControlException, ExceptionAct
from controls.results.models import Occurrence, RuleSetting, Tally

__all__ = [
    "Control",
    "ControlException",
    "ControlProcedure",
    "CriterionScope",
    "ExceptionAct",
    "Occurrence",
    "RuleSetting",
    "Tally",
]
