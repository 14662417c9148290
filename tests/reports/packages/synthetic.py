"""A whole client made of nothing but a seed: records, batches, ledger, populations, and bundles of them.

`python tests/reports/packages/synthetic.py OUT` writes one bundle as a zip and prints its SHA-256 (used to
build in another process).
"""

import json
import random
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.ledger.keys import ListedKey, vouch
from evidence.ledger.leaf import Leaf, canonical
from evidence.ledger.note import Head, key_hint, public_bytes
from evidence.ledger.tree import Tree, leaf_hash
from reports.packages.bundle import (
    Assertion,
    Bundle,
    DescriptionPart,
    Draw,
    EventEvidence,
    FileEvidence,
    Former,
    LedgerPart,
    Settings,
    Terms,
)
from reports.packages.coverage import each_day
from reports.packages.proof import Signed, records_meta
from reports.packages.rows import (
    ControlRow,
    CoverageRow,
    CriterionRow,
    DifferenceRow,
    DutyRow,
    ExceptionRow,
    ResponseRow,
    Tables,
    TestRow,
)
from reports.populations.canonical import (
    Member,
    Result,
    end_of_day,
    event_member,
    member_order,
    population_hash,
    state_member,
)
from reports.populations.ipe import Freeze, GapNote, Representation, Sheet, TieOut, freeze_meta, freeze_ref
from reports.populations.sampling import Replacement

CLIENT: Final = uuid.UUID("0d3b8f0a-6f0e-4b52-8c43-5a6a6f6b9d11")
ENGAGEMENT: Final = uuid.UUID("5f0c6f0e-2b1d-4c7a-9a55-0d6c1e0f7a01")
ORIGIN: Final = f"ledger.example.org/proofline/{CLIENT}"
OLD_KEY: Final = Ed25519PrivateKey.from_private_bytes(sha256(b"old key").digest())
KEY: Final = Ed25519PrivateKey.from_private_bytes(sha256(b"new key").digest())
ROGUE: Final = Ed25519PrivateKey.from_private_bytes(sha256(b"rogue key").digest())
ZONE: Final = "Europe/Zurich"
FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
BUILT_AT: Final = datetime(2026, 4, 8, 6, tzinfo=UTC)
GAP: Final = (date(2026, 2, 10), date(2026, 2, 11))


@dataclass
class Batch:
    """One day's raw records of one source, and where the ledger has them."""

    source: str
    day: date
    raw: list[bytes]
    leaf: int = -1

    @property
    def sha256(self) -> str:
        return sha256(b"\n".join(self.raw)).hexdigest()

    def tree(self) -> Tree:
        return Tree(leaf_hash(each) for each in self.raw)


@dataclass
class Log:
    """A client's ledger, growing."""

    leaves: list[Leaf] = field(default_factory=list)
    checkpoints: list[tuple[int, str]] = field(default_factory=list)

    def add(self, kind: str, ref: str, digest: str, at: datetime, **meta: Any) -> int:
        """Append a leaf; returns its seq."""
        seq = len(self.leaves)
        self.leaves.append(Leaf(CLIENT, seq, at, kind, ref, digest, "system", meta))
        return seq

    def tree(self) -> Tree:
        return Tree(leaf_hash(leaf.to_bytes()) for leaf in self.leaves)

    def head(self, at: datetime) -> Head:
        return Head(ORIGIN, len(self.leaves), self.tree().root(), at)

    def checkpoint(self, at: datetime, key: Ed25519PrivateKey) -> Head:
        head = self.head(at)
        self.checkpoints.append((head.size, head.sign(key)))
        return head


@dataclass
class Client:
    """Everything that a builder would read from the database."""

    log: Log
    batches: dict[tuple[str, date], Batch]
    keys: list[ListedKey]
    sign_ins: list[tuple[Member, Result]]
    account_days: list[tuple[Member, Result]]
    changes: list[tuple[Member, Result]]
    artifact: bytes
    artifact_leaf: int
    exceptions: list[ExceptionRow]
    response: ResponseRow
    assertion: Assertion
    head: Head
    freezes: dict[str, Freeze]
    gap: bool


