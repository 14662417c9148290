"""A document with every block and odd content, printed by tests and looked at as pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from reports.blocks import (
    ChartBlock,
    Code,
    Column,
    Contents,
    Cover,
    Document,
    Facts,
    Figure,
    Heading,
    KeyFigures,
    Link,
    Note,
    PageBreak,
    Paragraph,
    Placeholder,
    Points,
    Rate,
    Row,
    Section,
    Span,
    State,
    Table,
    Target,
    fixed,
)
from reports.blocks.model import Paper
from reports.charts import (
    Bar,
    Bars,
    Cell,
    Day,
    HeatMap,
    HeatRow,
    Line,
    Lines,
    Series,
    Share,
    Shares,
    Sparkline,
    Strip,
)

ROOT = hashlib.sha256(b"gallery").hexdigest()
OUTCOME = (
    Series("pass", "with a second factor", "met"),
    Series("fail", "without", "deviation"),
    Series("unknown", "unknown", "unknown"),
)
LONG_WORD = (
    "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-central-1/"
    "AWSReservedSSO_AdministratorAccess_0123456789abcdef"
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONG_POINT = (
    "A very long point that goes over more than one line, for it says of each kind of limit what was counted, "
    "where it was counted, and why the reader should care about it at all."
)
COMMANDS = (
    "unzip hartwell-type2-2026-v1.zip\ncd hartwell-type2-2026-v1\n"
    "python3 -I verify.py --checkpoint obtained-elsewhere.txt\necho " + "x" * 140
)
NAMES = (
    "Ελένη Παπαδοπούλου",
    "Наталія Шевченко",
    "محمد عبد الله",
    "שירה לוי",
    "王小明",
    "Nguyễn Thị Ánh",
    "Łukasz Żółć",
    "नीलम",
    "Zoë O’Brien-Façade",
    "🦊 fox",
    "a\x00b\x07c",
    "evil\u202etxt.exe",
)
HOSTILE = (
    "<script>alert(1)</script>",
    '=HYPERLINK("x")',
    "') Tj ET Q (",
    "\\n\\(((",
    "**not bold** `no code`",
    "{{ x }}",
)

RESULTS: tuple[Row, ...] = (
    (
        Target("AC-01", "AC-01"),
        "CC6.1 CC6.6",
        "Compared every privileged sign-in of the period (1 204) with the condition.",
        "1 204",
        3,
        7,
        State("deviation", "Deviations noted: EX-0301, EX-0398, EX-0412"),
    ),
    (
        "AC-04",
        "CC6.2 CC6.3",
        "Selected 25 of 118 accounts created; compared request, approver and grant.",
        "118 / 25",
        0,
        0,
        State("met", "No deviations noted in management's tests"),
    ),
    (
        "AC-05",
        "CC6.2 CC6.3",
        "Compared every leaver with each system's removal event.",
        "31",
        1,
        0,
        State("deviation", "Deviation noted: EX-0377, removed 52 h after leaving"),
    ),
    (
        "AC-07",
        "CC6.2 CC6.3",
        "Inspected all four quarterly reviews and the removal of what they revoked.",
        "4",
        0,
        0,
        State("met", "No deviations noted in management's tests"),
    ),
    (
        "CHG-01",
        "CC8.1",
        "Matched every detected change with its approval.",
        "2 871",
        4,
        12,
        State("unknown", "No deviations noted in what was tested"),
    ),
    (
        "AVL-03",
        "A1.2 CC7.2",
        "Inspected every planned backup run.",
        "1 095",
        6,
        0,
        State("attention", "Six failures, five resolved"),
    ),
    (
        "PHY-02",
        "CC6.4 A1.2",
        "Inspected the review of the host's report.",
        "1",
        0,
        0,
        State("none", "Not tested: no source"),
    ),
)


def member_rows(count: int) -> Iterator[Row]:
    """Rows as an annex has them."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for at in range(count):
        digest = hashlib.sha256(f"demo-{at}".encode()).hexdigest()[:32]
        yield (
            at + 1,
            f"e:{digest}",
            start + timedelta(minutes=13 * at),
            "sign-in",
            "aws",
            f"user-{at % 41}",
            "console",
            "pass" if at % 400 else "fail",
        )


