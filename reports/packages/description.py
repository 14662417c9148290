"""The system description's parts and management's assertion, as far as the portal can prefill them.

Nothing here is accepted or signed: every part is a draft until a named person accepts it, and says so.
"""

from reports.packages.gather import Gathered
from reports.packages.proof import Assertion, DescriptionPart

TITLES = {
    1: "Services",
    2: "Service commitments and system requirements",
    3: "Components of the system",
    4: "Incidents that mattered",
    5: "Criteria and controls",
    6: "What user entities must do",
    7: "Subservice organizations",
    8: "Criteria left out",
    9: "Changes that mattered in the period",
}
UNWRITTEN = "Management has not written this part yet."


def description(gathered: Gathered, kind: int) -> list[DescriptionPart]:
    """Return the nine parts; a Type I has no part 9. Only parts 3, 5 and 8 have something to begin from."""
    drafted = {3: _components(gathered), 5: _criteria_and_controls(gathered), 8: _left_out(gathered)}
    return [
        DescriptionPart(
            number=number,
            title=title,
            state="draft" if number in drafted else "empty",
            text=drafted.get(number, UNWRITTEN),
        )
        for number, title in TITLES.items()
        if kind == 2 or number != 9
    ]


def _components(gathered: Gathered) -> str:
    streams = ", ".join(sorted(gathered.coverage)) or "none"
    return (
        f"Sources that send evidence of the system to the portal: {streams}. Infrastructure, software, people,"
        " procedures and data are not described yet."
    )


def _criteria_and_controls(gathered: Gathered) -> str:
    inside = sum(row.in_scope for row in gathered.criteria)
    key = sum(result.control.key for result in gathered.controls)
    return (
        f"Categories: {', '.join(gathered.categories)}. {inside} criteria are in scope, served by"
        f" {len(gathered.controls)} controls, {key} of them key controls. Section IV lists each criterion with its"
        " controls, and each control with its tests."
    )


def _left_out(gathered: Gathered) -> str:
    out = [row for row in gathered.criteria if not row.in_scope]
    if not out:
        return "No criterion of the chosen categories is left out."
    lines = [f"- {row.criterion}, {row.title}: {row.reason or 'no reason given yet'}" for row in out]
    return "\n".join(["Criteria that are not part of this package:", "", *lines])


def assertion(gathered: Gathered, kind: int) -> Assertion:
    """Return management's assertion with its questions; nobody has answered or signed it in a draft."""
    span = (
        f"as of {gathered.period.start}"
        if kind == 1
        else f"from {gathered.period.start} to {gathered.period.end}"
    )
    questions = [
        (
            "description",
            f"Does the description present the system {span} in accordance with DC section 200 (2018)?",
        ),
        (
            "design",
            "Were the controls suitably designed to meet the service commitments by the criteria in scope?",
        ),
        ("subservice", "Do subservice organizations and user entities have to do their part for that?"),
        ("not_met", "Which criteria does management itself judge as not met?"),
    ]
    if kind == 2:
        questions.insert(2, ("operation", f"Did the controls do so throughout the period {span}?"))
    return Assertion(
        answers=[
            {"id": key, "question": text, "answer": "not answered", "sentence": ""} for key, text in questions
        ],
        text="Management has not made its assertion yet. This package is a draft.",
    )
