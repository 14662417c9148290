"""What the operator's page shows works: people invited by command, and the containers' description."""

import re
import shlex
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client as Browser

from config.devstack.environment import ROOT
from tenants.members.models import Role, User
from tests import make
from tests.docs.pages import code_blocks

PAGE = ROOT / "docs" / "operator.md"
VARIABLE = re.compile(r"\$\{([A-Z_]+)")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of `compose.yaml`."""
    described = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = described["services"]
    return found


@pytest.mark.django_db
def test_the_lines_about_people_invite_an_administrator_of_each_kind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    make.client("northwind")
    calls = [
        shlex.split(line)[2:]
        for block in code_blocks(PAGE)
        for line in block.text.splitlines()
        if line.startswith("python3 manage.py person ")
    ]
    for call in calls:
        call_command(*call)
    told = capsys.readouterr().out
    links = re.findall(r"http://127\.0\.0\.1:8000(\S+)", told)
    assert len(calls) == len(links) == 2
    form = {"name": "Somebody", "password1": "four good words here", "password2": "four good words here"}
    for link in links:
        assert Browser().post(link, form).status_code == 302
    people = {user.email: user.memberships.get() for user in User.objects.all()}
    assert people["ana@soc.example.com"].role == Role.MSSP_ADMIN
    assert people["kim@northwind.example"].role == Role.CLIENT_ADMIN
    assert str(people["kim@northwind.example"].client) == "Northwind"
    shown = next(block.text for block in code_blocks(PAGE) if "is invited until" in block.text)
    words = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d|http\S+")
    assert words.sub("", shown).strip() == words.sub("", told).strip().splitlines()[0]


def test_the_containers_get_what_production_settings_ask_for(services: dict[str, Any]) -> None:
    table = PAGE.read_text(encoding="utf-8")
    known = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))
    needed = {
        "DATABASE_URL",
        "PROOFLINE_SECRET_KEY",
        "PROOFLINE_MASTER_KEY",
        "PROOFLINE_HOSTS",
        "PROOFLINE_BASE_URL",
    }
    for name in ("release", "web", "worker", "beat"):
        given = set(services[name]["environment"])
        assert needed <= given <= known


def test_the_containers_run_what_the_page_tells_to_run(services: dict[str, Any]) -> None:
    told = [
        " ".join(shlex.split(line)) for block in code_blocks(PAGE) for line in block.text.splitlines() if line
    ]
    for name in ("worker", "beat"):
        assert " ".join(shlex.split(services[name]["command"])) in told
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "requirements.lock" in image
    (web,) = (line for line in told if "granian" in line and "ExecStart" not in line)
    started = re.search(r"^CMD \[(.*)\]$", image, re.MULTILINE)
    assert started
    command = " ".join(re.findall(r'"([^"]*)"', started[1]))
    assert command.replace("0.0.0.0", "127.0.0.1") == web  # noqa: S104 - within the container


def test_the_containers_wait_for_each_other_and_share_the_state(services: dict[str, Any]) -> None:
    for name in ("web", "worker", "beat"):
        assert services[name]["depends_on"]["release"]["condition"] == "service_completed_successfully"
        assert services[name]["volumes"] == services["release"]["volumes"]
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]