MEMBER_COLUMNS = (
    Column("n", "n", kind="number"),
    Column("member_id", "Member", kind="id"),
    Column("occurred_at", "Occurred", kind="time"),
    Column("kind", "Kind"),
    Column("system", "System"),
    Column("subject", "Subject"),
    Column("object", "Object"),
    Column("result", "Result"),
)


def members(count: int, ident: str = "AC-01.R01.members") -> Table:
    """A population's members."""
    return Table(ident, "Members of AC-01.R01", MEMBER_COLUMNS, lambda: member_rows(count), row_count=count)


def days(count: int) -> tuple[Day, ...]:
    """A strip with every state."""
    states = {3: "fail", 17: "fail", 30: "unknown", 31: "unknown", 44: "gap", 45: "gap", 60: "attention"}
    start = date(2026, 1, 1)
    return tuple(
        Day(
            start + timedelta(at),
            states.get(at, "none" if at % 7 == 6 else "pass"),
            "3 of 41 failed" if at == 3 else "",
        )  # type: ignore[arg-type]
        for at in range(count)
    )


def weeks() -> tuple[Bar, ...]:
    """Bars with deviations, unknown parts and a gap."""
    found = []
    for at in range(52):
        total = 40 + (at * 37) % 29
        fail = {37: 1, 42: 2}.get(at, 0)
        unknown = {12: 9, 13: 7}.get(at, 0)
        first = date(2026, 1, 1) + timedelta(7 * at)
        label = f"{first.day} {MONTHS[first.month - 1]}"
        found.append(Bar(label, (0, 0, 0) if at in {30, 31} else (total, fail, unknown), gap=at in {30, 31}))
    return tuple(found)


def coverage() -> HeatMap:
    """Sources by days."""
    names = (
        "AWS CloudTrail",
        "Okta",
        "GitHub",
        "Veeam",
        "HR roster",
        "A source with quite a long name that must be cut",
    )
    states = ("covered", "covered", "covered", "zero", "gap", "unknown", "out")
    rows = []
    for at, name in enumerate(names):
        cells = [
            Cell(
                states[at] if (day * 7 + at * 3) % 11 == 0 else "covered",
                ((day * 13 + at) % 10) / 10,
                f"{day * 31} events",
            )  # type: ignore[arg-type]
            for day in range(30)
        ]
        rows.append(HeatRow(name, cells))
    return HeatMap(
        "Source-days by what was received, 26 Oct – 24 Nov 2026",
        tuple(str(day) for day in range(1, 31)),
        rows,
    )


