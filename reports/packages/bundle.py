"""The writer of a bundle: a builder hands over plain values, and gets the files of a package.

The order of use, each step once unless said otherwise:

    with Bundle(terms, spool_directory) as bundle:
        bundle.add_coverage(rows, notes)
        listed = bundle.add_population(sheet, pairs)        # per population, 0 to n
        bundle.add_draw(draw)                               # per sample, 0 to n
        bundle.add_event(event), bundle.add_file(file)      # evidence, 0 to n
        bundle.add_tables(tables)
        bundle.unproven, bundle.figures, bundle.sheets      # what the PDF prints
        bundle.add_description(part), bundle.add_assertion(assertion)
        bundle.add_figures(figures)                         # further ones that the PDF prints
        bundle.add_pdf(chunks)                              # its information holds bundle.pdf_mark
        bundle.add_ledger(ledger)
        bundle.seal(key)
        bundle.write_zip(out), bundle.write_folder(parent)

Everything that follows from other values is computed here: population hashes, coverage of controls, rates,
result words and texts, the list of what is not proven, samples, sizes, hashes, the manifest. Populations are
read once as a stream. Nothing depends on the clock, the locale, the time zone or the order of a set.
"""

import json
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.ledger.keys import ListedKey, keys_json
from evidence.ledger.leaf import canonical, rfc3339
from evidence.ledger.note import Head, signature_line
from reports import figures as shares
from reports.packages import keyfigures, readme
from reports.packages.archive import BundleError, Spool, StoredFile
from reports.packages.coverage import DayCounts, control_states, counts, each_day, runs
from reports.packages.keyfigures import Figure, Settings
from reports.packages.outcomes import Tested, control_word, text, word, word_at
from reports.packages.proof import Assertion, DescriptionPart, EventEvidence, FileEvidence, safe_name
from reports.packages.rows import (
    ControlRow,
    CoverageRow,
    CriterionRow,
    DifferenceRow,
    DutyRow,
    EvidenceRow,
    ExceptionRow,
    ResponseRow,
    Tables,
    TestRow,
)
from reports.packages.unproven import (
    KINDS,
    Unproven,
    Unprovens,
    day_lines,
    decision_lines,
    sheet_lines,
    source_days,
)
from reports.populations.canonical import (
    RESULT_COLUMNS,
    Member,
    MemberDigest,
    Result,
    canonical_line,
    canonical_table,
    instant,
    parse_line,
    write_members,
    write_results,
)
from reports.populations.ipe import GapNote, Sheet, verdict
from reports.populations.sampling import (
    Candidate,
    Drawn,
    Replacement,
    auditor_seed,
    candidates,
    draw_ranked,
    draw_stratified,
    first_ranks,
    seed,
)

VERIFIER: Final = Path(__file__).with_name("verify.py")
SAMPLE_COLUMNS: Final = ("draw", "order", "rank", "member_id", "n", "stratum", "replaces", "reason")
DRAW_COLUMNS: Final = (
    "draw", "pid", "version", "population_sha256", "ledger", "method", "stratum_by", "seed_kind", "seed_text",
    "seed", "size", "by", "at",
)  # fmt: skip
CONTROL_COVERAGE_COLUMNS: Final = ("control", "local_date", "state", "blocking_sources")
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "ledger/manifest.sig"
_MEMORY: Final = 1 << 20


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
    at: Any
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


@dataclass(slots=True)
class Listed:
    """A population that was written: what its files turned out to hold."""

    sheet: Sheet
    digest: MemberDigest
    results: Counter[str] = field(default_factory=Counter)
    unknown_reasons: Counter[str] = field(default_factory=Counter)
    by_day: dict[date, Counter[str]] = field(default_factory=dict)
    item_days: dict[str, list[tuple[date, bool]]] = field(default_factory=dict)
    late: int = 0
    first_ranks: list[Candidate] = field(default_factory=list)
    agreeing: int = 0

    @property
    def pid(self) -> str:
        """The population's id."""
        return self.sheet.pid

    @property
    def member_file(self) -> str:
        """Path of the member file."""
        return f"populations/{self.pid}.members.csv"

    @property
    def result_file(self) -> str:
        """Path of the results file."""
        return f"populations/{self.pid}.results.csv"

    def between(self, first: date, last: date) -> Counter[str]:
        """Members by result, and under `members` their number, of the days from first to last."""
        found: Counter[str] = Counter()
        for day, counted in self.by_day.items():
            if first <= day <= last:
                found.update(counted)
        return found

    def items(self, first: date, last: date) -> tuple[int, int]:
        """Items of a state test on those days, and those that failed on any of them."""
        seen = failed = 0
        for days in self.item_days.values():
            own = [bad for day, bad in days if first <= day <= last]
            seen += bool(own)
            failed += any(own)
        return seen, failed


