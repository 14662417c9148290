"""The bell, the list and the settings, at the portal and at a client."""

import datetime
import re
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.access.policy import judged_some, standing
from tenants.clients.models import Client
from tenants.clients.switch import public
from tenants.members.models import Assignment, Membership, User
from tenants.members.services import give_role
from tenants.notifications.kinds import kind_of, kinds
from tenants.notifications.models import Notification, NotificationSetting
from tenants.notifications.selectors import visible
from tenants.notifications.services import notify
from tests import make

AT = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
BELL = re.compile(r'class="bell" href="([^"]+)" aria-label="([^"]+)"')


def told(
    user: User, client: Client | None, *, n: int = 1, kind: str = "engagement_opened", **more: Any
) -> None:
    notify(
        [user],
        **{
            "kind": kind,
            "subject": f"Thing {n} of {client or 'the portal'}",
            "url": f"things/{n}/",
            "client": client,
            "at": AT,
            "dedup": str(n),
        }
        | more,
    )


@pytest.fixture
def larkfield(harbor: Client) -> Client:
    with public():
        return make.client("larkfield")


def test_the_bell_counts_what_is_unread_where_one_is(harbor: Client, larkfield: Client) -> None:
    analyst = make.member("AN", harbor)
    Assignment.objects.create(user=analyst, client=larkfield)
    browser = make.signed_in(analyst)
    for n in range(3):
        told(analyst, harbor, n=n)
    told(analyst, larkfield)
    pages = {"/": 4, "/c/harbor/": 3, "/c/larkfield/": 1}
    for path, count in pages.items():
        (bell,) = BELL.findall(browser.get(path).content.decode())
        root = path if path.startswith("/c/") else "/"
        assert bell == (f"{root}notifications/", f"Notifications, {count} unread")
    for n in range(150):
        told(analyst, larkfield, n=1000 + n)
    assert ">99+</span>" in browser.get("/").content.decode()
    assert "bell" not in make.signed_in(None).get("/accounts/login/").content.decode()


def test_a_list_holds_what_is_from_here_and_leads_to_it(harbor: Client, larkfield: Client) -> None:
    analyst = make.member("AN", harbor)
    Assignment.objects.create(user=analyst, client=larkfield)
    browser = make.signed_in(analyst)
    told(analyst, harbor)
    told(analyst, larkfield)
    told(analyst, None, url="")
    shown = {
        path: re.findall(
            r">(Thing 1 of [^<]+)</button>", browser.get(f"{path}notifications/").content.decode()
        )
        for path in ("/", "/c/harbor/")
    }
    assert sorted(shown["/"]) == ["Thing 1 of Harbor", "Thing 1 of Larkfield", "Thing 1 of the portal"]
    assert shown["/c/harbor/"] == ["Thing 1 of Harbor"]
    leads = {}
    for row in Notification.objects.all():
        answer = browser.post(f"/notifications/{row.pk}/open/")
        leads[str(row.client)] = answer["Location"]
    assert leads == {"Harbor": "/c/harbor/things/1/", "Larkfield": "/c/larkfield/things/1/", "None": "/"}
    assert not Notification.objects.filter(read_at=None).exists()
    assert "Nothing is unread" in browser.get("/notifications/?show=unread").content.decode()


def test_one_or_all_can_be_marked_as_read(harbor: Client, larkfield: Client) -> None:
    analyst = make.member("AN", harbor)
    Assignment.objects.create(user=analyst, client=larkfield)
    browser = make.signed_in(analyst)
    for n in range(3):
        told(analyst, harbor, n=n)
    told(analyst, larkfield)
    one = Notification.objects.filter(client=harbor)[0]
    assert browser.post(f"/c/harbor/notifications/{one.pk}/read/").status_code == 302
    one.refresh_from_db()
    assert one.read_at is not None
    browser.post("/c/harbor/notifications/read/")
    assert Notification.objects.filter(read_at=None).get().client == larkfield
    browser.post("/notifications/read/")
    assert not Notification.objects.filter(read_at=None).exists()
    one_again = Notification.objects.get(pk=one.pk)
    assert one_again.read_at == one.read_at


