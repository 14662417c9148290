"""Who may ask: a session with its CSRF token, or a token within its role, source and purpose."""

import pytest
from django.test import Client as Browser
from django.utils import timezone

from evidence.intake.models import Source
from tenants.access.models import ReadLogEntry
from tenants.apitokens.models import ApiToken
from tenants.apitokens.services import create
from tenants.clients.switch import client as at_client
from tenants.members.models import Membership
from tests import make
from tests.tenants.api.conftest import HOST, Api, World, strict_browser

COMMENT = {"words": "Asked on Monday."}


@pytest.fixture
def number(world: World) -> str:
    return world.api("CA").get("exceptions/").json()["items"][0]["number"]


def test_a_session_must_show_its_csrf_token_with_a_write(world: World, number: str) -> None:
    browser = strict_browser(world.people["CA"])
    address = f"/c/harbor/api/v1/exceptions/{number}/comment/"
    refused = browser.post(address, COMMENT, content_type="application/json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]
    assert browser.get("/c/harbor/api/v1/exceptions/").status_code == 200
    browser.get("/c/harbor/api/v1/docs/")
    browser.cookies["csrftoken"] = "a" * 32
    taken = browser.post(address, COMMENT, content_type="application/json", headers={"X-CSRFToken": "a" * 32})
    assert taken.status_code == 200


def test_a_token_needs_none(world: World, number: str) -> None:
    token = world.token("CA", writes=True)
    token.browser = Browser(enforce_csrf_checks=True)
    assert token.post(f"exceptions/{number}/comment/", COMMENT).status_code == 200


def test_a_token_works_at_the_clients_own_host_too(world: World) -> None:
    token = world.token("CA")
    answer = Browser(HTTP_HOST=HOST).get("/api/v1/controls/?limit=1", headers=token.headers)
    assert answer.status_code == 200


def test_every_bad_token_answers_alike(world: World) -> None:
    larkfield = world.larkfield
    elsewhere = make.member("CA", larkfield)
    with at_client(larkfield):
        foreign = create(elsewhere, client=larkfield, name="theirs", role="CA", at=timezone.now()).secret
    expired, revoked = world.token("CA"), world.token("CA")
    at = timezone.now()
    for token, change in ((expired, {"expires_at": at}), (revoked, {"revoked_at": at})):
        ApiToken.objects.filter(prefix=token.token.split("_")[1]).update(**change)
    leaver = make.member("CA", world.harbor)
    with at_client(world.harbor):
        gone = create(leaver, client=world.harbor, name="left", role="CA", at=at).secret
    Membership.objects.filter(user=leaver).update(active=False)
    answers = set()
    for secret in (
        "",
        "nonsense",
        "plapi_",
        f"{revoked.token}x",
        "plapi_\xe9",
        "a" * 5000,
        foreign,
        expired.token,
        revoked.token,
        gone,
    ):
        answer = Browser().get("/c/harbor/api/v1/controls/", headers={"Authorization": f"Bearer {secret}"})
        answers.add((answer.status_code, answer.content, answer["WWW-Authenticate"]))
    for place in ("/c/nobody-here/api/v1/controls/", "/c/larkfield/api/v1/controls/", "/api/v1/clients/"):
        answer = Browser().get(place, headers={"Authorization": f"Bearer {world.token('CA').token}"})
        answers.add((answer.status_code, answer.content, answer["WWW-Authenticate"]))
    answer = Browser().get("/c/harbor/api/v1/controls/")
    answers.add((answer.status_code, answer.content, answer["WWW-Authenticate"]))
    assert len(answers) == 1, answers
    assert {status for status, *_ in answers} == {401}


def test_a_token_opens_no_page(world: World) -> None:
    headers = world.token("CA", writes=True).headers
    for page in ("", "controls/", "sources/", "settings/tokens/", "account/password/change/", "admin/"):
        answer = Browser().get(f"/c/harbor/{page}", headers=headers)
        assert answer.status_code in (302, 404), page
    assert Browser().get("/", headers=headers).status_code == 302
    # Its own description, as a page, belongs to sessions too.
    assert Browser().get("/c/harbor/api/v1/docs/", headers=headers).status_code == 401


def test_a_reading_token_writes_nothing(world: World, number: str) -> None:
    answer = world.token("CA").post(f"exceptions/{number}/comment/", COMMENT)
    assert answer.status_code == 403
    assert "only reads" in answer.json()["detail"]


def test_a_token_of_a_lesser_role_does_what_that_role_does(world: World) -> None:
    lesser = world.token("CA", as_role="EM")
    assert lesser.get("controls/").status_code == 403
    assert world.token("CA").get("controls/").status_code == 200


def test_a_token_of_one_source_reaches_no_other_and_nothing_else(world: World) -> None:
    with at_client(world.harbor):
        other = Source.objects.exclude(slug="aws").first()
        assert other is not None
    token = world.token("CA", source="aws", writes=True)
    assert [each["slug"] for each in token.get("sources/").json()["items"]] == ["aws"]
    assert token.get("sources/aws/").status_code == 200
    assert token.get(f"sources/{other.slug}/").status_code == 404
    assert {each["source"] for each in token.get("batches/").json()["items"]} == {"aws"}
    assert token.get("events/1/0/").status_code == 200
    for address in ("controls/", "exceptions/", "packages/", "members/", "ledger/leaves/"):
        answer = token.get(address)
        assert answer.status_code == 403, address
        assert "source “aws”" in answer.json()["detail"]


def test_a_token_takes_no_step_up(world: World) -> None:
    answer = world.token("CA", writes=True).get("members/")
    assert answer.status_code == 200
    # What asks for a second factor is not in the API at all; were it, the middleware would refuse it.
    from tenants.access.policy import POLICY
    from tenants.api.schema import described

    for methods in described("config.urls_client")["paths"].values():
        for operation in methods.values():
            assert not any("su" in c.words for c in POLICY[operation["x-policy-action"]].values())


@pytest.mark.parametrize("role", ["MA", "CA", "AU"])
def test_who_lost_the_second_factor_is_told_so(world: World, role: str) -> None:
    person = make.member(role, world.harbor, second_factor=False) if role != "AU" else None
    if person is None:
        person = make.person("An auditor")
        make.engagement_of(world.harbor, person)
    answer = Api(world.harbor, person).get("controls/")
    assert answer.status_code == 403
    assert "second factor" in answer.json()["detail"]


def test_each_read_of_an_auditor_is_logged_by_session_and_by_token(world: World) -> None:
    for api in (world.api("AU"), world.token("AU")):
        before = ReadLogEntry.objects.count()
        assert api.get("controls/?limit=1").status_code == 200
        assert api.get("controls/NONE-99/").status_code == 404
        assert api.get("batches/?oddity=1").status_code == 400
        assert ReadLogEntry.objects.count() == before + 3
        last = ReadLogEntry.objects.latest("pk")
        assert (last.action, last.status) == ("batch.read", 400)
        assert api.post("controls/", {}).status_code == 403


def test_too_many_requests_are_told_when_to_come_back(world: World, settings) -> None:
    settings.PROOFLINE_API_REQUESTS_PER_MINUTE = 3
    one, other = world.token("CA"), world.token("CA")
    statuses = [one.get("controls/?limit=1").status_code for _ in range(7)]
    # A new minute may begin once in between.
    assert statuses.count(429) >= 1
    answer = next(a for a in (one.get("rules/") for _ in range(8)) if a.status_code == 429)
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Try again" in answer.json()["detail"]
    assert other.get("controls/?limit=1").status_code == 200
    assert Api(world.harbor, make.auditor(world.harbor)).get("rules/").status_code == 200
