"""The admin of a client: the policy decides who sees and changes what, by whatever request."""

import datetime
import json
import re
from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.urls import include, path

from controls.catalogue.admin import ControlAdmin
from controls.catalogue.models import Control
from controls.exceptions.models import ControlException
from controls.models import ControlHistory
from controls.results.models import RuleSetting
from evidence.intake.models import Source
from evidence.ledger.models import LedgerEntry
from tenants.access import checks
from tenants.access.admin import PolicyAdmin
from tenants.access.adminsite import ClientAdminSite, site
from tenants.access.checks import admin_classes_ask_the_policy, routes
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client
from tenants.members.models import Membership, User
from tests import make

ADMIN = "/c/harbor/admin/"
CONTROL = f"{ADMIN}controls/control/AC-01/change/"
INSIDE = ("MA", "AN", "CA", "CO")
STRICT = "script-src 'self'"


def browser_of(role: str, harbor: Client) -> object:
    return make.signed_in(make.auditor(harbor) if role == "AU" else make.member(role, harbor))


def form_of(browser, address: str, **changed: str) -> dict[str, str]:
    """The fields of a form as the page shows them, with changes."""
    page = browser.get(address).content.decode()
    found = {}
    for tag in re.findall(r"<input [^>]*>", page):
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and 'type="checkbox"' not in tag:
            found[name[1]] = value[1] if value else ""
    texts = re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\s?(.*?)</textarea>', page, re.DOTALL)
    found |= dict(texts)
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)"[^>]*selected', options)
        found[name] = chosen[1] if chosen else ""
    return {**found, **changed}


def addresses() -> Iterator[str]:
    for route in routes("config.urls_client"):
        if route.pattern.startswith("admin/"):
            yield f"/c/harbor/{route.pattern.replace('<path:object_id>', 'AC-01')}"


# Who ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", INSIDE)
def test_who_has_the_admin_sees_its_start(harbor: Client, role: str) -> None:
    answer = browser_of(role, harbor).get(ADMIN)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "<title>" in page
    assert "Harbor · Proofline" in page
    assert ("Engagements" in page) == (role != "CO")
    assert "Controls" in page


