"""A client answers at /c/SLUG/ and on a host of its own, alike."""

import re
from dataclasses import dataclass

import pytest
from django.core.cache import cache
from django.test import Client as Browser
from django.test import override_settings
from django.urls import get_script_prefix

from tenants.clients.cache import key_of
from tenants.clients.models import Client
from tenants.clients.switch import NoClient, current_client
from tenants.clients.switch import client as at_client
from tests import make

pytestmark = pytest.mark.django_db


@dataclass
class Form:
    """One of the two ways to reach a client."""

    prefix: str
    host: str | None

    def browser(self, user) -> Browser:
        return make.signed_in(user, host=self.host)


@pytest.fixture(autouse=True)
def test_pages():
    with override_settings(CLIENT_URLCONF="tests.tenants.pages"):
        yield


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor", zone="America/New_York", host="harbor.example")


@pytest.fixture(params=["path", "host"])
def form(request: pytest.FixtureRequest, harbor: Client) -> Form:
    return Form("/c/harbor", None) if request.param == "path" else Form("", "harbor.example")


def test_a_view_runs_at_its_client_with_links_that_work_there(harbor: Client, form: Form) -> None:
    answer = form.browser(make.member("CA", harbor)).get(f"{form.prefix}/where/")
    assert answer.status_code == 200
    assert answer.content.decode().splitlines() == [
        "harbor",
        form.prefix,
        f"{form.prefix}/where/",
        "America/New_York",
        "None",
    ]


def test_nothing_of_the_client_is_left_after_the_answer(harbor: Client, form: Form) -> None:
    form.browser(make.member("CA", harbor)).get(f"{form.prefix}/where/")
    assert get_script_prefix() == "/"
    with pytest.raises(NoClient):
        current_client()


def test_an_address_without_its_last_slash_is_led_to_the_one_with_it(harbor: Client, form: Form) -> None:
    answer = form.browser(make.member("CA", harbor)).get(f"{form.prefix}/where?a=1")
    assert (answer.status_code, answer["Location"]) == (301, f"{form.prefix}/where/?a=1")


def test_a_redirect_stays_within_the_client(harbor: Client, form: Form) -> None:
    answer = form.browser(make.member("CA", harbor)).get(f"{form.prefix}/away/")
    assert (answer.status_code, answer["Location"]) == (302, f"{form.prefix}/where/")


def test_signing_in_is_asked_for_at_the_client_itself(harbor: Client, form: Form) -> None:
    answer = form.browser(None).get(f"{form.prefix}/where/?a=1")
    assert answer.status_code == 302
    assert answer["Location"] == f"{form.prefix}/accounts/login/?next={form.prefix}/where/%3Fa%3D1"
    page = form.browser(None).get(answer["Location"])
    assert page.status_code == 200
    assert "Harbor" not in page.content.decode(), "who is not signed in learns no client's name"


def test_each_chunk_of_a_stream_is_made_at_the_client_and_none_is_left_between(
    harbor: Client, form: Form
) -> None:
    answer = form.browser(make.member("CA", harbor)).get(f"{form.prefix}/streams/")
    chunks = iter(answer.streaming_content)
    for number in range(3):
        words = next(chunks).decode().split()
        assert words[:2] == [str(number), "harbor"]
        assert words[2] == '"harbor",'
        assert words[-1] == f"{form.prefix}/where/"
        with pytest.raises(NoClient):
            current_client()
        assert get_script_prefix() == "/"
    assert list(chunks) == []


def test_a_stream_that_is_read_by_another_client_in_between_still_reads_its_own(harbor: Client) -> None:
    other = make.client("larkfield")
    first = make.signed_in(make.member("CA", harbor)).get("/c/harbor/streams/")
    second = make.signed_in(make.member("CA", other)).get("/c/larkfield/streams/")
    slugs = [
        (a.decode().split()[1], b.decode().split()[1])
        for a, b in zip(first.streaming_content, second.streaming_content, strict=True)
    ]
    assert slugs == [("harbor", "larkfield")] * 3