def test_nobody_opens_or_marks_anothers(harbor: Client) -> None:
    mine, other = make.member("CA", harbor), make.member("CA", harbor)
    told(other, harbor)
    row = Notification.objects.get()
    browser = make.signed_in(mine)
    for act in ("open", "read"):
        assert browser.post(f"/c/harbor/notifications/{row.pk}/{act}/").status_code == 404
    browser.post("/c/harbor/notifications/read/")
    row.refresh_from_db()
    assert row.read_at is None
    assert "Thing 1" not in browser.get("/c/harbor/notifications/").content.decode()


def test_what_was_told_goes_with_the_role_that_let_one_know(harbor: Client, larkfield: Client) -> None:
    user = make.member("CA", harbor)
    give_role(user, "CA", client=larkfield)
    told(user, harbor, kind="breakglass_opened")
    told(user, larkfield)
    browser = make.signed_in(user)
    assert "of Harbor" in browser.get("/notifications/").content.decode()
    give_role(user, "CO", client=harbor)  # who may not read of break-glass
    text = browser.get("/notifications/").content.decode()
    assert "of Harbor" not in text
    assert "of Larkfield" in text
    Membership.objects.filter(user=user, client=larkfield).update(active=False)
    text = browser.get("/notifications/").content.decode()
    assert "of Larkfield" not in text
    assert browser.get("/c/larkfield/notifications/").status_code == 404


def test_the_portals_list_says_what_the_policy_says(harbor: Client, larkfield: Client) -> None:
    """Everybody, every kind, at both clients: one query for many clients against the policy asked for each."""
    today = timezone.now().date()
    day = datetime.timedelta(days=1)
    insider = make.auditor(harbor)
    Membership.objects.create(user=insider, client=harbor, role="CA")
    Membership.objects.create(user=insider, client=larkfield, role="EM")
    analyst_and_admin = make.member("AN", harbor)
    with public():
        elsewhere = make.member("MA", larkfield)
    give_role(analyst_and_admin, "CA", client=larkfield)
    gone = make.member("CA", harbor)
    Membership.objects.filter(user=gone).update(active=False)
    formerly_mssp = make.member("AN", harbor)
    Membership.objects.filter(user=formerly_mssp).update(active=False)
    people = [
        *(make.member(role, harbor) for role in ("MA", "AN", "CA", "CO", "EM")),
        make.auditor(harbor),
        make.auditor(harbor, access=(today + 2 * day, today + 9 * day)),
        make.auditor(harbor, access=(today - 9 * day, today - 2 * day)),
        insider,
        analyst_and_admin,
        elsewhere,
        gone,
        formerly_mssp,
        make.person(),
    ]
    asked = 0
    for user in people:
        for client in (harbor, larkfield):
            for kind in kinds():
                told(user, client, kind=kind.key)
        at = timezone.now()
        shown = set(visible(standing(user, None, at=at)).values_list("client__slug", "kind"))
        for row in Notification.objects.filter(user=user).select_related("client"):
            assert row.client is not None
            place = standing(user, row.client, at=at)
            want = judged_some(place, kind_of(row.kind).action)
            asked += 1
            assert ((row.client.slug, row.kind) in shown) is want, (user, row.client, row.kind)
            assert visible(place).filter(pk=row.pk).exists() is want
    assert asked == len(people) * 2 * len(kinds())