@pytest.mark.parametrize("role", ["EM", "AU"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_for_employees_and_auditors_there_is_none(harbor: Client, role: str, method: str) -> None:
    browser = browser_of(role, harbor)
    found = list(addresses())
    assert len(found) > 15
    answers = {each: getattr(browser, method)(each).status_code for each in found}
    assert set(answers.values()) == {404}, answers


def test_being_called_staff_or_superuser_decides_nothing(harbor: Client) -> None:
    user = make.member("EM", harbor)
    user.is_staff = user.is_superuser = True
    user.save()
    assert make.signed_in(user).get(ADMIN).status_code == 404


def test_nobody_is_sent_to_the_portals_own_sign_in(harbor: Client) -> None:
    answer = make.signed_in(None).get(CONTROL)
    assert (answer.status_code, answer["Location"]) == (302, f"/c/harbor/accounts/login/?next={CONTROL}")


@pytest.mark.parametrize(
    "path_", ["login/", "logout/", "password_change/", "autocomplete/", "jsi18n/", "search/", "controls/", "r/1/2/",
              "controls/control/add/", "controls/control/AC-01/delete/", "auth/group/", "tenants/user/",
              "evidence/ledgerentry/", "evidence/batch/", "evidence/event/", "controls/tally/"],
)  # fmt: skip
def test_what_nobody_needs_does_not_exist(harbor: Client, path_: str) -> None:
    assert browser_of("CA", harbor).get(f"{ADMIN}{path_}").status_code == 404


def test_it_is_in_a_clients_own_address_alone(db: None) -> None:
    assert not [route for route in routes("config.urls") if "admin" in route.pattern]
    with at_client(make.client("harbor", host="harbor.example")) as harbor:
        browser = make.signed_in(make.member("CA", harbor), host="harbor.example")
        assert browser.get("/admin/").status_code == 200


# What is seen ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("object_id", ["XX-99", "..%2F..", "%01", "_2F", "1" * 400])
def test_what_is_absent_is_not_found(harbor: Client, object_id: str) -> None:
    answer = browser_of("CA", harbor).get(f"{ADMIN}controls/control/{object_id}/change/")
    assert answer.status_code == 404


def test_another_clients_people_and_audits_are_not_found(db: None) -> None:
    harbor, larkfield = make.client("harbor"), make.client("larkfield")
    member = Membership.objects.get(user=make.member("CO", larkfield))
    audit = make.engagement_of(larkfield, firm="Their firm")
    browser = browser_of("CA", harbor)
    assert browser.get(f"{ADMIN}tenants/membership/{member.pk}/change/").status_code == 404
    assert browser.get(f"{ADMIN}tenants/engagement/{audit.pk}/change/").status_code == 404
    assert "Their firm" not in browser.get(f"{ADMIN}tenants/engagement/").content.decode()
    assert str(member.user) not in browser.get(f"{ADMIN}tenants/membership/").content.decode()


def test_an_owner_sees_the_sources_and_accounts_of_their_controls_alone(harbor: Client) -> None:
    make.take_in(make.listing(make.NOON, users={"alice": True}))
    source = Source.objects.get()
    owner, other = make.member("CO", harbor), make.member("CO", harbor)
    Control.objects.filter(procedures__ref="R01").update(owner=owner.pk)
    for user, seen in ((owner, True), (other, False)):
        browser = make.signed_in(user)
        sources = browser.get(f"{ADMIN}evidence/source/").content.decode()
        accounts = browser.get(f"{ADMIN}evidence/account/").content.decode()
        assert (f"/evidence/source/{source.pk}/change/" in sources) == seen
        assert ("alice" in accounts) == seen
        status = browser.get(f"{ADMIN}evidence/source/{source.pk}/change/").status_code
        assert status == (200 if seen else 404)


# What is changed ────────────────────────────────────────────────────────────────────────────────────


def test_an_owner_edits_their_control_and_a_leaf_and_a_version_say_so(harbor: Client) -> None:
    owner = make.member("CO", harbor)
    Control.objects.filter(pk="AC-01").update(owner=owner.pk, version=1)
    browser = make.signed_in(owner)
    leaves = LedgerEntry.objects.filter(kind="settings")
    answer = browser.post(CONTROL, form_of(browser, CONTROL, statement="Access is granted by ticket."))
    assert answer.status_code == 302, re.findall(r"<ul class=.errorlist.*?</ul>", answer.content.decode())
    control = Control.objects.get(pk="AC-01")
    assert (control.statement, control.version, control.owner) == (
        "Access is granted by ticket.",
        2,
        owner.pk,
    )
    leaf = LedgerEntry.objects.latest("seq")
    assert leaves.count() == 1
    told = json.loads(bytes(leaf.leaf))
    assert (told["kind"], told["ref"], told["actor"]) == ("settings", "control:AC-01", str(owner.pk))
    assert told["meta"]["statement"]["to"] == "Access is granted by ticket."
    kept = ControlHistory.objects.latest("pgh_id")
    assert (kept.pgh_context["way"], kept.pgh_context["user"]) == ("admin", str(owner.pk))
    assert LogEntry.objects.count() == 0


def test_an_owner_is_refused_in_words_for_a_control_that_is_not_theirs(harbor: Client) -> None:
    browser = browser_of("CO", harbor)
    assert browser.get(CONTROL).status_code == 200
    answer = browser.post(CONTROL, {"statement": "Mine now"})
    assert answer.status_code == 403
    assert "only for what is yours" in answer.content.decode()
    assert Control.objects.get(pk="AC-01").statement != "Mine now"


def test_an_owner_cannot_give_the_control_away_nor_change_what_is_derived(harbor: Client) -> None:
    owner, other = make.member("CO", harbor), make.member("CO", harbor)
    Control.objects.filter(pk="AC-01").update(owner=owner.pk)
    derived = Control.objects.filter(pk="AC-01").values(
        "criteria", "key", "status", "owner", "id", "in_operation_from"
    )
    before = derived.get()
    browser = make.signed_in(owner)
    forged = form_of(
        browser, CONTROL, owner=str(other.pk), key="", status="retired", criteria="CC1.1", id="AC-99", version="99",
        statement="Changed",
    )  # fmt: skip
    assert browser.post(CONTROL, forged).status_code == 302
    assert derived.get() == before
    control = Control.objects.get(pk="AC-01")
    assert (control.statement, control.version) == ("Changed", 2)


@pytest.mark.parametrize("role", ["AN", "CA"])
def test_who_may_assigns_an_owner_among_the_clients_members(harbor: Client, role: str) -> None:
    owner, stranger = make.member("CO", harbor), make.person("A stranger")
    browser = browser_of(role, harbor)
    assert browser.post(CONTROL, form_of(browser, CONTROL, owner=str(owner.pk))).status_code == 302
    assert Control.objects.get(pk="AC-01").owner == owner.pk
    assert browser.post(CONTROL, form_of(browser, CONTROL, owner=str(stranger.pk))).status_code == 200
    assert Control.objects.get(pk="AC-01").owner == owner.pk


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("statement", "  ", "This field is required"),
        ("frequency", "often", "is no frequency"),
        ("nature", "X-Y", "is no nature"),
        ("design_reviewed", "2999-01-01", "a day that is past"),
    ],
)
def test_what_a_control_cannot_be_is_said_and_what_was_typed_stays(
    harbor: Client, field: str, value: str, words: str
) -> None:
    browser = browser_of("CA", harbor)
    answer = browser.post(CONTROL, form_of(browser, CONTROL, **{field: value}))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert value in answer.content.decode()


