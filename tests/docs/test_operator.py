"""What the operator's page shows works: people made in a shell, and the containers' description."""

import re
import shlex
from typing import Any

import pytest
import yaml

from config.devstack.environment import ROOT
from tenants.clients.switch import public
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
def test_the_lines_of_the_shell_make_an_analyst_an_administrator_and_an_auditor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    northwind = make.client("northwind")
    (block,) = (each for each in code_blocks(PAGE) if each.words == ("python", "runnable"))
    exec(compile(block.text, "docs/operator.md", "exec"), {})  # noqa: S102 - the page's own lines
    assert "SecondFactor(secret=" in capsys.readouterr().out
    with public():
        people = {user.email.partition("@")[0]: user for user in User.objects.all()}
        assert people["ana"].memberships.get().role == Role.MSSP_ANALYST
        assert people["ana"].assignments.get().client == northwind
        assert people["kim"].memberships.get().role == Role.CLIENT_ADMIN
        assert people["lee"].memberships.count() == 0
        assert people["lee"].engagements.get().client == northwind


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