@pytest.mark.parametrize("slug", ["nowhere", "x" * 64, "ä", "harbor%01", "public", "..", "HARBOR", ""])
def test_an_absent_client_and_a_foreign_one_answer_alike(harbor: Client, slug: str) -> None:
    stranger = make.member("CA", make.client("larkfield"))
    for user in (stranger, None):
        foreign = make.signed_in(user).get("/c/harbor/where/")
        absent = make.signed_in(user).get(f"/c/{slug}/where/")
        assert absent.status_code == foreign.status_code == (404 if user else 302)
        if user:
            assert _without_tokens(absent) == _without_tokens(foreign)
        assert sorted(absent.headers) == sorted(foreign.headers)


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize(
    "below",
    [
        "",
        "where",
        "where/",
        "mine/",
        "anyone/",
        "pushed/",
        "undeclared/",
        "nothing/",
        "accounts/login/",
        "accounts/logout/",
        "accounts/password/change/",
        "accounts/second-factor/",
        "accounts/second-factor/code/",
    ],
)
def test_no_page_below_tells_an_absent_client_from_a_foreign_one(
    harbor: Client, below: str, signed_in: bool
) -> None:
    user = make.member("CA", make.client("larkfield")) if signed_in else None
    for method in ("get", "post"):
        answers = [
            getattr(make.signed_in(user), method)(f"/c/{slug}/{below}") for slug in ("harbor", "nowhere")
        ]
        foreign, absent = answers
        assert foreign.status_code == absent.status_code, method
        assert foreign.get("Location", "").replace("harbor", "nowhere") == absent.get("Location", "")
        assert _without_tokens(foreign).replace("harbor", "nowhere") == _without_tokens(absent)
        assert sorted(foreign.headers) == sorted(absent.headers)


def _without_tokens(answer) -> str:
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
    # Its own links carry the address that was asked for, whatever it is.
    return re.sub(r'(href|action|value)="/c/[^"]*?/(accounts/[^"]*|where/)"', r"\2", text)


def test_a_slug_without_a_slash_is_led_on_whether_it_exists_or_not(harbor: Client) -> None:
    for slug in ("harbor", "nowhere"):
        answer = Browser().get(f"/c/{slug}?a=1")
        assert (answer.status_code, answer["Location"]) == (301, f"/c/{slug}/?a=1")
    assert Browser().post("/c/harbor").status_code == 404


@pytest.mark.parametrize(
    "host",
    [
        "elsewhere.example",
        "larkfield.example.evil",
        "",
        "harbor.example@evil",
        "a b",
        "harbor",
        "127.0.0.1.nip",
    ],
)
def test_a_host_that_is_nobodys_is_not_found(harbor: Client, host: str) -> None:
    answer = Browser(HTTP_HOST=host).get("/accounts/login/")
    assert answer.status_code == 404
    assert host not in answer.content.decode() or not host


def test_a_host_is_known_in_any_spelling(harbor: Client) -> None:
    browser = make.signed_in(make.member("CA", harbor), host="HARBOR.example.:8443")
    assert browser.get("/where/").status_code == 200


def test_the_path_form_is_not_served_on_a_host_of_a_clients_own(harbor: Client) -> None:
    make.client("larkfield")
    browser = make.signed_in(make.member("CA", harbor), host="harbor.example")
    assert browser.get("/c/larkfield/where/").status_code == 404
    assert browser.get("/c/harbor/where/").status_code == 404


def test_two_clients_never_share_an_entry_of_the_cache(harbor: Client) -> None:
    other = make.client("larkfield")
    with at_client(harbor):
        cache.set("figure", "of harbor")
    with at_client(other):
        assert cache.get("figure") is None
    assert cache.get("figure") is None
    with at_client(harbor):
        assert cache.get("figure") == "of harbor"


def test_throttles_count_alike_at_every_address(harbor: Client) -> None:
    with at_client(harbor):
        inside = key_of("allauth:rl:login:1.2.3.4", "", 1)
    assert inside == key_of("allauth:rl:login:1.2.3.4", "", 1)
