"""The README of a bundle: what it is, how to verify it, and one worked line of this very bundle each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evidence.ledger.leaf import rfc3339
from reports import figures as shares
from reports.packages.coverage import DayCounts
from reports.packages.rows import TestRow
from reports.packages.unproven import KINDS, Unprovens
from reports.populations.sampling import Drawn, rank, seed

if TYPE_CHECKING:
    from reports.packages.listing import Listed
    from reports.packages.terms import Terms

TREE: Final = """\
README.txt            this text
package.pdf           the package as people read it, Sections I to V
package.json          every key figure: value, numerator, denominator, and where to count it again
controls.csv          controls by version            criteria.csv     criteria, in scope or out and why
tests.csv             one test a row, both rates     duties.csv       duties of the period
exceptions.csv        what went wrong                responses.csv    what management says to it
coverage.csv          each source on each day        control_coverage.csv   each control on each day
populations/          members, results, IPE sheets   samples/         what was drawn from them
evidence/             files and events, with index   description/     the system description
assertion.json        management's assertion         ledger/          leaves, proofs, checkpoints, keys
verify.py             the verifier (Python 3.9 or later, nothing else)
manifest.json         size and SHA-256 of every file, signed in ledger/manifest.sig
"""

GLOSSARY: Final = """\
pass, fail, unknown   a member met the control's condition; did not; or a needed fact is absent. Unknown
                      members count neither as met nor as deviations, and are always shown.
deviations            at least one member failed           no_deviations   members, none failed, every day heard
not_tested            no procedure, no source, no evidence
partly_tested         none failed in what was tested, but days or members are missing
did_not_occur         no occasion, and every day was heard
in_place, not_in_place   the same at a date (Type I)
covered               the source was heard that day        proven_zero     heard, and nothing happened
gap                   silent, and nobody knows why         unknown         not settled yet
census                every member judged by machine       sample          people read what was drawn
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the text is made of."""

    terms: "Terms"
    hashes: Mapping[str, str]
    tests: Sequence[TestRow]
    populations: Sequence["Listed"]
    draws: Sequence[tuple[str, ...]]
    drawn: Mapping[str, Sequence[Drawn]]
    control_sources: Mapping[str, Sequence[str]]
    coverage: Mapping[str, DayCounts]
    unproven: Unprovens


def write(facts: Facts) -> str:
    """The whole text, plain, with lines that fit a terminal where the content allows."""
    terms = facts.terms
    head = terms.head
    when = (
        terms.first.isoformat() if terms.kind == 1 else f"{terms.first} to {terms.last}, both days included"
    )
    draft = (
        "\nThis is a DRAFT. It verifies like any other bundle, but nobody issued it, and populations may not be\n"
        "frozen yet.\n"
        if terms.status == "draft"
        else ""
    )
    return f"""\
{terms.bundle}
{"=" * len(terms.bundle)}

A Type {"I" * terms.kind} package of {terms.client_name}, {when} ({terms.zone}).
Categories: {", ".join(terms.categories)}.

WHAT THIS IS
Management's own package for a SOC 2 examination: controls, tests, populations, exceptions and evidence, with
everything needed to compute each figure again. Built by {terms.issued_by} with builder {terms.builder_version}
from the ledger head of {head.size} leaves at {rfc3339(head.time)}, root
{head.root.hex()}
{draft}
WHAT THIS IS NOT
An opinion. The independent auditor concludes, nobody else. Nor does it prove what it lists in this table,
each line of which is spelled out in package.pdf and, under does_not_prove/, in package.json:

{_unproven(facts)}
THE TREE
{TREE}
VERIFY
Take verify.py from the project rather than from a bundle that you doubt. In this folder:

    python3 -I verify.py
    python3 -I verify.py ../{terms.bundle}.zip
    python3 -I verify.py --checkpoint FILE      (a checkpoint that you got elsewhere)

It ends with "holds" and exit code 0, or names each file, row or leaf that differs and ends with 1.

BY HAND
{_by_hand(facts)}
GLOSSARY
{GLOSSARY}
WHERE ELSE THE CHECKPOINT WENT
Nowhere by itself: checkpoints of {head.origin}
are kept by the portal alone. Whoever keeps the checkpoint of an earlier bundle can compare: its root must be
that of ledger/checkpoints.txt for the same size, or --checkpoint shows the difference.
"""


def _unproven(facts: Facts) -> str:
    lines = []
    for kind, title in KINDS.items():
        found = facts.unproven.of(kind)
        looked = facts.unproven.looked_at[kind]
        lines.append(f"    {title}: {len(found) or 'none'} (looked at {looked})\n")
    return "".join(lines)


def _by_hand(facts: Facts) -> str:
    return "\n".join([_rehash(facts), *_recount(facts), *_redraw(facts), *_recover(facts)])


def _rehash(facts: Facts) -> str:
    path = "tests.csv"
    return f"Re-hash a file:\n    sha256sum {path}\n    {facts.hashes[path]}  (manifest.json says the same)\n"


def _recount(facts: Facts) -> list[str]:
    row = max(
        (row for row in facts.tests if row.pid), key=lambda row: (row.failed, row.members), default=None
    )
    if row is None:
        return []
    listed = next(each for each in facts.populations if each.pid == row.pid)
    text = f"Recount a test ({row.control}, {row.procedure}):\n"
    text += f"    awk -F, '$2 == \"fail\"' {listed.result_file} | wc -l\n"
    text += f"    {listed.results['fail']}  (of {listed.digest.rows} members; the same stands in tests.csv)\n"
    return [text]


def _redraw(facts: Facts) -> list[str]:
    for draw in sorted(facts.draws):
        rows = facts.drawn[draw[0]]
        if rows:
            return [_rank_line(f"Redraw a sample ({draw[0]})", draw[9], rows[0].member_id, rows[0].rank)]
    for listed in facts.populations:
        if listed.first_ranks:
            seed_hex = seed(facts.terms.client, listed.sheet.control, listed.digest.sha256)
            member = listed.first_ranks[0].member_id
            title = (
                f"Redraw a sample (none was drawn; this is the first row of {listed.pid} traced to raw bytes)"
            )
            return [_rank_line(title, seed_hex, member, rank(seed_hex, member))]
    return []


def _rank_line(title: str, seed_hex: str, member: str, expected: str) -> str:
    return (
        f"{title}:\n    printf '%s\\n%s\\n' {seed_hex} '{member}' | sha256sum\n"
        f"    {expected}  (the lowest rank of the population comes first)\n"
    )


def _recover(facts: Facts) -> list[str]:
    for control, days in sorted(facts.coverage.items()):
        share = shares.cut_down(
            days.tested, days.in_scope, smallest=facts.terms.settings.smallest_denominator
        )
        text = f"Recompute a coverage line ({control}):\n"
        text += f"    grep -c -E '^{control},[0-9-]+,(covered|proven_zero),' control_coverage.csv\n"
        return [f"{text}    {days.tested}  (of {days.in_scope} days in scope: {shares.percent(share)})\n"]
    return []
