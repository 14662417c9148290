"""Why a member could not be judged (soc2-rules §3.1), in words, each with what it takes to judge it (pure)."""

from typing import Final

REASONS: Final = {
    "missing": (
        "a field is absent",
        "The record lacks a field that the rule needs. Nothing can be added to it later.",
    ),
    "not_sent": (
        "a field is never sent",
        "The source never sends a field that the rule needs; another source must tell it.",
    ),
    "fact": ("a fact is not known", "What the rule asks about the account was not known at that time."),
    "membership": (
        "membership is not known",
        "Whether it belongs to the population was not known: no listing of the accounts covers that time.",
    ),
    "immature": ("the baseline is too young", "There were not enough earlier days to compare with."),
    "gap": ("the source was silent", "Something needed may have happened while nothing was received."),
    "pending": ("not decided yet", "An alert was not triaged yet."),
    "stale": ("the listing is too old", "The last full listing is older than the rule allows."),
}


def reason_words(reason: str) -> str:
    """Say in a few words why a member is unknown."""
    return REASONS[reason][0] if reason in REASONS else (reason or "no reason given")


def reason_help(reason: str) -> str:
    """Say in a sentence why a member is unknown, and what could be done."""
    return REASONS[reason][1] if reason in REASONS else ""