def test_of_two_browsers_the_second_overwrites_nothing(harbor: Client) -> None:
    one, two = browser_of("CA", harbor), browser_of("AN", harbor)
    first, second = (form_of(each, CONTROL, statement=f"By {n}") for n, each in enumerate((one, two)))
    assert one.post(CONTROL, first).status_code == 302
    answer = two.post(CONTROL, second)
    assert answer.status_code == 200
    assert "changed by somebody else meanwhile" in answer.content.decode()
    assert "By 1" in answer.content.decode()
    assert Control.objects.get(pk="AC-01").statement == "By 0"


def test_a_rule_is_set_by_a_new_version(harbor: Client) -> None:
    browser = browser_of("CA", harbor)
    address = f"{ADMIN}controls/rulesetting/add/"
    wrong = browser.post(address, {"rule": "R01", "values": '{"acepted_factors": ["otp"]}', "enabled": "on"})
    assert wrong.status_code == 200
    assert "Did you mean" in wrong.content.decode()
    answer = browser.post(
        address, {"rule": "R01", "values": '{"accepted_factors": ["webauthn"]}', "enabled": "on"}
    )
    assert answer.status_code == 302
    made = RuleSetting.objects.get()
    assert (made.values, made.enabled, made.by is not None) == (
        {"accepted_factors": ["webauthn"]},
        True,
        True,
    )
    assert LedgerEntry.objects.latest("seq").ref == "rule:R01"
    one = f"{ADMIN}controls/rulesetting/{made.pk}/change/"
    assert browser.get(one).status_code == 200
    assert browser.post(one, {"rule": "R01", "values": "{}"}).status_code == 405
    assert browser_of("CO", harbor).post(address, {"rule": "R01", "values": "{}"}).status_code == 403
    assert RuleSetting.objects.count() == 1


