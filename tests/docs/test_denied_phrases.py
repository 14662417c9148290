"""The product promises no outcome: denied phrases stand nowhere but where each was reviewed."""

import pytest

from tests.docs import phrases


def test_nothing_that_people_read_has_a_denied_phrase() -> None:
    found = [
        f"{place}: {phrase}"
        for place, text in phrases.texts()
        for phrase in phrases.denied_in(text, place=place)
    ]
    assert found == []


def test_every_reviewed_place_is_still_there_and_still_needs_its_entry() -> None:
    whole = {place: phrases.flat(text) for place, text in phrases.texts()}
    for entry in phrases.allowed():
        assert entry.text in whole.get(entry.place, ""), f"{entry.place} no longer says “{entry.text}”"
        assert any(pattern.search(entry.text) for pattern in phrases.patterns()), (
            f"nothing is denied in “{entry.text}”"
        )


@pytest.mark.parametrize(
    "sentence",
    [
        "Your company is SOC 2 Certified.",
        "You are now fully compliant",
        "a compliance\n   score of 93",
        "Harbor passed the audit",
        "an audit-proof log",
        "We guarantee it.",
        "100 % secure",
        "a fully automated audit",
        "AICPA-approved",
        "a clean opinion",
        "an unqualified opinion",
        "we attest that",
        "No issues found",
        "The auditor confirms",
    ],
)
def test_a_promise_is_found_in_any_case_and_over_the_end_of_a_line(sentence: str) -> None:
    assert list(phrases.denied_in(sentence, place="somewhere"))


@pytest.mark.parametrize(
    "sentence",
    [
        "No deviations noted in management's tests",
        "an X.509 certificate",
        "This result passed, that one failed.",
        "Compliance lies with management.",
        "The auditor concludes.",
    ],
)
def test_what_may_be_said_is_let_through(sentence: str) -> None:
    assert list(phrases.denied_in(sentence, place="somewhere")) == []


def test_an_expression_of_several_pieces_is_read_as_one_sentence() -> None:
    assert list(phrases.denied_in(phrases.spoken('f"{name} passed " "the audit"'), place="somewhere"))
