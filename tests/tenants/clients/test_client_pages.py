"""A client's settings, and at the portal: making, suspending, resuming."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from evidence.intake.sources import connect, issue_token
from tenants.clients.changes import seen_of
from tenants.clients.models import Client, Host
from tenants.clients.switch import client as at_client
from tenants.database.models import SpareSchema
from tests import make
from tests.tenants.reading import acts_of, text_of

pytestmark = pytest.mark.django_db

SETTINGS = "/c/harbor/settings/client/"
NEW = {"slug": "acme-corp", "name": "Acme Corporation", "zone": "Europe/Zurich", "paper": "A4", "host": ""}


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor", name="Harbor Ledger", host="harbor.example")


# Settings ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("role", "read", "write"),
    [
        ("CA", 200, 302),
        ("MA", 200, 302),
        ("AN", 200, 403),
        ("CO", 403, 403),
        ("EM", 403, 403),
        ("AU", 403, 403),
    ],
)
def test_who_reads_and_who_writes_settings(harbor: Client, role: str, read: int, write: int) -> None:
    browser = make.signed_in(make.auditor(harbor) if role == "AU" else make.member(role, harbor))
    page = browser.get(SETTINGS)
    assert page.status_code == read
    assert ('name="zone"' in page.content.decode()) == (write == 302)
    if read == 200:
        assert "harbor.example" in text_of(page)
    form = {"name": "Harbor & Co", "zone": "Asia/Kathmandu", "paper": "Letter", "seen": seen_of(harbor)}
    assert browser.post(SETTINGS, form).status_code == write
    harbor.refresh_from_db()
    assert (harbor.name, harbor.zone, harbor.paper) == (
        ("Harbor & Co", "Asia/Kathmandu", "Letter") if write == 302 else ("Harbor Ledger", "UTC", "A4")
    )
    assert [each["act"] for each in acts_of(harbor)] == (["client settings changed"] if write == 302 else [])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "required"),
        ({"name": "x" * 121}, "at most 120"),
        ({"name": "Harbor\r\nSet-Cookie: a=b"}, "one line of text"),
        ({"name": "Harbor\x07"}, "one line of text"),
        ({"zone": "Zurich"}, "no IANA time zone"),
        ({"zone": "../../etc/passwd"}, "no IANA time zone"),
        ({"paper": "A3"}, "Select a valid choice"),
    ],
)
def test_a_value_that_a_client_cannot_have_is_refused_and_kept_in_the_form(
    harbor: Client, wrong: dict[str, str], words: str
) -> None:
    form = {"name": "Kept Name", "zone": "UTC", "paper": "A4", "seen": seen_of(harbor), **wrong}
    answer = make.signed_in(make.member("CA", harbor)).post(SETTINGS, form)
    assert answer.status_code == 400
    assert words in text_of(answer)
    if "name" not in wrong:
        assert 'value="Kept Name"' in answer.content.decode()
    harbor.refresh_from_db()
    assert harbor.name == "Harbor Ledger"


def test_two_browsers_do_not_overwrite_each_other_unaware(harbor: Client) -> None:
    first, second = (make.signed_in(make.member("CA", harbor)) for _ in range(2))
    seen = seen_of(harbor)
    first.post(SETTINGS, {"name": "First", "zone": "UTC", "paper": "A4", "seen": seen})
    answer = second.post(SETTINGS, {"name": "Second", "zone": "UTC", "paper": "A4", "seen": seen})
    assert answer.status_code == 409
    assert "It is now: First, UTC, A4" in text_of(answer)
    page = answer.content.decode()
    assert 'value="Second"' in page, "nothing typed is lost"
    fresh = re.search(r'name="seen" value="(\w+)"', page)
    assert fresh
    assert (
        second.post(SETTINGS, {"name": "Second", "zone": "UTC", "paper": "A4", "seen": fresh[1]}).status_code
        == 302
    )
    for seen in ("", "x\x07", "0" * 16):
        form = {"name": "Third", "zone": "UTC", "paper": "A4", "seen": seen}
        assert second.post(SETTINGS, form).status_code in (400, 409)
    assert Client.objects.get().name == "Second"


# Making ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_administrator_makes_a_client_that_is_ready_at_once() -> None:
    administrator, analyst = make.member("MA"), make.member("AN")
    browser = make.stepped_up(administrator)
    assert browser.get("/clients/new/").status_code == 200
    done = browser.post("/clients/new/", {**NEW, "host": "acme.example"})
    assert done["Location"] == "/staff/assignments/?q=acme-corp"
    made = Client.objects.get(slug="acme-corp")
    assert (made.name, made.zone, made.paper) == ("Acme Corporation", "Europe/Zurich", "A4")
    assert Host.objects.get(tenant=made).domain == "acme.example"
    assert [each["act"] for each in acts_of(made)] == ["client made"]
    assert browser.get("/c/acme-corp/").status_code == 404, "making it assigns nobody"
    browser.post("/staff/assignments/", {"person": str(analyst.pk), "client": ["acme-corp"], "do": "assign"})
    assert make.signed_in(analyst).get("/c/acme-corp/").status_code == 200


def test_only_an_administrator_with_a_fresh_factor_makes_a_client() -> None:
    asked = make.signed_in(make.member("MA")).post("/clients/new/", NEW)
    assert "/accounts/second-factor/again/" in asked["Location"]
    harbor = make.client("harbor")
    for role in ("AN", "CA", "CO", "EM"):
        assert make.stepped_up(make.member(role, harbor)).post("/clients/new/", NEW).status_code == 403
    assert Client.objects.count() == 1


BAD_SLUGS = [
    "admin", "api", "static", "accounts", "c", "public", "pg_catalog", "pg_temp", "information_schema", "spare",
    "a" * 41, "a" * 64, "ünïcode", "аdmin", "Acme", "acme corp", "acme_corp", "-acme", "acme-", "a--b", "1st",
    "../acme", "acme/", "acme\x07", "acme\r\nx", "acme'", 'a"b', "x; drop schema public", "", "spare-7",
]  # fmt: skip


@pytest.mark.parametrize("slug", BAD_SLUGS)
def test_a_slug_that_cannot_be_one_is_refused_in_words_by_form_and_command(slug: str) -> None:
    SpareSchema.objects.create(schema_name="spare-7", release="x", made_at=timezone.now())
    answer = make.stepped_up(make.member("MA")).post("/clients/new/", {**NEW, "slug": slug})
    assert answer.status_code == 400
    words = text_of(answer)
    assert any(each in words for each in ("cannot be a client", "Use another slug", "required")), words
    assert 'value="Acme Corporation"' in answer.content.decode(), "nothing typed is lost"
    with pytest.raises(CommandError) as refused:
        call_command("client", "create", "--name", "Acme", "--", slug)
    assert refused.value.returncode == 2
    assert not Client.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"slug": "harbor"}, 'There is a client "harbor" already'),
        ({"host": "HARBOR.example."}, 'belongs to the client "harbor"'),
        ({"host": "soc.portal.example"}, "portal's own"),
        ({"host": "http://x.example/"}, "no host name"),
        ({"host": "x.example\r\nSet-Cookie: a"}, "no host name"),
        ({"name": "Acme\nCorp"}, "one line of text"),
        ({"zone": "Mars/Olympus"}, "no IANA time zone"),
    ],
)
def test_what_is_taken_or_malformed_is_refused_in_words(
    harbor: Client, wrong: dict[str, str], words: str
) -> None:
    with override_settings(PORTAL_HOSTS=["testserver", "soc.portal.example"]):
        answer = make.stepped_up(make.member("MA")).post("/clients/new/", {**NEW, **wrong})
    assert answer.status_code == 400
    assert words in text_of(answer).replace("&#x27;", "'").replace("&quot;", '"')
    assert Client.objects.count() == 1


# Suspending ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_suspended_client_is_closed_to_its_people_and_to_nobody_else(harbor: Client) -> None:
    people = {role: make.signed_in(make.member(role, harbor)) for role in ("CA", "CO", "EM", "AN", "MA")}
    people["AU"] = make.signed_in(make.auditor(harbor))
    with at_client(harbor):
        token = issue_token(connect("aws", at=timezone.now()), at=timezone.now(), by=None)
    browser = make.stepped_up(make.member("MA"))
    page = browser.get("/clients/harbor/suspend/")
    assert "Its people see a page that says so" in text_of(page)
    done = browser.post("/clients/harbor/suspend/", {"seen": seen_of(harbor), "do": "suspend"}, follow=True)
    assert "Harbor Ledger is suspended" in text_of(done)
    for role in ("CA", "CO", "EM"):
        for path in ("", "controls/", "settings/", "sources/", "exceptions/"):
            answer = people[role].get(f"/c/harbor/{path}")
            assert answer.status_code == 403, (role, path)
            assert "is suspended" in text_of(answer)
        assert people[role].post("/c/harbor/sources/connect/", {"source": "aws"}).status_code == 403
        assert people[role].get("/c/harbor/accounts/logout/").status_code == 200
    for role in ("AN", "MA", "AU"):
        assert people[role].get("/c/harbor/controls/").status_code == 200, role
    pushed = browser.post(
        "/c/harbor/intake/aws", make.log_file([make.record()]), content_type="application/octet-stream",
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip
    assert pushed.status_code in (200, 201, 202)
    harbor.refresh_from_db()
    browser.post("/clients/harbor/suspend/", {"seen": seen_of(harbor), "do": "resume"})
    assert people["CO"].get("/c/harbor/controls/").status_code == 200
    acts = [each["act"] for each in acts_of(harbor)]
    assert acts == ["client suspended", "client resumed"]


def test_who_suspends(harbor: Client) -> None:
    form = {"seen": seen_of(harbor), "do": "suspend"}
    asked = make.signed_in(make.member("MA", harbor)).post("/clients/harbor/suspend/", form)
    assert "/accounts/second-factor/again/" in asked["Location"]
    for role in ("AN", "CA", "CO", "EM"):
        assert (
            make.stepped_up(make.member(role, harbor)).post("/clients/harbor/suspend/", form).status_code
            == 403
        )
    assert make.stepped_up(make.member("MA")).post("/clients/nobody/suspend/", form).status_code == 404
    harbor.refresh_from_db()
    assert harbor.suspended_at is None


def test_a_stale_page_suspends_nothing(harbor: Client) -> None:
    browser = make.stepped_up(make.member("MA"))
    stale = seen_of(harbor)
    browser.post("/clients/harbor/suspend/", {"seen": stale, "do": "suspend"})
    answer = browser.post("/clients/harbor/suspend/", {"seen": stale, "do": "resume"})
    assert answer.status_code == 409
    assert "Somebody changed this client" in text_of(answer)
    harbor.refresh_from_db()
    assert harbor.suspended_at is not None


def test_a_stranger_does_not_learn_that_a_client_is_suspended(harbor: Client) -> None:
    Client.objects.filter(pk=harbor.pk).update(suspended_at=timezone.now())
    stranger = make.signed_in(make.member("CA", make.client("larkfield")))
    assert stranger.get("/c/harbor/").status_code == 404