def gallery(*, rows: int = 120, paper: Paper = "A4", draft: bool = True, chapters: int = 1) -> Document:
    """Every block with ordinary and with odd content."""
    cover = Section(
        "cover",
        "Cover",
        (
            Cover(
                "Type II package",
                "Hartwell Clinics",
                "1 January – 31 December 2026, Europe/Zurich",
                (
                    ("Categories", "Security, Availability, Confidentiality"),
                    ("Version", "1, supersedes none"),
                    ("Prepared by", "Meridian Managed Security"),
                    ("Prepared for", "Okafor & Lind, the service auditor"),
                    ("Use", "Restricted to the readers named; they know the system and the criteria."),
                    ("Ledger head", ROOT),
                    ("Ledger size", 48213),
                    ("Signed by", "Keira Ngata, Chief Operating Officer"),
                ),
                "Prepared by management. Contains no opinion. To verify, unpack it and run `python3 -I verify.py`.",
                "Draft" if draft else "Issued",
            ),
        ),
    )
    limits = Section(
        "limits",
        "What this package does not prove",
        (
            Heading(1, "What this package does not prove"),
            Paragraph(
                "Read this before any figure. A kind of limit without any case says **none** and what was counted."
            ),
            Note(
                "gap",
                "Okta sent nothing on 3 and 4 November (2 days of 365). 19 members are unknown because a source did "
                "not state a needed fact. They count neither as met nor as deviations.",
                "What this section does not show.",
            ),
            Note(
                "unknown",
                "7 of 1 204 members could not be judged: the record does not say whether a second factor was used.",
                "Unknown.",
            ),
            Note(
                "info", "Tests are management's; in the auditor's report the auditor's own tests stand here."
            ),
            Points(
                (
                    "Gaps: **2 days** of 365, source `okta`, controls [AC-01](#AC-01).",
                    "Late pulls: none of 365 looked at.",
                    LONG_POINT,
                )
            ),
            Heading(2, "How to verify"),
            Code(
                COMMANDS,
                "Three commands, offline; the verifier needs Python 3.9 or newer and nothing else.",
            ),
            Points(
                ("Unpack the bundle.", "Run the verifier.", "Compare the head with one obtained elsewhere."),
                numbered=True,
            ),
        ),
    )
    contents = Section("contents", "Contents", (Contents(),))
    auditor = Section(
        "I",
        "Section I · Auditor's report",
        (
            Heading(1, "I. Independent auditor's report"),
            Placeholder(
                "Placeholder",
                "The independent auditor's report is issued by the auditor and replaces this page.",
            ),
        ),
    )
    tests = Section(
        "IV",
        "Section IV · Controls, tests and results",
        (
            Heading(1, "4.2 Logical and physical access"),
            Paragraph(
                "Tests below are management's. Each figure opens in the bundle under `populations/` and can be "
                "computed again with `verify.py`. The auditor's tests and conclusions are not part of this document."
            ),
            Note(
                "gap",
                "Okta sent nothing on 3 and 4 November (2 days of 365).",
                "What this section does not show.",
            ),
            KeyFigures(
                (
                    Figure(
                        "population, privileged sign-ins",
                        1204,
                        figure_id="AC-01.population",
                        table="AC-01.R01.members",
                    ),
                    Figure("with a second factor", 1194, condition="met"),
                    Figure("without", 3, condition="deviation", difference="−2 to the year before"),
                    Figure("unknown: field absent", 7, condition="unknown"),
                    Figure("pass rate", Rate(1194, 1204), 1194, 1204),
                )
            ),
            Table(
                "tests",
                "Tests and results",
                (
                    Column("control", "Control", kind="id"),
                    Column("criteria", "Criteria", kind="code"),
                    Column("test", "Test"),
                    Column("population", "Population / sample", "right"),
                    Column("dev", "Dev.", kind="number"),
                    Column("unkn", "Unkn.", kind="number"),
                    Column("result", "Result"),
                ),
                fixed(RESULTS),
                "Rates are cut, deviation rates raised, to 0.1. See [AC-01](#AC-01).",
            ),
            ChartBlock(
                "weekly",
                Bars("Privileged sign-ins by second factor, per week of 2026", OUTCOME, weeks(), "Week"),
            ),
            Heading(2, "AC-01 Administrators use MFA"),
            Facts(
                (
                    (
                        "Statement",
                        "Whoever can change systems or see customer data signs in with a second factor, everywhere.",
                    ),
                    ("Owner", "Keira Ngata"),
                    ("Frequency", "many times a day"),
                    ("Result", State("deviation", "Deviations noted")),
                    ("Since", date(2026, 3, 2)),
                )
            ),
            Heading(3, "Strip per day"),
            ChartBlock("quarter", Strip("Days by result of AC-01, first quarter", days(90))),
            ChartBlock("year", Strip("Days by result of AC-01, 2026", days(365))),
            ChartBlock("coverage", coverage()),
            ChartBlock(
                "opened",
                Lines(
                    "Exceptions opened and closed per month",
                    MONTHS,
                    (
                        Line("opened", (3, 5, 2, 8, 4, None, None, 6, 2, 1, 4, 3)),
                        Line("closed", (1, 3, 4, 6, 5, None, None, 4, 4, 2, 3, 3), dashed=True),
                    ),
                ),
                table_in_pdf=True,
            ),
            ChartBlock(
                "shares",
                Shares(
                    "Members by result and series of criteria",
                    OUTCOME,
                    (
                        Share("CC6 Logical access", (1194, 3, 7)),
                        Share("CC7 Operations", (90, 0, 40)),
                        Share("CC8 Change", (0, 0, 0)),
                    ),
                ),
            ),
            ChartBlock(
                "spark",
                Sparkline("Open exceptions per day, 30 days", (3, 4, 4, 6, 5, 5, None, 4, 3, 2, 2, 1)),
            ),
        ),
    )
    odd = Section(
        "V",
        "Section V · Odd content, with a running head that is much too long for the space it has on the page",
        (
            Heading(1, "Odd content: <b>not bold</b> & Ελληνικά, Кириллица, עברית, العربية, 漢字"),
            Paragraph(
                [Span(f"{LONG_WORD} and "), Span("code " + LONG_WORD, code=True), Span(" then words.")]
            ),
            Table(
                "names",
                "Names in many scripts",
                (
                    Column("name", "Name"),
                    Column("hostile", "Text from a source"),
                    Column("n", "Count", kind="number"),
                    Column("who", "Who", kind="id"),
                    Column("rate", "Rate", kind="rate"),
                    Column("took", "Took", kind="duration"),
                    Column("at", "At", kind="time"),
                ),
                fixed(
                    [
                        (
                            name,
                            HOSTILE[at % len(HOSTILE)],
                            10**at * (-1) ** at,
                            f"user-{at}",
                            Rate(at, 40, "up"),
                            timedelta(hours=20 * at),
                            datetime(2026, 10, 12, 4, 11, at % 2, tzinfo=UTC),
                        )
                        for at, name in enumerate(NAMES)
                    ]
                ),
            ),
            Table(
                "empty",
                "Exceptions of the period",
                (Column("id", "Id", kind="id"), Column("what", "What")),
                fixed(()),
                empty="None. AWS CloudTrail was heard on all 365 days and reported no exception.",
            ),
            Table(
                "wide",
                "A table with many wide columns",
                tuple(
                    Column(f"c{at}", f"Column {at} heading", kind="id" if at % 2 else "text")
                    for at in range(9)
                ),
                fixed(
                    [
                        tuple(LONG_WORD[at * 7 :] if at % 2 else f"word {'long ' * at}" for at in range(9))
                        for _ in range(3)
                    ]
                ),
            ),
            Table(
                "tall",
                "A row taller than a page",
                (Column("a", "A", kind="id"), Column("b", "B", width=180), Column("c", "C")),
                fixed([("r-1", "word " * 900, "short"), ("r-2", None, Link("AC-01", anchor="AC-01"))]),
            ),
            Note("gap", "A long box. " * 400, "Everything that is missing."),
            PageBreak(),
            Paragraph(
                "After a page break. " + "Prose that goes on and on, to see how it breaks over a page. " * 90
            ),
            Heading(2, "A heading that must not stand alone at the foot of a page"),
            Paragraph("Its paragraph. " * 60),
        ),
    )
    more = tuple(
        Section(
            f"x{at}",
            f"Chapter {at}",
            (
                Heading(1, f"Chapter {at}"),
                Paragraph("Words. " * 150),
                Heading(2, f"Part of {at}"),
                Paragraph("x " * 200),
            ),
        )
        for at in range(chapters)
    )
    annex = Section("annex", "Annex · Populations", (Heading(1, "Population rows"), members(rows)))
    return Document(
        title="Hartwell Clinics · Type II package 2026",
        client="Hartwell Clinics",
        running="Hartwell Clinics · Type II package, 1 January – 31 December 2026",
        sections=(cover, limits, contents, auditor, tests, odd, *more, annex),
        footer=f"Ledger head {ROOT[:8]}…{ROOT[-4:]}, size 48 213 · issued 12 January 2027, version 1",
        paper=paper,
        draft=draft,
        information=f"proofline hartwell-type2-2026-v1 {ROOT}",
        date=datetime(2027, 1, 12, 9, 0, tzinfo=UTC),
        zone=ZoneInfo("Europe/Zurich"),
    )
