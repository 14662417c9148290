"""What the documentation names exists: commands, options, settings, links, tables, dependencies."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from config.devstack.commands import OWN
from config.devstack.environment import ROOT
from controls.catalogue.loader import catalogue
from tests.docs.pages import PAGES, anchors, code_texts, links, name_of

COMMAND = re.compile(r"(?:python3? )?(?:\./)?manage\.py (?P<rest>[a-z][^\n#]*)")
VARIABLE = re.compile(r"\b(?:PROOFLINE_[A-Z_]+|DATABASE_URL|EMAIL_URL|DJANGO_SETTINGS_MODULE)\b")
# Set by the stack for itself between two of its own processes.
INTERNAL = {"PROOFLINE_BEGAN", "PROOFLINE_MENDED"}
# Of a sender's shell, in the lines that a source's page shows.
SENDERS = {"PROOFLINE_TOKEN"}
# Of Django's settings, not of the environment; `PROOFLINE_MASTER_KEY` fills the first.
SETTINGS = {"PROOFLINE_MASTER_KEYS", "PROOFLINE_VERSION", "PROOFLINE_SEAL_BYTES", "PROOFLINE_SEAL_SECONDS"}
PLACEHOLDER = re.compile(r"[A-Z_.…]+\Z|[A-Z]+[….]*\Z")
# A dotted name of ours; a file's name such as controls.csv is none.
MODULE = re.compile(
    r"(?<![-/\w.])(?:config|tenants|evidence|controls|reports)(?:\.(?!csv|json|yml|py|md)[a-z_]+)+(?![/\w])"
)

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def command_lines(page: Path) -> Iterator[list[str]]:
    """The words after `manage.py` wherever a page names a command."""
    for text in code_texts(page):
        for found in COMMAND.finditer(text.replace("\\\n", " ")):
            try:
                yield shlex.split(found["rest"])
            except ValueError:
                yield found["rest"].split()


@every_page
def test_every_command_that_a_page_names_exists_with_its_subcommand_and_options(page: Path) -> None:
    known = get_commands()
    for words in command_lines(page):
        name, *rest = words
        assert name in OWN or name in known, f"{name_of(page)} names a command that does not exist: {name}"
        if name in OWN:
            continue
        app = known[name]
        assert isinstance(app, str)
        parser = load_command_class(app, name).create_parser("manage.py", name)
        text = _help_of(parser, rest)
        for option in (word.split("=")[0] for word in rest if word.startswith("--")):
            assert option in text, f"{name_of(page)}: {name} has no option {option}"


def _help_of(parser: object, rest: list[str]) -> str:
    """The help of a command, and of the subcommand that the words name, where it has some; refuses an unknown one."""
    text = parser.format_help()
    for action in parser._actions:
        if hasattr(action, "choices") and isinstance(action.choices, dict) and rest:
            word = rest[0]
            if word in action.choices:
                text += action.choices[word].format_help()
            else:
                assert not action.required, f"there is no subcommand {word}"
    return text


@every_page
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in links(page):
        if re.match(r"(https?|mailto):", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name_of(page)} links to {target}"
        assert file.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(file), f"{name_of(page)} links to {target}, which has no such heading"


def test_the_operators_page_names_every_variable_and_no_other() -> None:
    read = set()
    for folder in ("config", "tenants", "evidence", "controls", "reports"):
        for file in (ROOT / folder).rglob("*.py"):
            read |= set(VARIABLE.findall(file.read_text(encoding="utf-8")))
    read -= INTERNAL | SETTINGS | SENDERS
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    table = page[page.index("## Settings") : page.index("## People")]
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)) == read


@every_page
def test_every_variable_that_a_page_names_is_one(page: Path) -> None:
    operator = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    assert set(VARIABLE.findall(page.read_text(encoding="utf-8"))) <= set(VARIABLE.findall(operator))


@every_page
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    begins = (
        "config/",
        "tenants/",
        "evidence/",
        "controls/",
        "reports/",
        "templates/",
        "tests/",
        "docs/",
        ".ci/",
    )
    for text in code_texts(page):
        for word in (each.strip("(),:;'\"") for each in text.split()):
            pattern = "*" in word or "{" in word or re.search(r"[A-Z]{3,}[./]|[A-Z]{3,}\Z", word)
            if word.startswith(begins) and not pattern:
                assert (ROOT / word).exists(), f"{name_of(page)} names {word}"


@every_page
def test_every_module_that_a_page_names_exists(page: Path) -> None:
    for text in code_texts(page):
        for word in MODULE.findall(text):
            path = ROOT / word.replace(".", "/")
            there = (
                path.is_dir() or path.with_suffix(".py").exists() or path.parent.with_suffix(".py").exists()
            )
            assert there or _is_task(word), f"{name_of(page)} names {word}"


def _is_task(word: str) -> bool:
    from config.schedules import PORTAL_SCHEDULES, SCHEDULES

    return any(word == task for _, task, _ in SCHEDULES + PORTAL_SCHEDULES)


def test_the_operators_page_lists_the_schedules_as_they_are() -> None:
    from config.schedules import PORTAL_SCHEDULES, SCHEDULES

    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    table = page[page.index("## Queues and schedules") : page.index("## Backup")]
    rows = re.findall(r"^\| (\S+ ?\S*) \| `([a-z_.]+)` \|", table, re.MULTILINE)
    words = {60: "minute", 300: "5 minutes", 3600: "hour", 6 * 3600: "6 hours"}
    assert rows == [(words[seconds], task) for _, task, seconds in SCHEDULES + PORTAL_SCHEDULES]


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[\[<>=~!; ]", line)[0] for line in project["dependencies"]}
    page = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE)) == named


def test_every_decision_has_a_date_a_reason_and_what_would_change_it() -> None:
    page = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    decisions = [part for part in page.split("\n\n") if part.startswith("**")]
    assert len(decisions) > 20
    for decision in decisions:
        flat = " ".join(decision.split())
        assert re.match(r"\*\*.+?\.\*\* \d{4}-\d\d-\d\d\. \S.+ \*Would change it:\* \S", flat), flat[:80]


def test_the_change_log_counts_the_catalogue_right_and_has_the_present_version() -> None:
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"## {project['version'].rsplit('.', 1)[0]}\n" in page
    assert f"{len(catalogue().criteria)} criteria and {len(catalogue().templates)} control templates" in page


@every_page
def test_no_page_names_a_machine_or_a_registry(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|Users)/|pypi\.org|docker\.io|ghcr\.io|quay\.io", text)


def test_every_page_that_the_code_points_to_exists() -> None:
    for folder in ("config", "tenants", "evidence", "controls", "reports", "templates"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in {".py", ".html", ".yml"}:
                for page in re.findall(r"\bdocs/[a-z_/-]+\.md\b", file.read_text(encoding="utf-8")):
                    assert (ROOT / page).exists(), f"{file.relative_to(ROOT)} points to {page}"
