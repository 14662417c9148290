"""The package as a document: cover, what it does not prove, how to verify, Sections I to V, annexes.

Every figure printed here is a figure of the bundle; the verifier counts it again from the files beside it.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import Any

from django.db import connection

from controls.catalogue.series import SERIES_TITLES
from controls.results.figures import grouped
from controls.results.period import ControlResult, DayFigures, ProcedureResult
from controls.results.reasons import REASONS, reason_words
from controls.results.words import frequency_words, function_words, nature_words, title_of
from controls.rules.registry import rules
from evidence.coverage.states import State as CoverageState
from reports.blocks import (
    Block,
    ChartBlock,
    Code,
    Column,
    Contents,
    Cover,
    Document,
    Facts,
    Heading,
    Link,
    Note,
    Paragraph,
    Placeholder,
    Points,
    Row,
    Section,
    Span,
    State,
    Table,
    Target,
    fixed,
)
from reports.charts import Bar, Bars, Cell, HeatMap, HeatRow, Series
from reports.charts.definition import CellState
from reports.packages.bundle import Bundle
from reports.packages.gather import Gathered
from reports.packages.proof import Assertion, DescriptionPart
from reports.packages.unproven import KINDS
from reports.populations.canonical import parse_line

WORDS = {
    "deviations": State("deviation", "Deviations noted"),
    "not_in_place": State("deviation", "Not in place"),
    "not_tested": State("none", "Not tested"),
    "partly_tested": State("unknown", "No deviations noted in what was tested"),
    "did_not_occur": State("none", "No occasion in the period"),
    "no_deviations": State("met", "No deviations noted in management's tests"),
    "in_place": State("met", "In place"),
}

# Procedures that are no rule, as tests print them.
PROCEDURES = {
    "design": "Inspection of its design",
    "obl": "Records of its duties",
    "rec": "Reconciliation",
    "insp": "Inspection of a sample",
    "state": "State of its records",
}


def document(
    bundle: Bundle, gathered: Gathered, parts: Sequence[DescriptionPart], asserted: Assertion
) -> Document:
    """Return the whole package as one document of blocks."""
    made = _Package(bundle, gathered)
    terms = bundle.terms
    client = connection.tenant
    head = gathered.head
    return Document(
        title=f"{made.kind_title} package, {client.name}",
        client=client.name,
        running=f"{client.name} · {made.kind_title} package, {made.span}",
        sections=[
            Section("cover", "Cover", [made.cover()]),
            Section("unproven", "What this package does not prove", list(made.unproven())),
            Section("verify", "How to verify this package", list(made.verify()), new_page=True),
            Section("contents", "Contents", [Contents()]),
            Section("I", "Section I · Independent auditor's report", [made.auditor()]),
            Section("II", "Section II · Management's assertion", list(made.assertion(asserted))),
            Section("III", "Section III · System description", list(made.description(parts))),
            Section("IV", "Section IV · Criteria, controls, tests and results", list(made.tests())),
            Section("V", "Section V · Other information", list(made.other())),
            Section("annex", "Annexes", list(made.annexes())),
        ],
        footer=(
            f"Ledger head {head.root.hex()[:8]}…{head.root.hex()[-4:]}, size {head.size} ·"
            f" {head.time.astimezone(gathered.period.zone):%d %b %Y}, version {terms.version}"
        ),
        paper=client.paper,
        draft=terms.status == "draft",
        information=bundle.pdf_mark,
        date=head.time.astimezone(UTC),
        zone=gathered.period.zone,
        subject=f"SOC 2 {made.kind_title}, {made.span}",
    )


class _Package:
    """Makes the parts; holds what they share."""

    def __init__(self, bundle: Bundle, gathered: Gathered) -> None:
        self.bundle, self.gathered = bundle, gathered
        self.terms = bundle.terms
        self.type_1 = self.terms.kind == 1
        self.kind_title = "Type I" if self.type_1 else "Type II"
        first, last = self.terms.first, self.terms.last
        self.span = f"as of {_day(first)}" if self.type_1 else f"{_day(first)} – {_day(last)}"
        self.tests_table = [
            dict(zip(*_split(bundle, "tests.csv", line), strict=True)) for line in _lines(bundle, "tests.csv")
        ]

    # Front matter.

    def cover(self) -> Cover:
        terms, head = self.terms, self.gathered.head
        return Cover(
            title=f"SOC 2 {self.kind_title} package",
            client=terms.client_name,
            subtitle=self.span,
            facts=[
                ("Categories", ", ".join(terms.categories)),
                (
                    "As of" if self.type_1 else "Period",
                    f"{self.span.removeprefix('as of ')}, days of {terms.zone}",
                ),
                ("Status", f"Draft, version {terms.version}"),
                ("Prepared by", f"Management of {terms.client_name}"),
                ("Use", "Restricted to the readers whom management names."),
                ("Criteria", "TSP section 100 (2017, points of focus revised 2022)"),
                ("Description criteria", "DC section 200 (2018, guidance revised 2022)"),
                ("Bundle", self.bundle.name),
                ("Ledger head", head.root.hex()),
                ("Ledger size", head.size),
                ("Head signed", head.time),
            ],
            statement="Prepared by management. Contains no opinion.",
            status="Draft",
        )

    def unproven(self) -> Iterator[Block]:
        yield Heading(1, "What this package does not prove", "unproven")
        yield Paragraph(
            "Read this before any figure. It lists everything that was not collected, could not be judged, was not"
            " tested, or was decided by people. A kind with nothing to list says so, with the number of things"
            " that were looked at."
        )
        found = self.bundle.unproven
        for kind, title in KINDS.items():
            lines = found.of(kind)
            looked = found.looked_at[kind]
            if not lines:
                continue
            yield Heading(3, f"{title} ({len(lines)})")
            if kind == "not_tested":
                yield self._not_tested(len(lines), looked)
            elif kind == "criterion_out":
                yield Points([[Span(sentence)] for sentence in self._left_out()])
            else:
                yield Points([[Span(line.sentence)] for line in lines])
        none = [
            (title, looked)
            for kind, title in KINDS.items()
            if not found.of(kind)
            for looked in [found.looked_at[kind]]
        ]
        if none:
            yield Table(
                "unproven.none",
                "Kinds with nothing to list",
                [
                    Column("kind", "Kind"),
                    Column("found", "Found"),
                    Column("looked", "Looked at", kind="number"),
                ],
                fixed([(title, "none", looked) for title, looked in none]),
                numbered=False,
            )

    def _left_out(self) -> list[str]:
        """One line per reason for which criteria are out of scope."""
        reasons: dict[str, list[str]] = {}
        for row in self.gathered.criteria:
            if not row.in_scope:
                reasons.setdefault(row.reason or "No reason given.", []).append(row.criterion)
        return [f"{', '.join(names)}: {reason.rstrip('.')}." for reason, names in reasons.items()]

    def _not_tested(self, count: int, looked: int) -> Table:
        """One line per reason, with every procedure that it keeps from being tested."""
        reasons: dict[str, list[str]] = {}
        for row in self.tests_table:
            if row["result"] == "not_tested":
                why = row["text"].removeprefix("Not tested: ").rstrip(".")
                why = why.replace(f"rule {row['procedure']} does not", "its rule does not")
                reasons.setdefault(why, []).append(f"{row['control']}.{row['procedure']}")
        rows = [(why, len(names), ", ".join(names)) for why, names in sorted(reasons.items())]
        return Table(
            "unproven.not_tested",
            f"{count} of {looked} procedures were not tested",
            [
                Column("why", "Why", width=130),
                Column("count", "Procedures", kind="number", width=56),
                Column("names", "Which"),
            ],
            fixed(rows),
            row_count=len(rows),
            numbered=False,
        )

    def verify(self) -> Iterator[Block]:
        yield Heading(1, "How to verify this package", "verify")
        yield Paragraph(
            f"The bundle is `{self.bundle.name}.zip`. Its verifier needs Python 3.9 or later and nothing else. Take"
            " `verify.py` from the project rather than from a bundle in doubt; the two are compared."
        )
        yield Code(
            f"unzip {self.bundle.name}.zip\n"
            f"python3 -I {self.bundle.name}/verify.py {self.bundle.name}.zip\n"
            f"python3 -I {self.bundle.name}/verify.py {self.bundle.name}.zip --checkpoint HEAD.txt",
            caption="Three commands",
        )
        yield Paragraph(
            "The third compares the bundle's ledger with a signed head that was obtained elsewhere, such as the last"
            " mail with a checkpoint. The verifier counts every population again, draws every sample again, and"
            " names the file, row or leaf that differs."
        )
        yield Code(
            self.gathered.note.rstrip("\n"), caption="The signed head that this package was built from"
        )

    def auditor(self) -> Placeholder:
        return Placeholder(
            "Independent auditor's report",
            "Placeholder. The independent auditor's report is issued by the auditor and replaces this page.",
        )

    # Sections II and III.

    def assertion(self, asserted: Assertion) -> Iterator[Block]:
        yield Heading(1, "Management's assertion", "assertion")
        if asserted.signature is None:
            yield Note(
                "gap",
                "Nobody has signed this assertion. A package is issued only once the named person has.",
                "Not signed.",
            )
        yield Paragraph([Span(asserted.text)])
        yield Table(
            "assertion.answers",
            "Answers on which the assertion rests",
            [Column("question", "Question"), Column("answer", "Answer", width=110)],
            fixed([(a["question"], a["answer"]) for a in asserted.answers]),
            numbered=False,
        )
        yield Facts([("Text SHA-256", asserted.text_sha256)], kind="code")

    def description(self, parts: Sequence[DescriptionPart]) -> Iterator[Block]:
        yield Heading(1, "System description", "description")
        waiting = [p for p in parts if p.accepted_at is None]
        if waiting:
            numbers = ", ".join(f"DC {p.number}" for p in waiting)
            yield Note(
                "gap",
                f"Not accepted by a named person: {numbers}. Text below is prefilled or missing.",
                "Draft.",
            )
        for part in parts:
            yield Heading(2, f"DC {part.number} · {part.title}", f"dc{part.number}")
            yield Paragraph([Span(f"State: {part.state}.")], small=True)
            paragraphs = [line for line in part.text.split("\n") if line.strip()]
            points = [line[2:] for line in paragraphs if line.startswith("- ")]
            yield from (Paragraph([Span(line)]) for line in paragraphs if not line.startswith("- "))
            if points:
                yield Points([[Span(point)] for point in points])

    # Section IV.

    def tests(self) -> Iterator[Block]:
        yield Heading(1, "Criteria, controls, tests and results", "tests")
        yield Paragraph(
            "Tests are management's; in the auditor's report the auditor's own tests stand here. Each figure opens in"
            " the bundle under `populations/` and can be computed again with `verify.py`."
        )
        yield Paragraph(
            "Lanes: **census** means that a rule judged every member; management draws no sample from such a"
            " population. A member that could not be judged counts neither as met nor as a deviation."
        )
        yield self._matrix()
        shown: set[str] = set()
        series = ""
        for criterion in self.gathered.criteria:
            if not criterion.in_scope:
                continue
            own_series = criterion.criterion.split(".")[0]
            if own_series != series:
                series = own_series
                yield Heading(2, f"{series} · {SERIES_TITLES[series]}", f"series-{series}")
                gap = self._series_gap(series)
                if gap:
                    yield gap
            yield Heading(3, f"{criterion.criterion} · {criterion.title}", criterion.criterion)
            new = [
                c
                for c in self.gathered.controls
                if c.control.pk in criterion.controls and c.control.pk not in shown
            ]
            again = [c for c in criterion.controls if c in shown]
            if again:
                yield Paragraph(
                    [
                        Span("Also served by "),
                        *_joined([Span(pk, target=f"#control-{pk}") for pk in again]),
                        Span("."),
                    ],
                    small=True,
                )
            for result in new:
                shown.add(result.control.pk)
                yield from self._control(result)
        yield Heading(2, "Populations and their sheets", "populations")
        sheets = self.bundle.sheets
        if not sheets:
            yield Paragraph("No procedure of this package has a population.")
        for sheet in sheets:
            yield from self._sheet(sheet)

    def _matrix(self) -> Table:
        word = {
            r.control.pk: self.bundle.figures[f"controls/{r.control.pk}/result"].value
            for r in self.gathered.controls
        }
        rows: list[Row] = []
        for criterion in self.gathered.criteria:
            if criterion.in_scope:
                served = [pk for pk in criterion.controls if pk in word]
                counts = {name: sum(word[pk] == name for pk in served) for name in WORDS}
                said = "; ".join(f"{WORDS[name].text}: {n}" for name, n in counts.items() if n)
                rows.append(
                    (
                        Link(criterion.criterion, anchor=criterion.criterion),
                        criterion.title,
                        len(served),
                        said,
                    )
                )
        return Table(
            "table.matrix",
            "Criteria in scope and what their controls came to",
            [
                Column("criterion", "Criterion", kind="id", width=52),
                Column("title", "Our title"),
                Column("controls", "Controls", kind="number", width=50),
                Column("results", "Results", width=130),
            ],
            fixed(rows),
            row_count=len(rows),
        )

    def _series_gap(self, series: str) -> Note | None:
        """What the section does not show, in words, from the controls that it prints first."""
        controls = [r for r in self.gathered.controls if r.control.criteria[0].split(".")[0] == series]
        tested = [p for r in controls for p in r.procedures if p.days and self._in_lane(p)]
        untested = sum(
            row["result"] == "not_tested" and any(row["control"] == r.control.pk for r in controls)
            for row in self.tests_table
        )
        sentences = []
        for stream in sorted({s for p in tested for s in p.sources}):
            lost = sum(d.state is CoverageState.GAP for d in self.gathered.coverage[stream])
            if lost:
                sentences.append(f"{stream} was not heard on {lost} of {len(self.gathered.period)} days.")
        unknown = sum(p.unknown for p in tested)
        if unknown:
            are = "member is" if unknown == 1 else "members are"
            sentences.append(f"{grouped(unknown)} {are} unknown because a needed fact or field was absent.")
        if untested:
            were = "procedure was" if untested == 1 else "procedures were"
            sentences.append(f"{grouped(untested)} {were} not tested.")
        return (
            Note("gap", [Span(" ".join(sentences))], "What this section does not show.")
            if sentences
            else None
        )

    def _in_lane(self, procedure: ProcedureResult) -> bool:
        return not self.type_1 or procedure.kind == "state"

    def _control(self, result: ControlResult) -> Iterator[Block]:
        control = result.control
        title = title_of(control.statement, longest=110)
        yield Heading(3, f"{control.pk} · {title}", f"control-{control.pk}")
        if title != control.statement:
            yield Paragraph([Span(control.statement + ".")])
        owner = (
            self.gathered.person(control.owner) or f"{function_words(control.owner_function)}, nobody named"
        )
        kind = "Key control, " if control.key else "Control, "
        place = (
            f"in operation since {_day(control.in_operation_from)}"
            if control.in_operation_from
            else "not in place yet"
        )
        nature, frequency = nature_words(control.nature), frequency_words(control.frequency)
        yield Paragraph(
            [Span(f"{kind}{nature}; {frequency}. Criteria {', '.join(control.criteria)}. Owner: {owner}."
                  f" Version {control.version}, {place}.")],
            small=True,
        )  # fmt: skip
        own = [row for row in self.tests_table if row["control"] == control.pk]
        if all(row["result"] == "not_tested" for row in own):
            yield Paragraph([Span("Not tested. ", bold=True), Span(_why_not(own))])
            return
        yield Table(
            f"tests.{control.pk}",
            f"Tests of {control.pk}",
            [
                Column("test", "Test", width=176),
                Column("members", "Members", kind="number"),
                Column("dev", "Dev.", kind="number"),
                Column("unkn", "Unkn.", kind="number"),
                Column("result", "Result", width=176),
            ],
            fixed([self._test_row(row) for row in own]),
            row_count=len(own),
            numbered=False,
        )
        for procedure in result.procedures:
            if procedure.days and self._in_lane(procedure) and not self.type_1:
                yield ChartBlock(
                    f"figure.{control.pk}.{procedure.rule_id}", self._by_week(control.pk, procedure)
                )

    def _test_row(self, row: dict[str, str]) -> Row:
        state = WORDS[row["result"]]
        if not row["pid"]:
            title = PROCEDURES.get(row["procedure"], f"Rule {row['procedure']}")
            return (f"{title}.", None, None, None, State(state.condition, row["text"]))
        sheet = self.bundle.sheet(row["pid"])
        return (
            f"{self._performed(row, sheet)} Lane: {row['lane']}.",
            int(row["members"]),
            int(row["fail"]),
            int(row["unknown"]),
            State(state.condition, self._result_words(row)),
        )

    def _performed(self, row: dict[str, str], sheet: dict[str, Any]) -> str:
        """What was done, in the wording of its kind of procedure."""
        rule = f"Rule {row['procedure']}, version {sheet['rule_versions'][row['procedure']]}"
        says = sheet["parameters"]["description"]
        if row["method"] == "state":
            days = sheet["coverage"]
            return (
                f"Evaluated on {days['covered'] + days['proven_zero']} of {days['days']} days, from"
                f" {', '.join(sheet['systems_of_record'])}, for all {sheet['member']}: {says}"
                f" {grouped(int(row['items']))} items, {grouped(int(row['members']))} item-days. {rule}."
            )
        members = grouped(int(row["members"]))
        return f"Compared all {sheet['member']} of the period ({members}) with the condition: {says} {rule}."

    def _result_words(self, row: dict[str, str]) -> str:
        rates = ""
        if row["pass_rate"]:
            rates = (
                f" Pass rate {_percent(row['pass_rate'])}, deviation rate {_percent(row['deviation_rate'])}."
            )
        return _spoken(row["text"]) + rates

    def _by_week(self, control: str, procedure: ProcedureResult) -> Bars:
        weeks: dict[Any, list[DayFigures]] = {}
        for day in procedure.days:
            weeks.setdefault(day.local_date - timedelta(days=day.local_date.weekday()), []).append(day)
        bars = [
            Bar(
                f"{monday.day} {monday:%b}",
                (sum(d.passed for d in days), sum(d.failed for d in days), sum(d.unknown for d in days)),
                gap=all(d.state is CoverageState.GAP for d in days),
            )
            for monday, days in weeks.items()
        ]
        what = "Account days" if procedure.kind == "state" else "Members"
        return Bars(
            title=f"{control}.{procedure.rule_id}: {what.lower()} by week and what the rule said",
            series=[
                Series("pass", "pass", "met"),
                Series("fail", "deviation", "deviation"),
                Series("unknown", "unknown", "unknown"),
            ],
            bars=bars,
            axis="Week from",
            summary=(
                f"{what}: {procedure.population}, of which {procedure.passed} passed, {procedure.failed} failed and"
                f" {procedure.unknown} could not be judged, in {len(bars)} weeks."
            ),
        )

    def _sheet(self, sheet: dict[str, Any]) -> Iterator[Block]:
        pid = sheet["pid"]
        yield Heading(3, f"{pid} · {sheet['title']}", f"sheet-{pid}")
        coverage = sheet["coverage"]
        frozen = (
            _instant(sheet["frozen_at"]) if sheet["frozen_at"] else "not frozen: its members may still change"
        )
        yield Facts(
            [
                ("Member", sheet["member"]),
                ("Window", f"{sheet['window']['from']} to {sheet['window']['to']}, days of {sheet['zone']}"),
                ("Systems of record", ", ".join(sheet["systems_of_record"])),
                ("Rows", sheet["rows"]),
                ("Results", ", ".join(f"{grouped(sheet['results'][r])} {r}" for r in ("pass", "fail", "unknown"))),
                ("Coverage", _coverage_said(coverage)),
                ("Run", f"by {sheet['run_by']} at {_instant(sheet['run_at'])}"),
                ("Frozen", frozen),
                ("Completeness", sheet["verdict"]),
                ("Population SHA-256", sheet["sha256"]),
            ]
        )  # fmt: skip
        yield Paragraph(
            [Span("How it was judged. ", bold=True), Span(sheet["parameters"]["procedure"])], small=True
        )
        yield Code(_laid_out(sheet["query"]), caption="Query, laid out in lines")
        yield Table(
            f"tieouts.{pid}",
            f"Tie-outs of {pid}",
            [
                Column("id", "Id", kind="id", width=30),
                Column("own", "Own figure", kind="number", width=70),
                Column("other", "Other figure", kind="number", width=70),
                Column("difference", "Difference", kind="number", width=60),
                Column("where", "From where"),
            ],
            fixed([(t["id"], t["own"], t["other"], t["difference"], t["where"]) for t in sheet["tie_outs"]]),
            numbered=False,
        )

    # Section V and annexes.

    def other(self) -> Iterator[Block]:
        yield Heading(1, "Other information", "other")
        yield Paragraph("Not covered by the auditor's report.")
        yield Heading(2, "Management's responses", "responses")
        rows = self.gathered.exceptions
        table: list[Row] = [
            (Target(each.number, f"exception-{each.number}"), each.control,
             State(_condition(each.severity), each.severity), each.facts, each.get_state_display(),
             _in_time(each), "No response given")
            for each in rows
        ]  # fmt: skip
        yield Table(
            "table.exceptions",
            "Exceptions opened in, or open on any day of, the period",
            [
                Column("id", "Id", kind="id", width=58),
                Column("control", "Control", kind="id", width=34),
                Column("severity", "Severity", kind="state", width=36),
                Column("facts", "What"),
                Column("state", "State", width=34),
                Column("in_time", "Fixed in time", width=30),
                Column("response", "Response", width=44),
            ],
            fixed(table),
            row_count=len(table),
            empty="No exception was opened in the period or open on a day of it.",
        )
        yield Heading(2, "How the portal takes part", "portal")
        yield Paragraph(
            "Events come from the sources named in the coverage annex, are judged by the rules listed there, and their"
            " bytes are leaves of the ledger. People decide about exceptions, descriptions and assertions; each such"
            " decision is a leaf as well."
        )

    def annexes(self) -> Iterator[Block]:
        yield Heading(1, "Annexes", "annexes")
        yield Heading(2, "Coverage per source", "coverage")
        yield ChartBlock("figure.coverage", self._heat_map())
        if not self.type_1:
            for sheet in self.bundle.sheets:
                yield self._members(sheet)
        yield Heading(2, "Rules and their versions", "rules")
        tested = {p.rule_id for r in self.gathered.controls for p in r.procedures if p.days}
        yield Table(
            "table.rules",
            "Rules of this installation",
            [Column("id", "Rule", kind="id", width=40), Column("title", "Title"),
             Column("version", "Version", width=50), Column("kind", "Kind", width=70),
             Column("use", "In this package", width=150)],
            fixed([
                (rule.id, rule.title, rule.version, rule.kind,
                 "tested" if rule.id in tested else (rule.why_not_judged or "not a procedure of a tested control"))
                for rule in rules()
            ]),
        )  # fmt: skip

    def _heat_map(self) -> HeatMap:
        cells: dict[str, CellState] = {
            "covered": "covered",
            "proven_zero": "zero",
            "gap": "gap",
            "unknown": "unknown",
            "not_in_scope": "out",
        }
        rows, columns = [], []
        for stream, days in self.gathered.coverage.items():
            weeks = (
                [days[at : at + 7] for at in range(0, len(days), 7)]
                if len(days) > 92
                else [[d] for d in days]
            )
            columns = [f"{week[0].local_date.day} {week[0].local_date:%b}" for week in weeks]
            worst = [min(week, key=lambda d: list(_WORST).index(d.state)) for week in weeks]
            rows.append(
                HeatRow(
                    stream,
                    [Cell(cells[d.state.value], text=f"{d.local_date}: {d.state.value}") for d in worst],
                )
            )
        unit = "weeks, each by its worst day" if len(self.gathered.period) > 92 else "days"
        return HeatMap(
            title=f"What was received from each source, in {unit}",
            columns=columns,
            rows=rows,
            summary=_coverage_words(self.gathered),
        )

    def _members(self, sheet: dict[str, Any]) -> Table:
        pid = sheet["pid"]
        member_path, result_path = f"populations/{pid}.members.csv", f"populations/{pid}.results.csv"

        def rows() -> Iterator[Row]:
            members, results = self.bundle.spool.lines(member_path), self.bundle.spool.lines(result_path)
            next(members), next(results)
            for line, judged in zip(members, results, strict=True):
                n, member_id, at, _, _, _, subject, *_ = parse_line(line)
                _, result, _, _, _, _, exception, *_ = parse_line(judged)
                # The file has the whole key and the second; a row here is one line.
                name = subject.split(" (", 1)[0]
                yield (int(n), member_id, at[:16].replace("T", " "), name, f"{result} {exception}".strip())

        return Table(
            f"members.{pid}",
            f"Members of {pid}",
            [
                Column("n", "n", kind="number"),
                Column("member_id", "Member", kind="id", width=166),
                Column("at", "Occurred (UTC)", kind="id"),
                Column("subject", "Subject"),
                Column("result", "Result", width=84),
            ],
            rows,
            row_count=sheet["rows"],
        )


_WORST = (
    CoverageState.GAP,
    CoverageState.UNKNOWN,
    CoverageState.COVERED,
    CoverageState.PROVEN_ZERO,
    CoverageState.NOT_IN_SCOPE,
)


def _coverage_words(gathered: Gathered) -> str:
    said = []
    for stream, days in gathered.coverage.items():
        counts = {state: sum(d.state is state for d in days) for state in CoverageState}
        said.append(
            f"{stream}: "
            + ", ".join(f"{n} {state.value.replace('_', ' ')}" for state, n in counts.items() if n)
        )
    return "; ".join(said) + "."


def _lines(bundle: Bundle, path: str) -> Iterator[str]:
    lines = bundle.spool.lines(path)
    next(lines)
    return lines


def _split(bundle: Bundle, path: str, line: str) -> tuple[list[str], list[str]]:
    return parse_line(next(bundle.spool.lines(path))), parse_line(line)


def _joined(spans: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for span in spans:
        found += [Span(", "), span] if found else [span]
    return found


def _why(row: dict[str, str]) -> str:
    return row["text"].removeprefix("Not tested: ").rstrip(".")


def _why_not(rows: Sequence[dict[str, str]]) -> str:
    """Say for all procedures of a control why they were not run, each reason once."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        why = _why(row)
        if why == f"rule {row['procedure']} does not exist yet":
            why, name = "does not exist yet", f"rule {row['procedure']}"
        else:
            why, name = (
                why.replace("the procedure was not run", "not run"),
                PROCEDURES.get(row["procedure"], ""),
            )
            name = name.lower() or f"rule {row['procedure']}"
        reasons.setdefault(why, []).append(name)
    said = []
    for why, names in reasons.items():
        listed = " and ".join(names)
        joint = " " if why == "does not exist yet" else ": "
        verb = why.replace("does not", "do not") if len(names) > 1 else why
        said.append(f"{listed[0].upper()}{listed[1:]}{joint}{verb}.")
    return " ".join(said)


