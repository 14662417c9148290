"""The policy table as a page of the documentation (`docs/access.md`), so that what is printed is what is asked."""

from typing import Final

from tenants.access.policy import COLUMNS, POLICY, role_words

_INTRO: Final = """# Who may do what

This page is made from the policy table (`tenants/access/policy.py`) by `python3 manage.py access --write`; a test
fails when it is not current. What is not listed is refused. A view, command or token that names no action of this
table does not start.

Roles: {roles}.

| Word | Means |
|---|---|
| `y` | yes |
| `-` | no |
| `asg` | assigned to this client |
| `in` | assigned, or in live break-glass (reads only) |
| `own` | owner, assignee or reviewer of the object or of its control |
| `self` | about oneself |
| `ns` | not requester, author, subject, owner or preparer of the object |
| `eng` | in an engagement: client, access dates, period, categories; read-only, logged; packages once issued |
| `su` | fresh second factor, in the portal only |
| `fn` | the function named for the act; refused until functions are recorded |
| `all` | every client, without content |

Joined by `+` all must hold. Foreign and absent objects answer alike: 404. A person of an engagement at a client is an
auditor there and nothing else. On the command line the operator acts as the system task (SY) and must name
`--as USER` for any action that SY lacks.

| Action | {heads} |
|---|{rules}|
"""


def matrix_page() -> str:
    """Return the page's Markdown."""
    lines = [
        _INTRO.format(
            roles=", ".join(f"**{role}** {role_words(role)}" for role in COLUMNS),
            heads=" | ".join(COLUMNS),
            rules="|".join("---" for _ in COLUMNS),
        )
    ]
    for action in sorted(POLICY):
        cells = (POLICY[action][role].text if role in POLICY[action] else "-" for role in COLUMNS)
        lines.append(f"| `{action}` | {' | '.join(cells)} |\n")
    return "".join(lines)
