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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.ledger.keys import keys_json
from evidence.ledger.leaf import canonical
from evidence.ledger.note import signature_line
from reports.packages import keyfigures, readme
from reports.packages.archive import BundleError, Spool, StoredFile
from reports.packages.coverage import control_states, each_day
from reports.packages.judging import Judge
from reports.packages.keyfigures import Figure, Settings
from reports.packages.listing import Listed, Notes, sheet_json
from reports.packages.manifest import MANIFEST, SIGNATURE, manifest
from reports.packages.outcomes import Tested
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
from reports.packages.terms import Draw, Former, LedgerPart, Terms
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
    Member,
    MemberDigest,
    Result,
    canonical_table,
    instant,
    parse_line,
    write_members,
)
from reports.populations.ipe import Sheet
from reports.populations.sampling import (
    Candidate,
    Drawn,
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
_MEMORY: Final = 1 << 20


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
        self._notes: Notes = {}
        self._populations: dict[str, Listed] = {}
        self._draws: list[tuple[str, ...]] = []
        self._drawn: dict[str, list[Drawn]] = {}
        self._evidence: dict[str, EvidenceRow] = {}
        self._tables: dict[str, list[Any]] = {}
        self._judge = Judge(terms, self._days, self._populations)
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

    def add_coverage(self, rows: Iterable[CoverageRow], notes: Notes | None = None) -> None:
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
            members = listed.split(rows, held)
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
        self._judge = judge = Judge(
            self.terms, self._days, self._populations, rows["controls"], rows["criteria"], rows["exceptions"]
        )
        rows["tests"] = sorted(tables.tests, key=judge.order)
        self._table("controls.csv", ControlRow.columns, rows["controls"])
        self._table("criteria.csv", CriterionRow.columns, rows["criteria"])
        self._table("exceptions.csv", ExceptionRow.columns, rows["exceptions"])
        self._table("responses.csv", ResponseRow.columns, rows["responses"])
        self._table("duties.csv", DutyRow.columns, rows["duties"])
        if self.terms.version > 1:
            self._table("differences.csv", DifferenceRow.columns, rows["differences"])
        self._control_coverage()
        judged = [(row, judge.tested(row)) for row in rows["tests"]]
        self.spool.add("tests.csv", canonical_table(TestRow.columns, (judge.cells(*each) for each in judged)))
        self._list_unproven(judged)
        self.figures.update(judge.key_figures(judged))

    def _control_coverage(self) -> None:
        rows = []
        for control, sources in self._judge.control_sources().items():
            for day, state in control_states(self._days, sources, self.terms.first, self.terms.last).items():
                blocking = [s for s in sources if self._days[s][day] == state and state in ("gap", "unknown")]
                rows.append((control, day.isoformat(), state, " ".join(blocking)))
        self.spool.add("control_coverage.csv", canonical_table(CONTROL_COVERAGE_COLUMNS, rows))

    def _list_unproven(self, judged: Sequence[tuple[TestRow, Tested]]) -> None:
        users: dict[str, list[str]] = {}
        for control, sources in self._judge.control_sources().items():
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
            if self._judge.result_word(tested) == "not_tested":
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
        return sheet_json(listed, self._days, self._notes, self.terms.first, self.terms.last)

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
        listed = {name: figure.to_json() for name, figure in figures.items()}
        self.spool.add("package.json", [canonical(listed) + b"\n"])
        self.spool.add("verify.py", [VERIFIER.read_bytes()])
        self.spool.add("README.txt", [self._readme().encode()])
        content = self._manifest()
        signed = canonical(content) + b"\n"
        self.spool.add(MANIFEST, [signed])
        self.spool.add(SIGNATURE, [signature_line(signed, self.terms.head.origin, key).encode()])
        return content

    def _readme(self) -> str:
        facts = readme.Facts(
            terms=self.terms,
            hashes={stored.path: stored.sha256 for stored in self.spool.files()},
            tests=self._tables.get("tests", []),
            populations=list(self._populations.values()),
            draws=self._draws,
            drawn=self._drawn,
            control_sources=self._judge.control_sources(),
            coverage={
                control: self._judge.day_counts(sources, self.terms.first, self.terms.last)
                for control, sources in self._judge.control_sources().items()
            },
            unproven=self.unproven,
        )
        return readme.write(facts)

    def _manifest(self) -> dict[str, Any]:
        rows, listed = self._tables, self._populations.values()
        results = [each.results for each in listed]
        figures = {
            "controls": len({row.control for row in rows.get("controls", [])}),
            "tests": len(rows.get("tests", [])),
            "populations": len(listed),
            "members": sum(each.digest.rows for each in listed),
            "fail": sum(each["fail"] for each in results),
            "unknown": sum(each["unknown"] for each in results),
            "samples": len(self._draws),
            "exceptions": len(rows.get("exceptions", [])),
            "gap_days": self.unproven.gap_days,
            "leaves": self._leaves,
        }
        inside = [row.criterion for row in rows.get("criteria", []) if row.in_scope]
        return manifest(self.terms, self.spool.files(), inside, figures)

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


__all__ = [
    "Assertion",
    "Bundle",
    "BundleError",
    "DescriptionPart",
    "Draw",
    "EventEvidence",
    "Figure",
    "FileEvidence",
    "Former",
    "LedgerPart",
    "Listed",
    "Settings",
    "Tables",
    "Terms",
]