def raw_record(chance: random.Random, source: str, day: date, number: int) -> bytes:
    """One sign-in or change as a source would send it."""
    at = datetime(day.year, day.month, day.day, 8, tzinfo=UTC) + timedelta(minutes=7 * number)
    return json.dumps(
        {
            "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": f"{source}.example.org",
            "userIdentity": {"userName": f"user-{chance.randrange(7)}, team \u00e9"},
            "number": number,
            "ratio": chance.random(),
            "big": 2**60 + number,
        },
        ensure_ascii=False,
    ).encode()


def client(*, gap: bool = True, frozen: bool = False) -> Client:
    """The synthetic client. With `gap`, two days of its cloud source are missing."""
    chance = random.Random(2026)
    log = Log()
    start = datetime(2025, 12, 30, 9, tzinfo=UTC)
    rotated = datetime(2026, 3, 1, 9, tzinfo=UTC)
    old = ListedKey(ORIGIN, public_bytes(OLD_KEY.public_key()), start, rotated, 0)
    log.add("key", old.hint, old.sha256, start, **old.leaf_meta())
    keys = [old]
    batches: dict[tuple[str, date], Batch] = {}
    for day in each_day(FIRST, LAST):
        at = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
        for source in ("cloud", "forge"):
            made = [raw_record(chance, source, day, number) for number in range(chance.randrange(2, 6))]
            if gap and source == "cloud" and GAP[0] <= day <= GAP[1]:
                continue
            batch = batches[(source, day)] = Batch(source, day, made)
            log.add("batch", f"b-{source}-{day}", batch.sha256, at, bytes=sum(map(len, made)))
            batch.leaf = log.add(
                "records",
                f"b-{source}-{day}",
                batch.tree().root().hex(),
                at,
                **records_meta(
                    batch_sha256=batch.sha256, records=len(made), events=len(made), rejected=0, adapter=source,
                    version="1",
                ),
            )  # fmt: skip
        if day.day == 28:
            log.checkpoint(at + timedelta(minutes=5), OLD_KEY if at < rotated else KEY)
        if day == rotated.date():
            public = public_bytes(KEY.public_key())
            voucher = vouch(OLD_KEY, name=ORIGIN, public_key=public, begins=rotated)
            new = ListedKey(ORIGIN, public, rotated, None, len(log.leaves), old.hint, voucher)
            log.add("key", new.hint, new.sha256, at + timedelta(minutes=9), **new.leaf_meta())
            keys.append(new)
    sign_ins = list(_sign_ins(batches))
    account_days = list(_account_days(batches))
    changes = list(_changes(batches))
    artifact = b"Change CHG-17, approved by Ana Lindt on 3 February 2026.\n" * 40
    after = datetime(2026, 4, 3, 9, tzinfo=UTC)
    artifact_leaf = log.add("artifact", "art-1", sha256(artifact).hexdigest(), after, name="approval.txt")
    freezes = {}
    if frozen:
        everything = {
            "AC-08.R01": sign_ins,
            "AC-10.R10": account_days,
            "CHG-01.insp": changes,
            "MON-03.R20": [],
        }
        for pid, rows in everything.items():
            digest = population_hash(member for member, _ in rows)
            leaf = log.add(
                "decision",
                freeze_ref(pid, 1),
                digest,
                after,
                **freeze_meta(rows=len(rows), window=(FIRST, LAST)),
            )
            freezes[pid] = Freeze("Ben Osei", after, leaf, digest)
    response = ResponseRow(
        "RS-1", "EX-2026-0001", "agrees", "A console user kept a password only.", "None seen.",
        "Second factor enforced.", "Review quarterly, \u201cas planned\u201d.", "Ana Lindt", date(2026, 6, 30), "",
        "Ana Lindt", "Ben Osei", after,
    )  # fmt: skip
    content = dict(zip(ResponseRow.columns, response.cells(), strict=True))
    log.add("decision", "RS-1", sha256(canonical(content)).hexdigest(), after, what="response")
    text = "Management of Synthetic AG states that the description follows DC section 200.\n"
    leaf = log.add("decision", "assertion", sha256(text.encode()).hexdigest(), after, what="assertion")
    assertion = Assertion(
        [
            {
                "id": "A1",
                "question": "Does the description follow the criteria?",
                "answer": "yes",
                "sentence": text,
            }
        ],
        text,
        Signed("Ana Lindt", "Chief executive", after, leaf),
    )
    head = log.checkpoint(BUILT_AT, KEY)
    return Client(
        log, batches, keys, sign_ins, account_days, changes, artifact, artifact_leaf,
        list(_exceptions(sign_ins, account_days)), response, assertion, head, freezes, gap,
    )  # fmt: skip


