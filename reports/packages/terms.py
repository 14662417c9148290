"""What a bundle is asked to be: its terms, the samples to draw, and its part of the ledger."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from evidence.ledger.keys import ListedKey
from evidence.ledger.note import Head
from reports.packages.archive import BundleError
from reports.packages.keyfigures import Settings
from reports.populations.sampling import Replacement


@dataclass(frozen=True, slots=True)
class Former:
    """The package that this one supersedes: its name, version, and the SHA-256 of its manifest."""

    bundle: str
    version: int
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a package is of, and from which head. For a Type I both dates are the as-of date.

    `categories` are names such as `Security`; `consistent_with` is an earlier head (size, root) that the
    ledger part proves consistency with.
    """

    kind: int
    version: int
    client: uuid.UUID
    slug: str
    client_name: str
    first: date
    last: date
    zone: str
    categories: tuple[str, ...]
    head: Head
    builder_version: str
    catalogue: str
    rules_sha256: str
    issued_by: str
    engagement: uuid.UUID | None = None
    status: str = "draft"
    consistent_with: tuple[int, bytes] | None = None
    supersedes: Former | None = None
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        """Refuse terms that are neither a Type I nor a Type II."""
        if self.kind not in (1, 2) or self.first > self.last or (self.kind == 1 and self.first != self.last):
            raise BundleError(
                "A Type I has one date; a Type II has a period whose end is not before its start."
            )
        if self.status not in ("draft", "issued"):
            raise BundleError(f"A package is draft or issued when it is built, not {self.status!r}.")
        if (self.version == 1) != (self.supersedes is None):
            raise BundleError(
                "Version 1 supersedes nothing; every later version names the one it supersedes."
            )

    @property
    def bundle(self) -> str:
        """The bundle's name: that of the folder, and of the zip without its ending."""
        if self.kind == 1:
            return f"{self.slug}-type1-{self.first}-v{self.version}"
        return f"{self.slug}-type2-{self.first}_{self.last}-v{self.version}"

    @property
    def days(self) -> int:
        """Days of the period, both ends included."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Draw:
    """A sample to be drawn. `seed_kind` is engagement or client (the ids of the terms) or auditor (`seed_text`)."""

    draw: str
    pid: str
    size: int
    by: str
    at: datetime
    ledger: str = "management"
    method: str = "ranked"
    stratum_by: str = ""
    seed_kind: str = "engagement"
    seed_text: str = ""
    replacements: tuple[Replacement, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """What `ledger/` holds. Leaves as (seq, exact bytes, audit path to the head), in seq order.

    Checkpoints are signed notes, oldest first, the head last. Proofs are (size, root, path to the head): one
    for each checkpoint but the head.
    """

    leaves: Iterable[tuple[int, bytes, Sequence[bytes]]]
    checkpoints: Sequence[str]
    proofs: Sequence[tuple[int, bytes, Sequence[bytes]]]
    keys: Sequence[ListedKey]
