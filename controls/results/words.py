"""How results are said to people: the word of an outcome with its tone, and the reasons of what is unknown."""

from typing import Final, NamedTuple

from controls.results.figures import deviation_rate, pass_rate, percent
from controls.results.period import Outcome, ProcedureResult
from evidence.coverage.states import State


class Said(NamedTuple):
    """A status as a pill shows it: its tone, and its words."""

    tone: str
    text: str


OUTCOMES: Final = {
    Outcome.DEVIATIONS: Said("deviation", "Deviations noted"),
    Outcome.NOT_TESTED: Said("none", "Not tested"),
    Outcome.PARTLY_TESTED: Said("unknown", "Partly tested"),
    Outcome.DID_NOT_OCCUR: Said("none", "No occasion"),
    Outcome.NO_DEVIATIONS: Said("met", "No deviations noted"),
}
RESULTS: Final = {
    "pass": Said("met", "pass"),
    "fail": Said("deviation", "fail"),
    "unknown": Said("unknown", "unknown"),
}
DAYS: Final = {
    State.COVERED: "heard",
    State.PROVEN_ZERO: "heard, nothing happened",
    State.GAP: "nothing received",
    State.UNKNOWN: "not settled yet",
    State.NOT_IN_SCOPE: "not in scope",
}
SEVERITIES: Final = {"critical": "deviation", "high": "deviation", "medium": "attention", "low": "none"}
FREQUENCIES: Final = {
    "occ": "at each occurrence", "cont": "many times a day", "D": "daily", "W": "weekly", "M": "monthly",
    "Q": "quarterly", "HY": "half-yearly", "A": "yearly",
}  # fmt: skip
NATURES: Final = {
    "P": "preventive", "D": "detective", "C": "corrective",
    "A": "automated", "M": "manual", "H": "partly automated",
}  # fmt: skip
FUNCTIONS: Final = {
    "HR": "people and hiring", "CEO": "the chief executive", "SEC": "security", "ENG": "engineering",
    "OPS": "operations", "IT": "IT", "FAC": "facilities", "PRC": "procurement", "LEG": "legal",
}  # fmt: skip


def frequency_words(frequency: str) -> str:
    """Say how often a control works: `occ+Q` → "at each occurrence and quarterly"."""
    return " and ".join(FREQUENCIES.get(part, part) for part in frequency.split("+"))


def nature_words(nature: str) -> str:
    """Say what kind of control it is: `P-A` → "preventive, automated"."""
    return ", ".join(NATURES.get(letter, letter) for letter in nature.split("-"))


def function_words(function: str) -> str:
    """Say which function owns a control that no person owns: `HR/LEG`."""
    return " or ".join(FUNCTIONS.get(part, part) for part in function.split("/"))


def title_of(statement: str, longest: int = 84) -> str:
    """Return a control's statement as a heading: whole where it is short, else its first clause."""
    if len(statement) <= longest:
        return statement
    for end in ("; ", ": "):
        clause = statement.partition(end)[0]
        if 30 <= len(clause) <= longest:
            return clause
    return statement[:longest].rpartition(" ")[0].rstrip(",;:") + "\N{HORIZONTAL ELLIPSIS}"


def rates(result: ProcedureResult) -> tuple[str, str]:
    """Return pass rate and deviation rate as they are printed: cut down, raised, small numbers as they are."""
    proven = bool(result.days) and all(day.state in (State.COVERED, State.PROVEN_ZERO) for day in result.days)
    counts = (result.passed, result.failed, result.unknown)
    return percent(pass_rate(*counts, proven=proven)), percent(deviation_rate(*counts, proven=proven))
