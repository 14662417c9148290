"""The members of the published test vectors."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from reports.populations.canonical import Member


def demo_members(count: int, hours: int) -> Iterator[Member]:
    """`count` deployments, one every `hours` hours from the first of 2026, in UTC."""
    for i in range(1, count + 1):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=(i - 1) * hours)
        yield Member(
            at,
            "e:" + sha256(f"demo-{i}".encode()).hexdigest()[:32],
            at.date(),
            "deploy",
            "web" if i % 3 == 0 else "api",
            f"user-{i % 4}",
            f"build-{i}",
            "ci",
            "0" * 64,
            i,
        )