def test_a_sources_scope_is_changed_by_who_may(harbor: Client) -> None:
    source = make.source()
    address = f"{ADMIN}evidence/source/{source.pk}/change/"
    browser = browser_of("CA", harbor)
    forged = form_of(browser, address, in_scope_from="2026-01-01", slug="other", state="retired")
    assert browser.post(address, forged).status_code == 302
    source.refresh_from_db()
    assert (source.slug, source.state, source.in_scope_from) == ("aws", "active", datetime.date(2026, 1, 1))
    assert LedgerEntry.objects.latest("seq").ref == "source:aws"
    owner = make.member("CO", harbor)
    Control.objects.filter(procedures__ref="R01").update(owner=owner.pk)
    assert make.signed_in(owner).post(address, {"in_scope_from": ""}).status_code == 403


# Batch edits and forged requests ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", [*INSIDE, "EM", "AU"])
def test_nobody_changes_many_at_once_by_a_forged_request(harbor: Client, role: str) -> None:
    make.take_in(make.log_file([make.sign_in("root")]))
    browser = browser_of(role, harbor)
    kinds = {
        "controls/control": Control, "controls/controlexception": ControlException, "evidence/source": Source,
        "controls/rulesetting": RuleSetting, "tenants/membership": Membership,
    }  # fmt: skip
    before = {model: list(model.objects.order_by("pk").values()) for model in kinds.values()}
    for kind, model in kinds.items():
        keys = [str(row.pk) for row in model.objects.all()[:3]]
        batches = (
            {"action": "delete_selected", "_selected_action": keys, "post": "yes"},
            {
                "_save": "Save",
                "form-TOTAL_FORMS": "1",
                "form-INITIAL_FORMS": "1",
                "form-0-id": keys[:1],
                "form-0-key": "",
            },
        )
        for given in batches:
            status = browser.post(f"{ADMIN}{kind}/", given).status_code
            assert status == (404 if role in ("EM", "AU") else 405), (kind, status)
    assert {model: list(model.objects.order_by("pk").values()) for model in kinds.values()} == before