def _local(raw: bytes) -> tuple[datetime, date]:
    at = datetime.strptime(json.loads(raw)["eventTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return at, (at + timedelta(hours=2)).date()


def _sign_ins(batches: Mapping[tuple[str, date], Batch]) -> Iterator[tuple[Member, Result]]:
    members = []
    for (source, _), batch in batches.items():
        if source == "cloud":
            for seq, raw in enumerate(batch.raw):
                at, day = _local(raw)
                members.append(
                    Member(
                        at, event_member(sha256(raw).digest()[:16]), day, "sign-in", "console",
                        json.loads(raw)["userIdentity"]["userName"], "-console", "cloud", batch.sha256, seq,
                    )
                )  # fmt: skip
    for at, member in enumerate(sorted(members, key=member_order)):
        judged = member.occurred_at + timedelta(hours=1)
        if at in (20, 21, 90):
            number = 1 if at < 50 else 2
            result = Result(
                member.member_id,
                "fail",
                "",
                "R01",
                "3",
                judged,
                f"EX-2026-000{number}",
                "yes" if number == 1 else "",
            )
        elif at in (33, 130):
            reason = "fact" if at == 33 else "membership"
            result = Result(member.member_id, "unknown", reason, "R01", "3", judged)
        else:
            result = Result(member.member_id, "pass", "", "R01", "3", judged)
        yield member, result


def _account_days(batches: Mapping[tuple[str, date], Batch]) -> Iterator[tuple[Member, Result]]:
    for day in each_day(FIRST, LAST):
        batch = batches.get(("cloud", day)) or batches[("cloud", FIRST)]
        if ("cloud", day) not in batches:
            continue
        for name in ("deploy key", "root", "svc=backup"):
            member_id = state_member(f"cloud:{name}", day)
            failed = name == "root" and day.month == 3 and day.day < 5
            yield (
                Member(
                    end_of_day(day, ZONE), member_id, day, "account", "cloud", name, "=SUM(A1)", "cloud",
                    batch.sha256, 0,
                ),
                Result(
                    member_id, "fail" if failed else "pass", "", "R10", "1", end_of_day(day, ZONE),
                    "EX-2026-0003" if failed else "", "no" if failed else "",
                ),
            )  # fmt: skip


def _changes(batches: Mapping[tuple[str, date], Batch]) -> Iterator[tuple[Member, Result]]:
    members = []
    for (source, _), batch in batches.items():
        if source == "forge":
            for seq, raw in enumerate(batch.raw[:2]):
                at, day = _local(raw)
                system = "web" if seq else "api, old"
                members.append(
                    Member(
                        at, event_member(sha256(raw).digest()[:16]), day, "deploy", system, "user", f"build {seq} ",
                        "forge", batch.sha256, seq,
                    )
                )  # fmt: skip
    for member in sorted(members, key=member_order):
        yield (
            member,
            Result(member.member_id, "pass", "read", "", "", member.occurred_at + timedelta(days=60)),
        )


def _exceptions(
    sign_ins: list[tuple[Member, Result]], account_days: list[tuple[Member, Result]]
) -> Iterator[ExceptionRow]:
    def failed(rows: list[tuple[Member, Result]], number: int) -> tuple[str, ...]:
        return tuple(m.member_id for m, r in rows if r.exception == f"EX-2026-000{number}")

    noon = datetime(2026, 3, 20, 12, tzinfo=UTC)
    yield ExceptionRow(
        "EX-2026-0001", "failed_member", "AC-08", ("CC6.1",), "high", datetime(2026, 1, 9, 8, tzinfo=UTC),
        datetime(2026, 1, 9, 9, tzinfo=UTC), failed(sign_ins, 1), datetime(2026, 2, 9, tzinfo=UTC), "closed",
        "AC-08.R01", datetime(2026, 1, 12, tzinfo=UTC), "good", datetime(2026, 1, 20, tzinfo=UTC),
        response_id="RS-1",
    )  # fmt: skip
    yield ExceptionRow(
        "EX-2026-0002", "failed_member", "AC-08", ("CC6.1",), "high", datetime(2026, 2, 1, 8, tzinfo=UTC),
        datetime(2026, 2, 1, 9, tzinfo=UTC), failed(sign_ins, 2), datetime(2026, 3, 1, tzinfo=UTC), "accepted",
        "AC-08.R01", accepted_until=date(2026, 6, 30), accepted_by="Ana Lindt",
    )  # fmt: skip
    yield ExceptionRow(
        "EX-2026-0003", "failed_member", "AC-10", ("CC6.1", "CC6.3"), "medium", datetime(2026, 3, 1, 22, tzinfo=UTC),
        datetime(2026, 3, 2, tzinfo=UTC), failed(account_days, 3), datetime(2026, 3, 3, tzinfo=UTC), "retested",
        "AC-10.R10", noon, "good",
    )  # fmt: skip


def coverage(synthetic: Client, first: date = FIRST, last: date = LAST) -> Iterator[CoverageRow]:
    """One row per source and day."""
    for source in ("cloud", "forge", "mail"):
        for day in each_day(first, last):
            batch = synthetic.batches.get((source, day))
            if source == "mail":
                refilled = datetime(2026, 3, 9, tzinfo=UTC) if day == date(2026, 3, 5) else None
                yield CoverageRow(source, day, "proven_zero", liveness="pull", refilled_at=refilled)
            elif batch is None:
                yield CoverageRow(source, day, "gap", hours_lost=Decimal("24.0"))
            else:
                count = len(batch.raw)
                rejected = 1 if day == date(2026, 1, 15) else 0
                yield CoverageRow(source, day, "covered", count, count + rejected, 0, rejected, batches=1)


CONTROLS: Final = (
    ("AC-08", "Privileged access needs a second factor", ("CC6.1",), "cont", True),
    ("AC-10", "Keys rotate", ("CC6.1", "CC6.3"), "D", False),
    ("CHG-01", "Changes are approved first", ("CC8.1",), "occ+A", True),
    ("MON-03", "Mail gateways report", ("CC7.2",), "cont", False),
    ("PHY-02", "The host's report is read", ("CC6.4",), "A", False),
)


def tables(synthetic: Client, *, version: int = 1, kind: int = 2, split: bool = False) -> Tables:
    """All rows. With `split`, AC-08 has two versions in the period."""
    controls = [
        ControlRow(
            name, "1", date(2025, 6, 1), date(2026, 2, 14) if split and name == "AC-08" else None, f'"{title}", always',
            criteria, "Ana Lindt", frequency, "P\u00b7A", key, date(2025, 11, 3), date(2025, 7, 1),
        )
        for name, title, criteria, frequency, key in CONTROLS
    ]  # fmt: skip
    if split:
        controls.append(replace(controls[0], version="2", begins=date(2026, 2, 15), ends=None))
    served: dict[str, list[str]] = {}
    for name, _, criteria, _, _ in CONTROLS:
        for criterion in criteria:
            served.setdefault(criterion, []).append(name)
    rows = [CriterionRow(name, f"Title of {name}", True, tuple(sorted(served[name]))) for name in served]
    rows.append(CriterionRow("A1.1", "Capacity", False, (), "No promise is made about it", "Ana Lindt"))
    design = [
        TestRow("AC-08", "1", "design", method="design", lane="", members=1, passed=1),
        TestRow("PHY-02", "1", "obl", method="obligation", lane="", not_tested="procedure not run"),
    ]
    if kind == 1:
        return Tables(controls, rows, [*design, *_state_tests(synthetic, FIRST, FIRST)])
    tests = [
        *_rule_tests(synthetic, split=split),
        *_state_tests(synthetic, FIRST, LAST),
        TestRow(
            "CHG-01", "1", "insp", "CHG-01.insp", "sample", "inspection", len(synthetic.changes), 40, 40, 0, 0
        ),
        TestRow("MON-03", "1", "R20", "MON-03.R20", "census", "rule", 0),
        *design,
    ]
    duties = [
        DutyRow(
            "DU-1", "AC-08", "Review, first quarter", _at(2, 1), _at(2, 15), "in_time", _at(1, 30), "met"
        ),
        DutyRow("DU-2", "AC-08", "Review of keys", _at(2, 1), _at(2, 15), "late", _at(2, 10), "met"),
        DutyRow("DU-3", "AC-10", "Training", _at(2, 1), _at(2, 15), "missed", _at(2, 20), "met"),
        DutyRow("DU-4", "AC-10", "Policy", _at(2, 1), _at(2, 15), "missed"),
        DutyRow("DU-5", "AC-10", "Restore", _at(2, 1), _at(2, 15), "waived"),
        DutyRow("DU-6", "AC-10", "Drill", _at(4, 1), _at(4, 30), "open"),
    ]
    differences = (
        [DifferenceRow("duties.csv", "DU-6", "state", "missed", "open", "The grace was entered wrongly.")]
        if version > 1
        else []
    )
    return Tables(controls, rows, tests, synthetic.exceptions, [synthetic.response], duties, differences)


def _at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 21, 59, 59, tzinfo=UTC)


def _rule_tests(synthetic: Client, *, split: bool) -> Iterator[TestRow]:
    spans = [("1", FIRST, LAST)]
    if split:
        spans = [("1", FIRST, date(2026, 2, 14)), ("2", date(2026, 2, 15), LAST)]
    for version, first, last in spans:
        own = [r.result for m, r in synthetic.sign_ins if first <= m.local_date <= last]
        yield TestRow(
            "AC-08", version, "R01", "AC-08.R01", "census", "rule", len(own), None, own.count("pass"),
            own.count("fail"), own.count("unknown"),
        )  # fmt: skip


def _state_tests(synthetic: Client, first: date, last: date) -> Iterator[TestRow]:
    own = [(m, r) for m, r in synthetic.account_days if first <= m.local_date <= last]
    failed = {m.subject for m, r in own if r.result == "fail"}
    results = [r.result for _, r in own]
    yield TestRow(
        "AC-10", "1", "R10", "AC-10.R10", "census", "state", len(own), None, results.count("pass"),
        results.count("fail"), 0, 3, len(failed),
    )  # fmt: skip


def sheet(
    synthetic: Client, control: str, procedure: str, systems: tuple[str, ...], *, lane: str = "census",
    frequency: str = "cont", rows: int = 0, window: tuple[date, date] = (FIRST, LAST),
) -> Sheet:  # fmt: skip
    """One IPE sheet."""
    pid = f"{control}.{procedure}"
    tie_outs = [
        TieOut("T2", rows, rows, "sum of the daily tallies", "system", BUILT_AT),
        TieOut("T5", 700, 700, "batches", "system", BUILT_AT),
    ]
    if control != "MON-03":
        tie_outs.append(TieOut("T3", rows, rows - (control == "CHG-01"), "sequence", "system", BUILT_AT,
                               "One build was run twice." if control == "CHG-01" else "",
                               "Ben Osei" if control == "CHG-01" else ""))  # fmt: skip
    return Sheet(
        control=control,
        control_version="1",
        procedure=procedure,
        title=f"Title of {procedure}",
        member="occurrence",
        frequency=frequency,
        window=window,
        zone=ZONE,
        systems=systems,
        query='SELECT "members"\nWHERE day BETWEEN …',
        run_by="system",
        run_at=BUILT_AT,
        lane=lane,
        parameters={"threshold": 3, "ratio": 0.25},
        adapter_versions={"cloud": "1"},
        rule_versions={procedure: "3"},
        tie_outs=tie_outs,
        frozen=synthetic.freezes.get(pid),
        representation=Representation("The list is whole.", "Ana Lindt", BUILT_AT)
        if control == "MON-03"
        else None,
    )


def event(synthetic: Client, control: str, member: Member) -> EventEvidence:
    """A member's raw record with its proof."""
    batch = next(b for b in synthetic.batches.values() if b.sha256 == member.batch_sha256)
    assert member.seq is not None
    return EventEvidence(
        control, ("CC6.1",), member.member_id, member.local_date, member.source, batch.sha256, member.seq,
        batch.raw[member.seq], json.loads(batch.raw[member.seq]), len(batch.raw), batch.tree().inclusion(member.seq),
        batch.leaf, member.occurred_at + timedelta(hours=1), title=f"{member.kind} of {member.subject}",
    )  # fmt: skip


def ledger(synthetic: Client) -> LedgerPart:
    """All leaves with their proofs, checkpoints, consistency, keys."""
    tree = synthetic.log.tree()
    size = tree.size
    return LedgerPart(
        ((leaf.seq, leaf.to_bytes(), tree.inclusion(leaf.seq)) for leaf in synthetic.log.leaves),
        [note for _, note in synthetic.log.checkpoints],
        [(at, tree.root(at), tree.consistency(at)) for at, _ in synthetic.log.checkpoints if at < size],
        synthetic.keys,
    )


def pdf(bundle: Bundle) -> Iterator[bytes]:
    """The smallest file that has what a PDF of a bundle must have."""
    yield b"%PDF-1.7\n1 0 obj\n<< /Title (Synthetic) /Subject ("
    yield bundle.pdf_mark.encode()
    yield b") >>\nendobj\ntrailer\n<< /Info 1 0 R >>\n%%EOF\n"


def terms(
    synthetic: Client, *, kind: int = 2, version: int = 1, status: str = "draft", former: Former | None = None
) -> Terms:
    """What the package is of."""
    size, root = synthetic.log.checkpoints[0][0], synthetic.log.tree().root(synthetic.log.checkpoints[0][0])
    return Terms(
        kind=kind, version=version, client=CLIENT, slug="synthetic", client_name="Synthetic AG, Z\u00fcrich",
        first=FIRST, last=FIRST if kind == 1 else LAST, zone=ZONE, categories=("Security",), head=synthetic.head,
        builder_version="2026.11.0", catalogue="1", rules_sha256="ab" * 32, issued_by="system",
        engagement=ENGAGEMENT, status=status, consistent_with=(size, root), supersedes=former,
        settings=Settings(raised=("AC-10",)),
    )  # fmt: skip


def fill(bundle: Bundle, synthetic: Client, *, split: bool = False) -> None:
    """All steps up to the seal, of a Type II."""
    last = bundle.terms.last
    bundle.add_coverage(
        coverage(synthetic, FIRST, last),
        {("cloud", GAP[0]): GapNote("the trail was off", "Mended on 12 February.", "Ben Osei")},
    )
    if bundle.terms.kind == 1:
        own = [(m, r) for m, r in synthetic.account_days if m.local_date == FIRST]
        window = (FIRST, FIRST)
        listed = bundle.add_population(
            sheet(synthetic, "AC-10", "R10", ("cloud",), frequency="D", rows=len(own), window=window), own
        )
        listed.agreeing = len(listed.first_ranks)
        bundle.add_tables(tables(synthetic, kind=1))
    else:
        _populations(bundle, synthetic)
        bundle.add_tables(tables(synthetic, version=bundle.terms.version, split=split))
    for number in range(1, 9):
        bundle.add_description(
            DescriptionPart(
                number, f"Part {number}", "accepted", f"Text of part {number}.\n", "Ana Lindt", BUILT_AT
            )
        )
    bundle.add_assertion(synthetic.assertion)
    bundle.add_pdf(pdf(bundle))
    if bundle.terms.status == "issued":
        for path in ("index.html", "verify.html", "oscal/catalog.json"):
            bundle.add_asset(path, [b"made elsewhere\n"])
    bundle.add_ledger(ledger(synthetic))


def _populations(bundle: Bundle, synthetic: Client) -> None:
    signed = bundle.add_population(
        sheet(synthetic, "AC-08", "R01", ("cloud",), rows=len(synthetic.sign_ins)), synthetic.sign_ins,
        late=[synthetic.sign_ins[5][0]._replace(member_id="e:" + "f" * 32)],
    )  # fmt: skip
    traced = {each.member_id for each in signed.first_ranks}
    signed.agreeing = len(traced)
    for member, result in synthetic.sign_ins:
        if result.result == "fail" or member.member_id in traced:
            bundle.add_event(event(synthetic, "AC-08", member))
    state = bundle.add_population(
        sheet(synthetic, "AC-10", "R10", ("cloud",), frequency="D", rows=len(synthetic.account_days)),
        synthetic.account_days,
    )
    state.agreeing = len(state.first_ranks)
    bundle.add_population(sheet(synthetic, "MON-03", "R20", ("mail",)), [])
    _inspection(bundle, synthetic)


def _inspection(bundle: Bundle, synthetic: Client) -> None:
    pid = "CHG-01.insp"
    members = {m.member_id: m for m, _ in synthetic.changes}
    wanted = sheet(
        synthetic,
        "CHG-01",
        "insp",
        ("forge", "mail"),
        lane="sample",
        frequency="occ",
        rows=len(synthetic.changes),
    )
    draw = Draw("m1", pid, 40, "Ben Osei", BUILT_AT - timedelta(days=3))
    first = drawn_ids(synthetic, wanted, draw)
    draw = replace(draw, replacements=(Replacement(first[3], "duplicate", "Ben Osei", "Ana Lindt"),))
    sampled = drawn_ids(synthetic, wanted, draw)
    kept = set(sampled) - {first[3]}
    rows = [(m, r if m.member_id in kept else None) for m, r in synthetic.changes]
    bundle.add_population(wanted, rows)
    bundle.add_draw(draw)
    for number, by in enumerate(("month", "system", "kind"), start=2):
        bundle.add_draw(
            Draw(f"a{number}", pid, 12 + number, "Ada Okafor", BUILT_AT - timedelta(days=2), "auditor", "stratified",
                 by, "auditor", "okafor-2027")
        )  # fmt: skip
    bundle.add_draw(
        Draw("a5", pid, 9, "Ada Okafor", BUILT_AT - timedelta(days=2), "auditor", seed_kind="client")
    )
    for member_id in sampled:
        bundle.add_event(event(synthetic, "CHG-01", members[member_id]))
    bundle.add_file(
        FileEvidence(
            "CHG-01", ("CC8.1",), "artifact", "approval of change \u2116 17.txt", "approval of change \u2116 17.txt",
            [synthetic.artifact], date(2026, 2, 3), date(2026, 2, 3), datetime(2026, 4, 3, 9, tzinfo=UTC), "Ben Osei",
            synthetic.artifact_leaf, "Ana Lindt", (sampled[0],),
        )
    )  # fmt: skip


def drawn_ids(synthetic: Client, wanted: Sheet, draw: Draw) -> list[str]:
    """Which members a draw takes, found with a bundle that is thrown away."""
    with Bundle(terms(synthetic)) as trial:
        trial.add_coverage(coverage(synthetic))
        trial.add_population(wanted, [(m, r) for m, r in synthetic.changes])
        return [row.member_id for row in trial.add_draw(draw)]


def package(
    synthetic: Client, *, kind: int = 2, version: int = 1, status: str = "draft", former: Former | None = None,
    split: bool = False,
) -> Bundle:  # fmt: skip
    """A sealed bundle; the caller closes its spool."""
    bundle = Bundle(terms(synthetic, kind=kind, version=version, status=status, former=former))
    fill(bundle, synthetic, split=split)
    bundle.seal(KEY)
    return bundle


def hint(key: Ed25519PrivateKey) -> str:
    """A key's hint in hex."""
    return key_hint(ORIGIN, public_bytes(key.public_key())).hex()


if __name__ == "__main__":
    with package(client()) as made, Path(sys.argv[1]).open("wb") as out:
        sys.stdout.write(made.write_zip(out) + "\n")