def _spoken(text: str) -> str:
    """A result's sentences with the reasons of unknown members in words instead of their codes."""
    codes = "|".join(REASONS)
    return re.sub(rf"(\d+) ({codes})\b", lambda found: f"{found[1]} {reason_words(found[2])}", text)


def _coverage_said(days: dict[str, int]) -> str:
    said = ", ".join(
        f"{days[name]} {name.replace('_', ' ')}" for name in ("covered", "proven_zero", "gap", "unknown")
    )
    return f"{said} of {days['days']} days"


def _instant(text: str) -> str:
    """An instant of a sheet as people read it: to the second, in UTC."""
    return f"{text[:10]} {text[11:19]} UTC"


def _laid_out(query: str) -> str:
    """A query with a line for each of its clauses, so that no line breaks inside a word."""
    return re.sub(r" (FROM|WHERE|AND) (?!:)", r"\n\1 ", query)


def _condition(severity: str) -> Any:
    return "deviation" if severity in ("critical", "high") else "attention"


def _in_time(exception: Any) -> str:
    if exception.fixed_at is None:
        return "not fixed"
    return "yes" if exception.fixed_at <= exception.fix_due else "no"


def _percent(rate: str) -> str:
    return rate if rate in ("–", "no occasion") or " of " in rate else f"{rate} %"


def _day(day: Any) -> str:
    return f"{day.day} {day:%B %Y}"