@pytest.mark.parametrize("role", [*INSIDE, "EM", "AU"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_what_has_no_act_takes_no_request(harbor: Client, role: str, method: str) -> None:
    make.take_in(make.log_file([make.sign_in("root")]))
    member = Membership.objects.get(user=make.member("CO", harbor))
    audit = make.engagement_of(harbor)
    exception = ControlException.objects.get()
    browser = browser_of(role, harbor)
    for below in (
        f"controls/controlexception/{exception.pk}", f"tenants/membership/{member.pk}",
        f"tenants/engagement/{audit.pk}", "evidence/account/1",
    ):  # fmt: skip
        answer = getattr(browser, method)(f"{ADMIN}{below}/change/", {"state": "closed", "role": "CA"})
        assert answer.status_code == (404 if role in ("EM", "AU") else 405), (below, answer.status_code)
    exception.refresh_from_db()
    member.refresh_from_db()
    assert (exception.state, member.role) == ("open", "CO")


def test_a_request_without_its_token_is_refused(harbor: Client) -> None:
    browser = browser_of("CA", harbor)
    browser.handler.enforce_csrf_checks = True
    assert browser.post(CONTROL, {"statement": "Forged"}).status_code == 403


# History, policy of content, checks ─────────────────────────────────────────────────────────────────


def test_an_objects_history_is_its_part_of_the_clients(harbor: Client) -> None:
    address = f"{ADMIN}controls/control/AC-01/history/"
    answer = browser_of("CA", harbor).get(address)
    assert (answer.status_code, answer["Location"]) == (302, "/c/harbor/history/?thing=control&ref=AC-01")
    assert browser_of("CO", harbor).get(address).status_code == 403
    assert address in browser_of("CA", harbor).get(CONTROL).content.decode()
    assert "/history/" not in browser_of("CO", harbor).get(CONTROL).content.decode()
    assert browser_of("CA", harbor).get(f"{ADMIN}controls/control/XX-1/history/").status_code == 404


def test_the_policy_of_content_is_looser_in_the_admin_alone(harbor: Client) -> None:
    browser = browser_of("CA", harbor)
    for address in (ADMIN, CONTROL, f"{ADMIN}controls/control/"):
        policy = browser.get(address)["Content-Security-Policy"]
        assert "'unsafe-eval'" in policy
        assert "http" not in policy
    for route in routes("config.urls_client"):
        if "<" in route.pattern or route.pattern.startswith("admin/"):
            continue
        answer = browser.get(f"/c/harbor/{route.pattern}")
        assert "unsafe" not in answer.get("Content-Security-Policy", ""), route.pattern
    assert "unsafe" not in browser.get(f"{ADMIN}nothing/")["Content-Security-Policy"]


def test_nothing_on_its_pages_comes_from_another_host(harbor: Client) -> None:
    browser = browser_of("CA", harbor)
    for address in (ADMIN, CONTROL, f"{ADMIN}controls/control/", f"{ADMIN}controls/rulesetting/add/"):
        page = browser.get(address).content.decode()
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*"', page) == []
        assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page)


@pytest.fixture
def other_site(monkeypatch: pytest.MonkeyPatch) -> ClientAdminSite:
    other = ClientAdminSite(name="other")
    monkeypatch.setattr("tenants.access.adminsite.site", other)
    return other


def test_the_shipped_classes_ask_the_policy() -> None:
    assert admin_classes_ask_the_policy() == []
    assert len(site._registry) >= 7


@pytest.mark.parametrize(
    ("model", "attributes", "code"),
    [
        (Control, {}, "access.E006"),
        (Control, {"view_action": "control.reed"}, "access.E007"),
        (Control, {"view_action": "control.read", "change_action": "control.edit"}, "access.E008"),
        (
            Control,
            {"view_action": "control.read", "list_display": ("id", "key"), "list_editable": ("key",)},
            "access.E008",
        ),
        (Membership, {"view_action": "member.read"}, "access.E009"),
    ],
)
def test_a_class_that_does_not_ask_stops_the_start_by_name(
    other_site: ClientAdminSite, model: type, attributes: dict, code: str
) -> None:
    other_site.register(model, type("Forgetful", (PolicyAdmin,), attributes))
    found = admin_classes_ask_the_policy()
    assert code in [each.id for each in found]
    assert all("Forgetful" in each.msg for each in found)
    with pytest.raises(ImproperlyConfigured, match="Forgetful"):
        checks.refuse_undeclared()


def test_an_admin_view_without_an_action_is_named_and_not_answered(harbor: Client) -> None:
    class Undeclared(ControlAdmin):
        def get_urls(self):
            return [path("more/", self.admin_site.admin_view(self.changelist_view), name="more")]

    other = ClientAdminSite(name="other")
    other.register(Control, Undeclared)
    module = type(
        "urls", (), {"urlpatterns": [path("admin/", other.urls), path("", include("tenants.members.urls"))]}
    )
    import sys

    sys.modules["urls_of_an_admin"] = module  # type: ignore[assignment]
    with override_settings(CLIENT_URLCONF="urls_of_an_admin"):
        assert any(
            "more/" in each.msg and each.id == "access.E001" for each in checks.views_declare_an_action()
        )
        assert browser_of("CA", harbor).get(f"{ADMIN}controls/control/more/").status_code == 404


def test_lists_ask_as_much_for_many_rows_as_for_few(
    harbor: Client, django_assert_num_queries, django_assert_max_num_queries
) -> None:
    browser = browser_of("CA", harbor)
    for below in ("controls/rulesetting/", "tenants/membership/"):
        with django_assert_max_num_queries(30) as first:
            browser.get(f"{ADMIN}{below}")
        for number in range(40):
            user = User.objects.create(email=f"n{number}{below[:3]}@example.org")
            Membership.objects.create(user=user, client=harbor, role="EM")
            at = make.NOON + datetime.timedelta(hours=number)
            RuleSetting.objects.create(rule="R01", valid_from=at, by=user.pk)
        with django_assert_num_queries(len(first)):
            browser.get(f"{ADMIN}{below}")
        RuleSetting.objects.all().delete()