def test_an_auditor_is_led_to_the_portal_where_reading_can_be_noted(harbor: Client) -> None:
    auditor = make.auditor(harbor)
    told(auditor, harbor)
    browser = make.signed_in(auditor)
    row = Notification.objects.get()
    for path in ("notifications/", "notifications/settings/"):
        assert browser.get(f"/c/harbor/{path}")["Location"] == f"/{path}"
    for path in ("notifications/read/", f"notifications/{row.pk}/open/", f"notifications/{row.pk}/read/"):
        assert browser.post(f"/c/harbor/{path}")["Location"] == "/notifications/"
    row.refresh_from_db()
    assert row.read_at is None
    assert browser.post(f"/notifications/{row.pk}/open/")["Location"] == "/c/harbor/things/1/"
    row.refresh_from_db()
    assert row.read_at is not None
    assert browser.post("/notifications/settings/", _choice("off")).status_code == 302


def _choice(mail: str, hour: int = 6, zone: str = "Pacific/Auckland") -> dict[str, Any]:
    return {"mail": mail, "digest_hour": hour, "zone": zone}


def test_how_one_is_mailed_is_kept_and_nonsense_is_refused_in_words(harbor: Client) -> None:
    user = make.member("CO", harbor)
    browser = make.signed_in(user)
    page = browser.get("/c/harbor/notifications/settings/").content.decode()
    assert "Notification settings" in page
    assert "Break-glass entry opened" not in page  # a control owner is never told of one
    for wrong in (
        _choice("daily"),
        _choice("off", 24),
        _choice("off", 6, "Mars/Olympus"),
        {"mail": "off\x07"},
    ):
        answer = browser.post("/c/harbor/notifications/settings/", wrong)
        assert answer.status_code == 200
        assert 'class="wrong"' in answer.content.decode()
    assert browser.post("/c/harbor/notifications/settings/", _choice("digest")).status_code == 302
    found = NotificationSetting.objects.get(user=user)
    assert (found.mail, found.digest_hour, found.zone) == ("digest", 6, "Pacific/Auckland")


def test_the_daily_mail_starts_in_the_zone_of_ones_client(db: None) -> None:
    berlin = make.client("spree", zone="Europe/Berlin")
    user = make.member("CA", berlin)
    browser = make.signed_in(user)
    assert (
        '<option value="Europe/Berlin" selected>'
        in browser.get("/c/spree/notifications/settings/").content.decode()
    )


def test_a_list_needs_as_many_queries_at_a_thousand_rows_as_at_ten(harbor: Client) -> None:
    analyst = make.member("AN", harbor)
    with public():
        for number in range(20):
            Assignment.objects.create(user=analyst, client=make.bare_client(f"c{number}"))
    clients = list(Client.objects.all())
    browser = make.signed_in(analyst)
    browser.get("/notifications/")

    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert browser.get("/notifications/").status_code == 200
        return len(queries)

    for n in range(10):
        told(analyst, clients[n], n=n)
    few = asked()
    for n in range(10, 1000):
        told(analyst, clients[n % len(clients)], n=n)
    assert asked() == few


def test_a_clients_own_host_shows_its_own_alone(db: None) -> None:
    harbor = make.client("harbor", host="harbor.example")
    analyst = make.member("AN", harbor)
    with public():
        larkfield = make.client("larkfield")
    Assignment.objects.create(user=analyst, client=larkfield)
    told(analyst, harbor)
    told(analyst, larkfield)
    browser = make.signed_in(analyst, host="harbor.example")
    text = browser.get("/notifications/").content.decode()
    assert "of Harbor" in text
    assert "arkfield" not in text
    row = Notification.objects.get(client=harbor)
    assert browser.post(f"/notifications/{row.pk}/open/")["Location"] == "/things/1/"
    foreign = Notification.objects.get(client=larkfield)
    assert browser.post(f"/notifications/{foreign.pk}/open/").status_code == 404
    auditor = make.auditor(harbor)
    with override_settings(PROOFLINE_BASE_URL="https://soc.example"):
        answer = make.signed_in(auditor, host="harbor.example").get("/notifications/")
    assert answer["Location"] == "https://soc.example/notifications/"