class Bundle:
    """See the module's text for the order of use."""

    def __init__(self, terms: Terms, spool_directory: Path | None = None) -> None:
        """Begin a bundle. Its files are spooled into `spool_directory` (or the system's) until written."""
        self.terms = terms
        self.spool = Spool(spool_directory)
        self.unproven = Unprovens()
        self.figures: dict[str, Figure] = {}
        self._days: dict[str, dict[date, str]] = {}
        self._coverage: list[CoverageRow] = []
        self._notes: Mapping[tuple[str, date], GapNote] = {}
        self._populations: dict[str, Listed] = {}
        self._draws: list[tuple[str, ...]] = []
        self._drawn: dict[str, list[Drawn]] = {}
        self._evidence: dict[str, EvidenceRow] = {}
        self._tables: dict[str, list[Any]] = {}
        self._leaves = 0
        self._sealed = False

    def __enter__(self) -> Self:
        """The bundle itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop the spool."""
        self.spool.close()

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.terms.bundle

    @property
    def pdf_mark(self) -> str:
        """What the PDF's document information must hold, uncompressed (as its subject or a keyword)."""
        return f"proofline {self.name} {self.terms.head.root.hex()}"

    # Coverage, populations, samples.

    def add_coverage(
        self, rows: Iterable[CoverageRow], notes: Mapping[tuple[str, date], GapNote] | None = None
    ) -> None:
        """Take one row per source and day of the period. `notes` tell of gaps, by (source, first day).

        Raises `BundleError` for a hole, a double or a day outside the period.
        """
        self._coverage = sorted(rows, key=lambda row: (row.source.encode(), row.local_date))
        self._notes = notes or {}
        try:
            self._days = source_days(self._coverage)
        except ValueError as error:
            raise BundleError(str(error)) from error
        wanted = set(each_day(self.terms.first, self.terms.last))
        for source, days in self._days.items():
            if days.keys() != wanted:
                odd = min(days.keys() ^ wanted)
                raise BundleError(
                    f"Coverage of {source} must have each day of the period once; look at {odd}."
                )
        self._table("coverage.csv", CoverageRow.columns, self._coverage)

    def add_population(
        self, sheet: Sheet, rows: Iterable[tuple[Member, Result | None]], late: Iterable[Member] = ()
    ) -> Listed:
        """Write one population from members in order, each with its judgment (None: not among the sampled).

        Raises `BundleError` if the sheet says it is frozen and the bytes are not those that were frozen, and
        `PopulationError` for rows that cannot be a population.
        """
        for source in sheet.systems:
            if source not in self._days:
                raise BundleError(f"{sheet.pid} reads {source}, of which no coverage was given.")
        if sheet.pid in self._populations:
            raise BundleError(f"{sheet.pid} is in the bundle already.")
        listed = Listed(sheet, MemberDigest())
        with tempfile.SpooledTemporaryFile(_MEMORY) as held:
            members = self._split(rows, listed, held)
            self.spool.add(listed.member_file, write_members(members, listed.digest, window=sheet.window))
            held.seek(0)
            self.spool.add(listed.result_file, iter(lambda: held.read(_MEMORY), b""))
        frozen = sheet.frozen
        if frozen is not None and frozen.sha256 != listed.digest.sha256:
            raise BundleError(
                f"{sheet.pid} is not the population that was frozen: expected {frozen.sha256},"
                f" found {listed.digest.sha256}. Freeze a version {sheet.version + 1}."
            )
        self._write_late(listed, late)
        listed.first_ranks = first_ranks(
            self._candidates(listed, ""),
            seed(self.terms.client, sheet.control, listed.digest.sha256),
            self.terms.settings.traced_rows,
        )
        listed.agreeing = 0
        self._populations[sheet.pid] = listed
        return listed

    def _split(
        self, rows: Iterable[tuple[Member, Result | None]], listed: Listed, held: Any
    ) -> Iterator[Member]:
        """Pass members on, and write their results aside: both files from one reading."""
        held.write(canonical_line(RESULT_COLUMNS))

        for member, result in rows:
            day = listed.by_day.setdefault(member.local_date, Counter())
            day["members"] += 1
            if result is not None:
                if result.member_id != member.member_id:
                    raise BundleError(f"The result of {member.member_id} is that of {result.member_id}.")
                *_, line = b"".join(write_results([result])).split(b"\n", 1)
                held.write(line)
                listed.results[result.result] += 1
                day[result.result] += 1
                if result.result == "unknown":
                    listed.unknown_reasons[result.reason] += 1
            if member.member_id.startswith("i:"):
                item = member.member_id[2:-11]
                failed = result is not None and result.result == "fail"
                listed.item_days.setdefault(item, []).append((member.local_date, failed))
            yield member

    def _write_late(self, listed: Listed, late: Iterable[Member]) -> None:
        arrived = sorted(late, key=lambda member: (member.occurred_at, member.member_id.encode()))
        listed.late = len(arrived)
        if arrived:
            self.spool.add(f"populations/{listed.pid}.late.csv", write_members(arrived))

    def _candidates(self, listed: Listed, stratum_by: str) -> Iterator[Candidate]:
        lines = self.spool.lines(listed.member_file)
        next(lines)
        return candidates((parse_line(line) for line in lines), stratum_by)

    def add_draw(self, draw: Draw) -> list[Drawn]:
        """Draw a sample from a population that was added, and write it. Returns its rows.

        Management draws nothing from a population that a machine judges whole.
        """
        listed = self._populations.get(draw.pid)
        if listed is None:
            raise BundleError(f"A sample is drawn from a population of the bundle; {draw.pid} is none.")
        if draw.ledger == "management" and listed.sheet.lane == "census":
            raise BundleError(f"Every member of {draw.pid} is judged; management draws no sample from it.")
        seed_hex, seed_text = self._seed(draw, listed)
        pool = self._candidates(listed, draw.stratum_by)
        if draw.method == "stratified" and draw.stratum_by:
            rows = draw_stratified(pool, seed_hex, draw.size, draw.replacements)
        elif draw.method == "ranked" and not draw.stratum_by:
            rows = draw_ranked(pool, seed_hex, draw.size, draw.replacements)
        else:
            raise BundleError(f"Sample {draw.draw} is ranked, or stratified by something.")
        cells = (
            (
                draw.draw,
                str(row.order),
                row.rank,
                row.member_id,
                str(row.n),
                row.stratum,
                row.replaces,
                row.reason,
            )
            for row in rows
        )
        self.spool.add(f"samples/{draw.pid}.{draw.draw}.csv", canonical_table(SAMPLE_COLUMNS, cells))
        self._draws.append(
            (
                draw.draw, draw.pid, str(listed.sheet.version), listed.digest.sha256, draw.ledger, draw.method,
                draw.stratum_by, draw.seed_kind, seed_text, seed_hex, str(draw.size), draw.by, instant(draw.at),
            )
        )  # fmt: skip
        self._drawn[draw.draw] = rows
        return rows

    def _seed(self, draw: Draw, listed: Listed) -> tuple[str, str]:
        if draw.seed_kind == "auditor":
            return auditor_seed(draw.seed_text, listed.digest.sha256), draw.seed_text
        scopes = {"engagement": self.terms.engagement, "client": self.terms.client}
        scope = scopes.get(draw.seed_kind)
        if scope is None or draw.seed_text:
            raise BundleError(
                f"Sample {draw.draw} has no {draw.seed_kind} to take its seed from, or has a text too."
            )
        return seed(scope, listed.sheet.control, listed.digest.sha256), str(scope)

    # Evidence.

    def add_event(self, event: EventEvidence) -> str:
        """Write one event's raw record with its proof. Returns its path in the bundle."""
        return self._evidence_file(event, [canonical(event.to_json()) + b"\n"], event.file_name)

    def add_file(self, file: FileEvidence) -> str:
        """Write one file as evidence. Returns its path; the same bytes for a further control are kept once."""
        return self._evidence_file(file, file.chunks, safe_name(file.name))

    def _evidence_file(
        self, evidence: EventEvidence | FileEvidence, chunks: Iterable[bytes], name: str
    ) -> str:
        content = b"".join(chunks) if isinstance(chunks, list) else None
        if content is not None:
            known = self._evidence.get(sha256(content).hexdigest())
            if known is not None:
                return self._again(known, evidence)
            chunks = [content]

        def path(digest: str) -> str:
            if digest in self._evidence:
                # The same bytes came as a stream: keep the second under a name that is dropped below.
                return f"evidence/.again/{digest}"
            return f"evidence/{evidence.control}/{evidence.inclusion_from}_{digest[:8]}_{name}"

        stored = self.spool.add(path, chunks)
        known = self._evidence.get(stored.sha256)
        if known is not None:
            self.spool.drop(stored.path)
            return self._again(known, evidence)
        self._evidence[stored.sha256] = EvidenceRow(
            stored.path, stored.sha256, stored.size, evidence.kind, evidence.title, [evidence.control],
            list(evidence.criteria), evidence.inclusion_from, evidence.inclusion_to, evidence.collected_at,
            evidence.by, evidence.reviewed_by, list(evidence.members), evidence.leaf,
        )  # fmt: skip
        return stored.path

    @staticmethod
    def _again(known: EvidenceRow, evidence: EventEvidence | FileEvidence) -> str:
        for mine, theirs in (
            (known.controls, (evidence.control,)),
            (known.criteria, evidence.criteria),
            (known.members, evidence.members),
        ):
            mine.extend(each for each in theirs if each not in mine)
        return known.path

    # Tables, figures, texts.

    def add_tables(self, tables: Tables) -> None:
        """Take the rows of all tables, and compute what follows from them.

        Raises `BundleError` if a test's counts are not those of its results file.
        """
        rows = self._tables
        rows["controls"] = sorted(
            tables.controls, key=lambda row: (row.control.encode(), row.begins, row.version)
        )
        rows["criteria"] = sorted(tables.criteria, key=lambda row: _criterion_order(row.criterion))
        rows["exceptions"] = sorted(tables.exceptions, key=lambda row: row.id.encode())
        rows["responses"] = sorted(tables.responses, key=lambda row: row.response_id.encode())
        rows["duties"] = sorted(tables.duties, key=lambda row: row.duty.encode())
        rows["differences"] = sorted(tables.differences, key=lambda row: (row.where, row.id, row.field))
        rows["tests"] = sorted(tables.tests, key=self._test_order)
        self._table("controls.csv", ControlRow.columns, rows["controls"])
        self._table("criteria.csv", CriterionRow.columns, rows["criteria"])
        self._table("exceptions.csv", ExceptionRow.columns, rows["exceptions"])
        self._table("responses.csv", ResponseRow.columns, rows["responses"])
        self._table("duties.csv", DutyRow.columns, rows["duties"])
        if self.terms.version > 1:
            self._table("differences.csv", DifferenceRow.columns, rows["differences"])
        self._control_coverage()
        judged = [(row, self._tested(row)) for row in rows["tests"]]
        self._write_tests(judged)
        self._list_unproven(judged)
        self.figures.update(self._key_figures(judged))

    def _test_order(self, row: TestRow) -> tuple[Any, ...]:
        begins = self._version_span(row)[0]
        return row.control.encode(), row.procedure.encode(), begins, row.version

    def _version_span(self, row: TestRow) -> tuple[date, date]:
        """The days of a test: those of its control version if the bundle has several of them, else all."""
        terms = self.terms
        versions = {each.version: each for each in self._tables["controls"] if each.control == row.control}
        own = versions.get(row.version)
        if len(versions) < 2 or own is None:
            return terms.first, terms.last
        return max(own.begins, terms.first), min(own.ends or terms.last, terms.last)

    def _tested(self, row: TestRow) -> Tested:
        listed = self._populations.get(row.pid)
        if row.pid and listed is None:
            raise BundleError(
                f"tests.csv: {row.control}.{row.procedure} names {row.pid}, which is no population here."
            )
        if listed is None:
            return Tested(
                row.method, False, row.members, row.passed, row.failed, row.unknown, not_tested=row.not_tested
            )
        first, last = self._version_span(row)
        first, last = max(first, listed.sheet.window[0]), min(last, listed.sheet.window[1])
        self._recount(row, listed, first, last)
        days = self._day_counts(listed.sheet.systems, first, last) if listed.sheet.systems else None
        exceptions = [each for each in self._tables["exceptions"] if each.pid == row.pid]
        gaps = [
            (source, *run)
            for source in listed.sheet.systems
            for state in ("gap", "unknown", "not_in_scope")
            for run in runs({day: s for day, s in self._days[source].items() if first <= day <= last}, state)
        ]
        return Tested(
            method=row.method,
            has_population=True,
            members=row.members,
            passed=row.passed,
            failed=row.failed,
            unknown=row.unknown,
            days=days,
            off_days=len(set(listed.sheet.off_days)),
            items=row.items,
            items_failed=row.items_failed,
            not_tested=row.not_tested,
            exceptions=[each.id for each in exceptions],
            fixed_in_time=sum(each.in_time == "yes" for each in exceptions),
            gaps=sorted(gaps),
            unknown_reasons=dict(listed.unknown_reasons),
            sources=listed.sheet.systems,
            empty_list=listed.member_file,
        )

    def _recount(self, row: TestRow, listed: Listed, first: date, last: date) -> None:
        found = listed.between(first, last)
        said = {"members": row.members, "pass": row.passed, "fail": row.failed, "unknown": row.unknown}
        for what, count in said.items():
            if found[what] != count:
                raise BundleError(
                    f"{row.pid}: {what} is {count} by the tallies and {found[what]} by the list of members."
                )
        if row.items is not None and (row.items, row.items_failed or 0) != listed.items(first, last):
            raise BundleError(
                f"{row.pid}: {row.items_failed} of {row.items} items failed by the tallies,"
                f" {' of '.join(map(str, reversed(listed.items(first, last))))} by the list of members."
            )

    def _day_counts(self, sources: Sequence[str], first: date, last: date) -> DayCounts:
        return counts(control_states(self._days, sources, first, last).values())

    def _control_sources(self) -> dict[str, list[str]]:
        """The sources that each control's procedures read."""
        found: dict[str, set[str]] = {}
        for listed in self._populations.values():
            if listed.sheet.systems:
                found.setdefault(listed.sheet.control, set()).update(listed.sheet.systems)
        return {control: sorted(found[control]) for control in sorted(found)}

    def _control_coverage(self) -> None:
        rows = []
        for control, sources in self._control_sources().items():
            for day, state in control_states(self._days, sources, self.terms.first, self.terms.last).items():
                blocking = [s for s in sources if self._days[s][day] == state and state in ("gap", "unknown")]
                rows.append((control, day.isoformat(), state, " ".join(blocking)))
        self.spool.add("control_coverage.csv", canonical_table(CONTROL_COVERAGE_COLUMNS, rows))

    def _write_tests(self, judged: Sequence[tuple[TestRow, Tested]]) -> None:
        settings = self.terms.settings
        rows = []
        for row, tested in judged:
            passes, deviations = self.rates(tested)
            days = tested.days
            rows.append(
                tuple(
                    "" if value is None else str(value)
                    for value in (
                        row.control, row.version, row.procedure, row.pid, row.lane, row.method, row.members,
                        row.sample, row.passed, row.failed, row.unknown, passes, deviations,
                        days and days.days, days and days.covered, days and days.proven_zero,
                        days and days.gap, days and days.unknown, row.items, row.items_failed,
                        self.result_word(tested),
                        text(
                            tested,
                            as_of=self.terms.first if self.terms.kind == 1 else None,
                            tolerance=settings.unknown_tolerance,
                        ),
                    )
                )
            )  # fmt: skip
        self.spool.add("tests.csv", canonical_table(TestRow.columns, rows))

    def result_word(self, tested: Tested) -> str:
        """The word of a test in this type of package."""
        judge = word_at if self.terms.kind == 1 else word
        return judge(tested, tolerance=self.terms.settings.unknown_tolerance)

    def rates(self, tested: Tested) -> tuple[str, str]:
        """Pass rate and deviation rate as printed, without percent signs. A Type I has none."""
        if self.terms.kind == 1 or not tested.has_population:
            return "", ""
        proven = tested.days is not None and tested.days.tested == tested.days.days
        smallest = self.terms.settings.smallest_denominator
        three = (tested.passed, tested.failed, tested.unknown)
        return (
            shares.pass_rate(*three, proven=proven, smallest=smallest),
            shares.deviation_rate(*three, proven=proven, smallest=smallest),
        )

    def _list_unproven(self, judged: Sequence[tuple[TestRow, Tested]]) -> None:
        users: dict[str, list[str]] = {}
        for control, sources in self._control_sources().items():
            for source in sources:
                users.setdefault(source, []).append(control)
        reasons = {key: note.reason for key, note in self._notes.items()}
        day_lines(self.unproven, self._days, self._coverage, reasons, users)
        decision_lines(
            self.unproven, self._tables["duties"], self._tables["exceptions"], self._tables["criteria"]
        )
        sheet_lines(self.unproven, self.sheets)
        for row, tested in judged:
            self.unproven.looked_at["not_tested"] += 1
            if self.result_word(tested) == "not_tested":
                why = tested.not_tested or "no evidence"
                name = f"{row.control}.{row.procedure}"
                self.unproven.add(
                    Unproven(
                        "not_tested", f"{name}/v{row.version}", 1, f"{name} was not tested: {why}.",
                        file="tests.csv",
                        filter={"control": row.control, "procedure": row.procedure, "version": row.version,
                                "result": "not_tested"},
                    )
                )  # fmt: skip

    def add_unproven(self, lines: Iterable[Unproven], looked_at: Mapping[str, int]) -> None:
        """Add lines of the kinds that no file carries: suppressions, vendor days, late configuration."""
        for line in lines:
            self.unproven.add(line)
        for kind, count in looked_at.items():
            self.unproven.looked_at[kind] += count

    @property
    def sheets(self) -> list[dict[str, Any]]:
        """The IPE sheets as they will be written, by pid."""
        return [self.sheet(pid) for pid in sorted(self._populations)]

    def sheet(self, pid: str) -> dict[str, Any]:
        """The IPE sheet of one population (docs/formats/bundle.md lists its keys)."""
        listed = self._populations[pid]
        sheet, digest = listed.sheet, listed.digest
        first, last = max(sheet.window[0], self.terms.first), min(sheet.window[1], self.terms.last)
        tie_outs = [each.to_json() for each in sorted(sheet.tie_outs, key=lambda each: each.id)]
        gaps = [self._gap(source, *run) for source in sorted(sheet.systems) for run in runs(
            {day: state for day, state in self._days[source].items() if first <= day <= last}, "gap")]  # fmt: skip
        days = self._day_counts(sheet.systems, first, last) if sheet.systems else counts([])
        frozen = sheet.frozen
        return {
            "v": 1,
            "pid": pid,
            "control": sheet.control,
            "control_version": sheet.control_version,
            "procedure": sheet.procedure,
            "title": sheet.title,
            "member": sheet.member,
            "frequency": sheet.frequency,
            "window": {"from": sheet.window[0].isoformat(), "to": sheet.window[1].isoformat()},
            "zone": sheet.zone,
            "opens_at": instant(sheet.opens_at),
            "systems_of_record": sorted(sheet.systems),
            "query": sheet.query,
            "parameters": dict(sheet.parameters),
            "adapter_versions": dict(sheet.adapter_versions),
            "rule_versions": dict(sheet.rule_versions),
            "run_by": sheet.run_by,
            "run_at": instant(sheet.run_at),
            "rows": digest.rows,
            "sha256": digest.sha256,
            "first_occurred_at": digest.first or None,
            "last_occurred_at": digest.last or None,
            "lane": sheet.lane,
            "results": {each: listed.results[each] for each in ("pass", "fail", "unknown")},
            "unknown_reasons": dict(sorted(listed.unknown_reasons.items())),
            "coverage": {
                "days": days.days, "covered": days.covered, "proven_zero": days.proven_zero, "gap": days.gap,
                "unknown": days.unknown, "not_in_scope": days.not_in_scope, "off": len(set(sheet.off_days)),
                "gaps": gaps,
            },
            "tie_outs": tie_outs,
            "accuracy": {
                "traced": len(listed.first_ranks),
                "agreeing": listed.agreeing,
                "members": [each.member_id for each in listed.first_ranks],
            },
            "late": {
                "count": listed.late,
                "file": f"populations/{pid}.late.csv" if listed.late else None,
            },
            "verdict": verdict(tie_outs, gaps, listed.unknown_reasons["membership"], sheet.run_by),
            "representation": None if sheet.representation is None else {
                "text": sheet.representation.text, "by": sheet.representation.by,
                "at": instant(sheet.representation.at),
            },
            "frozen_by": frozen and frozen.by,
            "frozen_at": frozen and instant(frozen.at),
            "leaf": None if frozen is None else frozen.leaf,
            "version": sheet.version,
            "replaces": sheet.replaces,
        }  # fmt: skip

    def _gap(self, source: str, first: date, last: date) -> dict[str, Any]:
        note = self._notes.get((source, first), GapNote(""))
        return {
            "source": source,
            "from": first.isoformat(),
            "to": last.isoformat(),
            "reason": note.reason,
            "explanation": note.explanation,
            "explained_by": note.explained_by,
        }

    def _key_figures(self, judged: Sequence[tuple[TestRow, Tested]]) -> dict[str, Figure]:
        found: dict[str, Figure] = {}
        words: dict[str, list[tuple[str, str]]] = {}
        several = Counter(row.pid for row, _ in judged)
        for row, tested in judged:
            result = self.result_word(tested)
            words.setdefault(row.control, []).append((row.method, result))
            span = self._version_span(row) if several[row.pid] > 1 else None
            found.update(keyfigures.of_test(row, tested, self.rates(tested), result, span))
        for control in sorted(words):
            word_of = control_word(words[control], at_a_date=self.terms.kind == 1)
            found[f"controls/{control}/result"] = Figure(word_of, None, None, file="tests.csv")
        smallest = self.terms.settings.smallest_denominator
        for control, sources in self._control_sources().items():
            days = self._day_counts(sources, self.terms.first, self.terms.last)
            found[f"controls/{control}/coverage"] = keyfigures.share_of_days(
                days, smallest, "control_coverage.csv", {"control": control}
            )
        for source in sorted(self._days):
            found[f"sources/{source}/coverage"] = keyfigures.share_of_days(
                counts(self._days[source].values()), smallest, "coverage.csv", {"source": source}
            )
        found.update(keyfigures.of_exceptions(self._tables["exceptions"]))
        found.update(keyfigures.of_criteria(self._tables["criteria"]))
        found.update(keyfigures.of_settings(self.terms.settings))
        return found

    def add_figures(self, figures: Mapping[str, Figure]) -> None:
        """Add key figures that the PDF prints besides those made here. An id may be used once."""
        for name, figure in figures.items():
            if name in self.figures:
                raise BundleError(f"The bundle has a figure {name} already.")
            self.figures[name] = figure

    def add_description(self, part: DescriptionPart) -> None:
        """Write one part of the system description."""
        self.spool.add(f"description/dc{part.number}.md", [part.to_markdown().encode()])

    def add_assertion(self, assertion: Assertion) -> None:
        """Write management's assertion: answers, text, and its signature if there is one."""
        self.spool.add("assertion.json", [canonical(assertion.to_json()) + b"\n"])

    def add_pdf(self, chunks: Iterable[bytes]) -> None:
        """Write the PDF. Raises `BundleError` if its bytes do not hold `pdf_mark`."""
        mark, found, before = self.pdf_mark.encode(), False, b""

        def checked() -> Iterator[bytes]:
            nonlocal found, before
            for chunk in chunks:
                found = found or mark in before + chunk
                before = (before + chunk)[-len(mark) :]
                yield chunk

        self.spool.add("package.pdf", checked())
        if not found:
            raise BundleError(f"The PDF does not hold {self.pdf_mark!r} uncompressed in its information.")

    def add_asset(self, path: str, chunks: Iterable[bytes]) -> StoredFile:
        """Write a further file of the tree, such as `index.html`."""
        return self.spool.add(path, chunks)

    # The ledger, the manifest, the archive.

    def add_ledger(self, part: LedgerPart) -> None:
        """Write leaves with their proofs, checkpoints, consistency and keys."""

        def lines() -> Iterator[bytes]:
            for seq, leaf, path in part.leaves:
                self._leaves += 1
                proof = {"leaf": json.loads(leaf), "path": [each.hex() for each in path]}
                if proof["leaf"]["seq"] != seq:
                    raise BundleError(f"Leaf {seq} says that it is another one.")
                yield canonical(proof) + b"\n"

        head = self.terms.head
        if not part.checkpoints or not part.checkpoints[-1].startswith(head.text() + "\n"):
            raise BundleError("The last checkpoint must be the head that the bundle was built from.")
        proofs = [
            {"size": size, "root": root.hex(), "path": [each.hex() for each in path]}
            for size, root, path in sorted(part.proofs, key=lambda proof: proof[0])
        ]
        former = self.terms.consistent_with
        if former is not None and (former[0], former[1].hex()) not in [
            (p["size"], p["root"]) for p in proofs
        ]:
            raise BundleError(f"The ledger part has no proof for the earlier head of size {former[0]}.")
        consistency = {"v": 1, "size": head.size, "root": head.root.hex(), "proofs": proofs}
        self.spool.add("ledger/leaves.jsonl", lines())
        self.spool.add("ledger/checkpoints.txt", ["\n".join(part.checkpoints).encode()])
        self.spool.add("ledger/consistency.json", [canonical(consistency) + b"\n"])
        self.spool.add("ledger/keys.json", [canonical(keys_json(part.keys)) + b"\n"])

    def seal(self, key: Ed25519PrivateKey) -> dict[str, Any]:
        """Write what depends on everything else, and sign the manifest. Returns the manifest."""
        if self._sealed:
            raise BundleError("The bundle is sealed already.")
        self._sealed = True
        for pid in sorted(self._populations):
            self.spool.add(f"populations/{pid}.ipe.json", [canonical(self.sheet(pid)) + b"\n"])
        self.spool.add("samples/index.csv", canonical_table(DRAW_COLUMNS, sorted(self._draws)))
        evidence = sorted(self._evidence.values(), key=lambda row: row.path.encode())
        self._table("evidence/index.csv", EvidenceRow.columns, evidence)
        figures = {**self.figures, **keyfigures.of_unproven(self.unproven, KINDS)}
        content = {name: figure.to_json() for name, figure in figures.items()}
        self.spool.add("package.json", [canonical(content) + b"\n"])
        self.spool.add("verify.py", [VERIFIER.read_bytes()])
        self.spool.add("README.txt", [self._readme().encode()])
        manifest = self.manifest()
        signed = canonical(manifest) + b"\n"
        self.spool.add(MANIFEST, [signed])
        self.spool.add(SIGNATURE, [signature_line(signed, self.terms.head.origin, key).encode()])
        return manifest

    def _readme(self) -> str:
        facts = readme.Facts(
            terms=self.terms,
            hashes={stored.path: stored.sha256 for stored in self.spool.files()},
            tests=self._tables.get("tests", []),
            populations=list(self._populations.values()),
            draws=self._draws,
            drawn=self._drawn,
            control_sources=self._control_sources(),
            coverage={
                control: self._day_counts(sources, self.terms.first, self.terms.last)
                for control, sources in self._control_sources().items()
            },
            unproven=self.unproven,
        )
        return readme.write(facts)

    def manifest(self) -> dict[str, Any]:
        """The manifest over the files that were added so far."""
        terms, head = self.terms, self.terms.head
        former, earlier = terms.supersedes, terms.consistent_with
        span: dict[str, Any] = {"as_of": terms.first.isoformat()} if terms.kind == 1 else {
            "period": {"from": terms.first.isoformat(), "to": terms.last.isoformat()}
        }  # fmt: skip
        return {
            "v": 1,
            "bundle": terms.bundle,
            "type": terms.kind,
            "version": terms.version,
            "supersedes": former and {
                "bundle": former.bundle, "version": former.version, "manifest_sha256": former.manifest_sha256,
            },
            "client": {"uuid": str(terms.client), "slug": terms.slug, "name": terms.client_name},
            "engagement": None if terms.engagement is None else str(terms.engagement),
            **span,
            "zone": terms.zone,
            "categories": list(terms.categories),
            "criteria": [row.criterion for row in self._tables.get("criteria", []) if row.in_scope],
            "status": terms.status,
            "issued_at": rfc3339(head.time),
            "issued_by": terms.issued_by,
            "builder": {
                "version": terms.builder_version, "catalogue": terms.catalogue,
                "rules_sha256": terms.rules_sha256,
            },
            "ledger": {
                "size": head.size,
                "root": head.root.hex(),
                "consistent_with": earlier and {"size": earlier[0], "root": earlier[1].hex()},
            },
            "figures": {
                "controls": len({row.control for row in self._tables.get("controls", [])}),
                "tests": len(self._tables.get("tests", [])),
                "populations": len(self._populations),
                "members": sum(listed.digest.rows for listed in self._populations.values()),
                "fail": sum(listed.results["fail"] for listed in self._populations.values()),
                "unknown": sum(listed.results["unknown"] for listed in self._populations.values()),
                "samples": len(self._draws),
                "exceptions": len(self._tables.get("exceptions", [])),
                "gap_days": self.unproven.gap_days,
                "leaves": self._leaves,
            },
            "files": [stored.to_json() for stored in self.spool.files()
                      if stored.path not in (MANIFEST, SIGNATURE)],
        }  # fmt: skip

    def _table(self, path: str, columns: Sequence[str], rows: Iterable[Any]) -> None:
        self.spool.add(path, canonical_table(columns, (row.cells() for row in rows)))

    def write_zip(self, out: BinaryIO) -> str:
        """Write the canonical zip of a sealed bundle. Returns its SHA-256."""
        self._must_be_sealed()
        return self.spool.write_zip(out, self.name)

    def write_folder(self, parent: Path) -> Path:
        """Write a sealed bundle as a folder below `parent`. Returns the folder."""
        self._must_be_sealed()
        return self.spool.write_folder(parent, self.name)

    def _must_be_sealed(self) -> None:
        if not self._sealed:
            raise BundleError("A bundle is written after it is sealed.")


def _criterion_order(criterion: str) -> tuple[str, int, int]:
    series = criterion.rstrip("0123456789.")
    whole, _, part = criterion[len(series) :].partition(".")
    order = {"CC": "0", "A": "1", "PI": "2", "C": "3", "P": "4"}.get(series, series)
    return order, int(whole or 0), int(part or 0)
