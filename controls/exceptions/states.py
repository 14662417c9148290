"""The states of an exception and what leads from one to another, as data (soc2-work §5.3)."""

from dataclasses import dataclass

LIVE = ("open", "triaged", "ticketed", "fixed", "retested", "accepted")


@dataclass(frozen=True, slots=True)
class Step:
    """What one action needs: the policy's action, the words that must be given, whether a leaf is written."""

    to: str
    policy: str
    needs: tuple[str, ...] = ()
    leaf: bool = True
    separate: bool = False  # the actor is neither opener, owner nor fixer


# {state: {action: step}}; what is not here is refused by name.
TRANSITIONS: dict[str, dict[str, Step]] = {
    "open": {
        "triage": Step("triaged", "exception.triage", ("severity", "cause", "harm"), leaf=False),
        "fix": Step("fixed", "exception.fix", ("fix", "fixed_at")),
        "call_false": Step("false_positive", "exception.call_false", ("code", "words")),
        "correct": Step("closed", "", ("words",)),
    },
    "triaged": {
        "fix": Step("fixed", "exception.fix", ("fix", "fixed_at")),
        "call_false": Step("false_positive", "exception.call_false", ("code", "words")),
        "correct": Step("closed", "", ("words",)),
    },
    "ticketed": {
        "fix": Step("fixed", "exception.fix", ("fix", "fixed_at")),
        "call_false": Step("false_positive", "exception.call_false", ("code", "words")),
        "correct": Step("closed", "", ("words",)),
    },
    "fixed": {
        "good_retest": Step("retested", "exception.retest", ("words",), separate=True),
        "bad_retest": Step("triaged", "exception.retest", ("words",), separate=True),
        "correct": Step("closed", "", ("words",)),
    },
    "retested": {
        "close": Step("closed", "exception.close", ("words",), separate=True),
        "bad_retest": Step("triaged", "exception.retest", ("words",), separate=True),
        "correct": Step("closed", "", ("words",)),
    },
    "accepted": {
        "fix": Step("fixed", "exception.fix", ("fix", "fixed_at")),
        "correct": Step("closed", "", ("words",)),
    },
    "closed": {"reopen": Step("triaged", "exception.reopen", ("words",))},
    "false_positive": {"reopen": Step("triaged", "exception.reopen", ("words",))},
    "merged": {},
}

CAUSES = (
    "person",
    "process",
    "technology",
    "vendor",
    "design",
    "data",
    "not known yet",
)
HARMS = ("none seen", "seen", "not looked at")
SEVERITIES = ("low", "medium", "high", "critical")
FALSE_CODES = (
    "rule wrong",
    "fact wrong",
    "approved beforehand",
    "duplicate",
    "test account",
)
