"""The checks of `verify.py` on a stored package, as the page and the command tell them."""

import tempfile
from dataclasses import dataclass, field
from typing import Final

from reports.packages import verify as verifier
from reports.packages.models import Package
from reports.packages.services import copied_out

TITLES: Final = {
    "V01": "Files are those of the manifest, no more, no less",
    "V02": "The zip is canonical, byte for byte in every header",
    "V03": "The manifest is signed by a listed key that was valid then",
    "V04": "Size and SHA-256 of each file",
    "V05": "Each leaf is in the log",
    "V06": "Each head is signed, and their times do not fall",
    "V07": "Each earlier head leads to this one",
    "V08": "Each key has a chain",
    "V09": "What was recorded is what is here, down to the raw records",
    "V10": "Member files are canonical",
    "V11": "Each population is the one on its sheet, and the one frozen",
    "V12": "Results recount to every figure",
    "V13": "Rates and figures follow from their integers",
    "V14": "Each failure has its exception",
    "V15": "What was in time follows from due and done",
    "V16": "Seeds, ranks and quotas of each sample",
    "V17": "Each sample is as large as its rule",
    "V18": "Days of sources lead to days of controls, and to their shares",
    "V19": "Each source has each day once",
    "V20": "Tie-outs and the verdict that follows",
    "V21": "Result words follow from counts and days",
    "V22": "What is not proven is listed, line by line",
    "V23": "The evidence index is the evidence folder",
    "V24": "Changes since the version before are declared",
    "V25": "The PDF belongs to this build",
}


@dataclass(slots=True)
class Check:
    """One check: its code, its title, whether it holds, and what it found."""

    code: str
    title: str
    ok: bool = True
    held: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def tone(self) -> str:
        """Its tone as a pill: holds, differs, or had nothing to look at."""
        if not self.ok:
            return "deviation"
        return "met" if self.held else "none"

    @property
    def word(self) -> str:
        """Its result in one word."""
        if not self.ok:
            return "differs"
        return "holds" if self.held else "nothing to check"


@dataclass(frozen=True, slots=True)
class Checked:
    """All checks in order, and the verifier's last line."""

    ok: bool
    summary: str
    checks: list[Check]


def check_stored(package: Package) -> Checked:
    """Run every check on the zip as it is stored.

    Raises `verify.CannotRun` for what is no bundle, `OSError` where the object cannot be read.
    """
    with tempfile.NamedTemporaryFile(suffix=".zip") as copy:
        copied_out(package, copy)
        return read_report(verifier.verify(copy.name))


def read_report(report: verifier.Report) -> Checked:
    """Put a report's findings under their checks."""
    checks = {code: Check(code, title) for code, title in TITLES.items()}
    for code, ok, where, message, expected, found in report.findings:
        check = checks[code]
        if not ok:
            check.ok = False
            check.wrong.append(f"{where} {message}: expected {expected or '-'}, found {found or '-'}".strip())
        elif expected == verifier.NOTHING:
            check.notes.append(f"{where}: {found}" if where else str(found))
        else:
            check.held.append(str(found))
    for code, more in report.more.items():
        checks[code].wrong.append(f"and {more} more")
    return Checked(report.ok, report.summary, list(checks.values()))
