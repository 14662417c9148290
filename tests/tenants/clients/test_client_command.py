"""`client create` and `client list`: what they print, and what they refuse in which words."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tenants.access.policy import allowed
from tenants.clients.models import Client, Host
from tenants.clients.signals import client_created
from tenants.clients.switch import current_client
from tests import make

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    said = StringIO()
    call_command("client", *args, stdout=said)
    return said.getvalue()


def test_a_client_is_made_with_what_was_said() -> None:
    said = run(
        "create", "harbor-2", "--name", "Harbor & Söhne", "--host", "SOC.harbor.example", "--zone",
        "Europe/Zurich", "--paper", "Letter",
    )  # fmt: skip
    assert said == "Client harbor-2 (Harbor & Söhne) made; it answers at /c/harbor-2/.\n"
    harbor = Client.objects.get()
    assert (harbor.slug, harbor.schema_name, harbor.zone, harbor.paper) == (
        "harbor-2", "harbor-2", "Europe/Zurich", "Letter",
    )  # fmt: skip
    assert Host.objects.get().domain == "soc.harbor.example"


def test_zone_and_paper_have_defaults() -> None:
    run("create", "harbor", "--name", "Harbor")
    assert Client.objects.values_list("zone", "paper").get() == ("UTC", "A4")


def test_the_list_is_one_json_object() -> None:
    make.client("lumen", name="Lumen", zone="Asia/Tokyo")
    make.client("harbor", name="Harbor “1”", host="harbor.example")
    assert json.loads(run("list", "--json")) == {
        "clients": [
            {"slug": "harbor", "name": "Harbor “1”", "host": "harbor.example", "zone": "UTC"},
            {"slug": "lumen", "name": "Lumen", "host": None, "zone": "Asia/Tokyo"},
        ]
    }
    assert [line.split()[0] for line in run("list").splitlines()] == ["SLUG", "harbor", "lumen"]


def test_an_empty_list_says_how_to_make_one() -> None:
    assert json.loads(run("list", "--json")) == {"clients": []}
    assert "manage.py client create SLUG" in run("list")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["Harbor", "--name", "H"], r'"Harbor" cannot be a client\'s slug'),
        (["1st", "--name", "H"], r'"1st" cannot be a client\'s slug'),
        (["a--b", "--name", "H"], "single hyphens"),
        (["a_b", "--name", "H"], "single hyphens"),
        (["a" * 41, "--name", "H"], "at most 40"),
        (["harbor\n", "--name", "H"], "cannot be a client's slug"),
        (["public", "--name", "H"], "public is reserved"),
        (["harbor", "--name", "  "], "needs a name"),
        (["harbor", "--name", "x" * 121], "needs a name"),
        (["harbor", "--name", "H", "--zone", "Zurich"], "no IANA time zone.*Europe/Zurich"),
        (["harbor", "--name", "H", "--zone", "nowhere"], "no IANA time zone"),
        (["harbor", "--name", "H", "--paper", "A3"], '"A3" is no paper.*A4 or Letter'),
        (["harbor", "--name", "H", "--host", "http://x/"], "no host name"),
        (["taken", "--name", "H"], 'There is a client "taken" already'),
        (["harbor", "--name", "H", "--host", "TAKEN.example"], 'belongs to the client "taken"'),
    ],
)
def test_what_is_malformed_or_taken_is_refused_with_a_sentence(args: list[str], words: str) -> None:
    make.client("taken", host="taken.example")
    with pytest.raises(CommandError, match=words) as refused:
        run("create", *args)
    assert refused.value.returncode == 2
    assert Client.objects.count() == 1


def test_the_person_named_must_exist() -> None:
    with pytest.raises(CommandError, match="Nobody signs in as") as refused:
        run("list", "--as", "nobody@example.org")
    assert refused.value.returncode == 2


def test_a_person_is_listed_the_clients_that_are_theirs() -> None:
    harbor = make.client("harbor")
    make.client("lumen")
    analyst = make.member("AN", harbor)
    assert allowed(analyst, "client.list", harbor, harbor)
    assert [each["slug"] for each in json.loads(run("list", "--json", "--as", analyst.email))["clients"]] == [
        "harbor"
    ]


def test_an_analyst_may_not_make_a_client() -> None:
    analyst = make.member("AN", make.client("harbor"))
    with pytest.raises(CommandError, match="may not do this") as refused:
        run("create", "lumen", "--name", "Lumen", "--as", analyst.email)
    assert refused.value.returncode == 2


def test_what_the_apps_put_into_a_new_client_is_part_of_making_it() -> None:
    seen: list[str] = []

    def fail(client: Client, **kwargs: object) -> None:
        seen.append(current_client().slug)
        raise ZeroDivisionError

    client_created.connect(fail)
    try:
        with pytest.raises(ZeroDivisionError):
            make.client("harbor", host="harbor.example")
    finally:
        client_created.disconnect(fail)
    assert seen == ["harbor"]
    assert not Client.objects.exists()
    assert not Host.objects.exists()
    make.client("harbor", host="harbor.example")
