"""Invitations: who may make them, what the mail says, and everything that their link must not do."""

import datetime
import re
from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.test import override_settings
from django.utils import timezone

from tenants.clients.models import Client
from tenants.invitations import services
from tenants.invitations.mailing import send
from tenants.invitations.models import Invitation
from tenants.invitations.services import InvitationRefused, Issued, NotOpen
from tenants.members.models import Membership, Role, User
from tests import make
from tests.tenants.reading import acts_of, text_of

pytestmark = pytest.mark.django_db

KIM = {"email": "kim@harbor.example", "name": "Kim Frei"}
PASSWORDS = {"password1": "four good words here", "password2": "four good words here"}
NEW = {"name": "Kim Frei", **PASSWORDS}
INVITE = "/c/harbor/settings/people/invite/"


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def harbor() -> Client:
    return make.client("harbor", name="Harbor Ledger", zone="Europe/Zurich", host="harbor.example")


def now() -> datetime.datetime:
    return timezone.now()


def invited(place: Client | None, role: str = "CO", *, by: User | None = None, **more: object) -> Issued:
    given = {**KIM, "role": role, "by": by, "at": now(), **more}
    return services.invite_staff(**given) if place is None else services.invite_member(place, **given)


def path_of(issued: Issued, prefix: str = "/c/harbor/") -> str:
    return f"{prefix}invitations/{issued.secret}/"


# Who may ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("role", "assigned", "status"),
    [("CA", True, 302), ("MA", True, 302), ("MA", False, 404), ("AN", True, 403), ("CO", True, 403),
     ("EM", True, 403), ("AU", True, 403)],
)  # fmt: skip
def test_who_may_invite_to_a_client(harbor: Client, role: str, assigned: bool, status: int) -> None:
    user = make.auditor(harbor) if role == "AU" else make.member(role, harbor, assigned=assigned)
    browser = make.signed_in(user)
    answer = browser.post(INVITE, {**KIM, "role": "CO"})
    assert answer.status_code == status
    assert Invitation.objects.count() == len(mail.outbox) == (status == 302)
    assert browser.get(INVITE).status_code == (200 if status == 302 else status)


def test_who_may_invite_staff_and_only_with_a_fresh_factor(harbor: Client) -> None:
    form = {**KIM, "role": "AN"}
    administrator = make.member("MA")
    asked = make.signed_in(administrator).post("/staff/invite/", form)
    assert asked["Location"].startswith("/accounts/second-factor/again/")
    assert not Invitation.objects.exists()
    assert make.stepped_up(administrator).post("/staff/invite/", form)["Location"] == "/staff/"
    assert Invitation.objects.get().role == "AN"
    for role in ("AN", "CA", "CO", "EM"):
        assert make.stepped_up(make.member(role, harbor)).post("/staff/invite/", form).status_code == 403


@pytest.mark.parametrize("role", ["MA", "AN", "AU", "XX", ""])
def test_a_role_of_elsewhere_cannot_be_given_away(harbor: Client, role: str) -> None:
    answer = make.signed_in(make.member("CA", harbor)).post(INVITE, {**KIM, "role": role})
    assert answer.status_code == 400
    with pytest.raises(InvitationRefused, match="no such role"):
        invited(harbor, role)
    assert not Invitation.objects.exists()


def test_an_auditor_is_invited_to_an_engagement(harbor: Client) -> None:
    administrator = make.member("CA", harbor)
    engagement = make.engagement_of(harbor)
    issued = services.invite_auditor(engagement, **KIM, by=administrator, at=now())
    assert Browser().post(path_of(issued), NEW).status_code == 302
    user = User.objects.get(email=KIM["email"])
    assert list(engagement.auditors.all()) == [user]
    assert not user.memberships.exists()
    browser = make.signed_in(user)
    assert browser.get("/c/harbor/")["Location"].endswith("/accounts/second-factor/authenticator/")


def test_an_engagement_that_is_over_takes_nobody(harbor: Client) -> None:
    engagement = make.engagement_of(harbor)
    issued = services.invite_auditor(engagement, **KIM, by=None, at=now())
    engagement.closed_at = now()
    engagement.save()
    assert Browser().get(path_of(issued)).status_code == 410
    with pytest.raises(InvitationRefused, match="over"):
        services.invite_auditor(engagement, email="lee@firm.example", name="Lee", by=None, at=now())


def test_who_is_there_or_invited_already_is_told_in_words(harbor: Client) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    there = make.member("CO", harbor)
    gone = make.member("CO", harbor)
    Membership.objects.filter(user=gone).update(active=False)
    auditor = make.auditor(harbor)
    invited(harbor)
    for email, words in (
        (there.email.upper(), "is a member of Harbor Ledger already. Change the role"),
        (gone.email, "was a member of Harbor Ledger already. Reactivate"),
        (auditor.email, "an auditor must be independent"),
        ("KIM@harbor.example", "is invited already"),
    ):
        answer = browser.post(INVITE, {"email": email, "name": "Kim", "role": "EM"})
        assert answer.status_code == 400
        assert words in text_of(answer)
    engagement = make.engagement_of(harbor)
    with pytest.raises(InvitationRefused, match="independent"):
        services.invite_auditor(engagement, email=there.email, name="X", by=None, at=now())


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "Kim\r\nBcc: all@evil.example"), ("name", "Kim\nFrei"), ("name", "Kim\x00"), ("name", "Kim\u202efdp"),
     ("name", "Kim\u2028Frei"), ("name", ""), ("name", "x" * 151),
     ("email", "kim@harbor.example\nBcc: all@evil.example"), ("email", "kim@harbor.example\x00"), ("email", "kim"),
     ("email", "kim@harbor.example, lee@harbor.example"), ("email", f"{'k' * 250}@harbor.example"),
     ("email", "\"kim\r\n\"@harbor.example"), ("email", "")],
)  # fmt: skip
def test_what_could_break_out_of_a_header_is_refused_in_words(harbor: Client, field: str, value: str) -> None:
    form = {**KIM, "role": "CO", field: value}
    answer = make.signed_in(make.member("CA", harbor)).post(INVITE, form)
    assert answer.status_code == 400
    with pytest.raises(InvitationRefused):
        services.invite_member(harbor, **form, by=None, at=now())
    assert Invitation.objects.count() == len(mail.outbox) == 0


@pytest.mark.parametrize("packed", [True, False])
def test_a_form_of_ten_megabytes_is_refused_in_words(harbor: Client, packed: bool) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    body = {"data": {**KIM, "name": "x" * 10_000_000}}
    if packed:
        body = {"data": "name=" + "x" * 10_000_000, "content_type": "application/x-www-form-urlencoded"}
    for path in (INVITE, path_of(invited(harbor))):
        answer = browser.post(path, **body)
        assert answer.status_code == 413
        assert "larger than any form" in text_of(answer)
        assert len(answer.content) < 20_000


# The mail ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_mail_says_who_where_as_what_until_when_and_nothing_is_kept_that_opens(harbor: Client) -> None:
    administrator = make.member("CA", harbor)
    make.signed_in(administrator).post(INVITE, {**KIM, "role": "CO"})
    (sent,) = mail.outbox
    assert sent.to == ["kim@harbor.example"]
    assert sent.subject == "Invitation to Harbor Ledger on Proofline"
    for words in (
        "Hello Kim Frei",
        str(administrator),
        administrator.email,
        "as control owner",
        "Europe/Zurich",
    ):
        assert words in sent.body
    (link,) = re.findall(r"http\S+", sent.body)
    assert link.startswith("http://harbor.example:8000/invitations/"), "the client's own host"
    secret = link.rstrip("/").rpartition("/")[2]
    assert len(secret) >= 43, "256 bits"
    kept = str(list(Invitation.objects.values()))
    assert secret not in kept
    assert Browser(HTTP_HOST="harbor.example").get(f"/invitations/{secret}/").status_code == 200


def test_the_link_of_staff_and_of_a_client_without_a_host_lies_at_the_portal() -> None:
    larkfield = make.bare_client("larkfield")
    assert invited(larkfield).link.startswith("http://127.0.0.1:8000/c/larkfield/invitations/")
    assert invited(None, "MA").link.startswith("http://127.0.0.1:8000/invitations/")


def test_a_mail_really_leaves_with_unbroken_headers(harbor: Client) -> None:
    received = []

    class Inbox:
        async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - the library's name
            received.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
            return "250 OK"

    Client.objects.filter(pk=harbor.pk).update(name="Häfen & Söhne")
    harbor.refresh_from_db()
    controller = Controller(Inbox(), hostname="127.0.0.1", port=8119)
    controller.start()
    try:
        with override_settings(
            EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
            EMAIL_HOST="127.0.0.1",
            EMAIL_PORT=8119,
        ):
            issued = invited(harbor)
            assert send(issued)
    finally:
        controller.stop()
    ((to, message),) = received
    assert to == ["kim@harbor.example"]
    assert message["Subject"] == "Invitation to Häfen & Söhne on Proofline"
    assert message["To"] == "kim@harbor.example"
    assert "Bcc" not in message
    assert issued.link in message.get_content()


def test_a_mail_that_does_not_leave_keeps_the_invitation_and_says_so(harbor: Client, caplog) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    down = override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=8118
    )
    with down:
        page = browser.post(INVITE, {**KIM, "role": "CO"}, follow=True)
    assert "the mail did not leave" in text_of(page)
    assert "Send again" in text_of(page)
    kept = Invitation.objects.get()
    assert "ConnectionRefusedError" in caplog.text
    assert "invitations/" not in caplog.text, "no link in a log"
    again = browser.post(f"/c/harbor/settings/people/invitations/{kept.pk}/again/", follow=True)
    assert "The invitation went to kim@harbor.example" in text_of(again)
    assert len(mail.outbox) == 1


def test_sending_again_makes_a_new_link_and_the_old_one_dies(harbor: Client) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    first = invited(harbor, at=now() - datetime.timedelta(days=8))
    assert Browser().get(path_of(first)).status_code == 410, "expired"
    browser.post(f"/c/harbor/settings/people/invitations/{first.invitation.pk}/again/")
    (link,) = re.findall(r"/invitations/\S+", mail.outbox[0].body)
    assert Browser().get(path_of(first)).status_code == 410
    assert Browser().get(f"/c/harbor{link}").status_code == 200
    assert Invitation.objects.count() == 1


def test_nobody_touches_an_invitation_of_elsewhere(harbor: Client) -> None:
    larkfield = make.client("larkfield")
    theirs, staff, audit = (
        invited(larkfield),
        invited(None, "AN"),
        services.invite_auditor(make.engagement_of(harbor), **KIM, by=None, at=now()),
    )
    browser = make.signed_in(make.member("CA", harbor))
    for issued in (theirs, staff, audit):
        for act in ("again", "revoke"):
            path = f"/c/harbor/settings/people/invitations/{issued.invitation.pk}/{act}/"
            assert browser.post(path).status_code == 404
    page = text_of(browser.get("/c/harbor/settings/people/invitations/"))
    assert KIM["email"] not in page
    assert Invitation.objects.filter(revoked_at=None).count() == 3


def test_the_list_shows_every_state(harbor: Client) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    invited(harbor, email="open@harbor.example")
    invited(harbor, email="late@harbor.example", at=now() - datetime.timedelta(days=8))
    gone = invited(harbor, email="gone@harbor.example")
    browser.post(f"/c/harbor/settings/people/invitations/{gone.invitation.pk}/revoke/")
    Browser().post(path_of(invited(harbor, email="here@harbor.example")), NEW)
    page = text_of(browser.get("/c/harbor/settings/people/invitations/"))
    for mail_address, state in (
        ("open", "open"),
        ("late", "expired"),
        ("gone", "taken back"),
        ("here", "accepted"),
    ):
        assert re.search(rf"{mail_address}@harbor\.example .{{0,40}}{state}", page), (mail_address, page)
    people = text_of(browser.get("/c/harbor/settings/"))
    assert "open@harbor.example" in people
    assert "late@harbor.example" not in people


# Accepting ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_person_is_asked_for_name_and_password_and_then_signs_in(harbor: Client) -> None:
    inviter = make.member("CA", harbor)
    issued = invited(harbor, by=inviter)
    browser = Browser()
    page = browser.get(path_of(issued))
    for words in ("Harbor Ledger", str(inviter), "control owner"):
        assert words in text_of(page)
    assert 'value="Kim Frei"' in page.content.decode()
    for wrong, words in (
        ({"password1": "short", "password2": "short"}, "at least 12 characters"),
        ({"password2": "four other words here"}, "differ"),
        ({"password1": "kim@harbor.example", "password2": "kim@harbor.example"}, "too similar"),
        ({"password1": "", "password2": ""}, "required"),
        ({"name": "Kim\nFrei"}, "one line of text"),
        ({"name": ""}, "required"),
    ):
        refused = browser.post(path_of(issued), {**NEW, **wrong})
        assert refused.status_code == 400
        assert words in text_of(refused)
    assert not User.objects.filter(email=KIM["email"]).exists()
    done = browser.post(path_of(issued), NEW)
    assert done["Location"] == "/c/harbor/accounts/login/"
    assert "Your account is made" in text_of(browser.get(done["Location"]))
    signed = browser.post(done["Location"], {"login": KIM["email"], "password": PASSWORDS["password1"]})
    assert signed.status_code == 302
    assert browser.get("/c/harbor/").status_code == 200
    membership = Membership.objects.get(user__email=KIM["email"])
    assert (membership.role, membership.client, membership.active) == ("CO", harbor, True)


def test_the_ledger_keeps_who_came_by_whose_invitation(harbor: Client) -> None:
    inviter = make.member("CA", harbor)
    issued = invited(harbor, by=inviter)
    Browser().post(path_of(issued), NEW)
    (told,) = acts_of(harbor)
    user = User.objects.get(email=KIM["email"])
    assert told == {
        "act": "invitation accepted",
        "invitation": str(issued.invitation.pk),
        "invited_by": str(inviter.pk),
        "user": str(user.pk),
        "role": "CO",
        "ref": f"membership:{user.memberships.get().pk}",
        "actor": str(user.pk),
    }


def test_whoever_needs_a_second_factor_enrolls_before_any_page(harbor: Client) -> None:
    Browser().post(path_of(invited(harbor, "CA")), NEW)
    user = User.objects.get(email=KIM["email"])
    assert not Authenticator.objects.filter(user=user).exists()
    answer = make.signed_in(user).get("/c/harbor/settings/")
    assert answer["Location"] == "/c/harbor/accounts/second-factor/authenticator/"


def test_somebody_with_an_account_signs_in_to_accept(harbor: Client) -> None:
    kim = make.member("CO", make.client("larkfield"), second_factor=False)
    issued = invited(harbor, "EM", email=kim.email.upper())
    browser = Browser()
    page = browser.get(path_of(issued))
    assert "has an account here already" in text_of(page)
    assert 'name="password1"' not in page.content.decode()
    before = kim.password
    assert browser.post(path_of(issued), NEW).status_code == 200, "no password is set from outside"
    assert User.objects.get(pk=kim.pk).password == before
    assert not kim.memberships.filter(client=harbor).exists()
    login = re.search(r'href="(/c/harbor/accounts/login/\?next=[^"]+)"', page.content.decode())
    assert login
    led = browser.post(login[1], {"login": kim.email, "password": make.PASSWORD, "next": path_of(issued)})
    assert led["Location"] == path_of(issued)
    assert "Accept" in text_of(browser.get(led["Location"]))
    assert browser.post(path_of(issued))["Location"] == "/c/harbor/"
    assert kim.memberships.get(client=harbor).role == "EM"
    assert kim.memberships.count() == 2


def test_another_person_cannot_accept_and_keeps_their_session(harbor: Client) -> None:
    other = make.member("CO", harbor, second_factor=False)
    issued = invited(harbor, "CA")
    browser = make.signed_in(other)
    for answer in (browser.get(path_of(issued)), browser.post(path_of(issued), NEW)):
        assert answer.status_code == 403
        assert "for another mail address" in text_of(answer)
        assert KIM["email"] not in text_of(answer)
    assert not User.objects.filter(email=KIM["email"]).exists()
    assert other.memberships.get().role == "CO"
    assert browser.get("/c/harbor/").status_code == 200, "still signed in"
    with pytest.raises(InvitationRefused):
        services.accept(issued.secret, client=harbor, user=other, at=now())


def test_links_that_open_nothing_answer_alike(harbor: Client) -> None:
    larkfield = make.client("larkfield")
    expired = invited(harbor, email="a@harbor.example", at=now() - services.LIFETIME)
    revoked = invited(harbor, email="b@harbor.example")
    services.revoke(revoked.invitation, at=now())
    used = invited(harbor, email="c@harbor.example")
    assert Browser().post(path_of(used), NEW).status_code == 302
    elsewhere = invited(larkfield, email="d@harbor.example")
    staff = invited(None, "MA", email="e@harbor.example")
    lost_right = make.member("CA", harbor)
    orphan = invited(harbor, email="f@harbor.example", by=lost_right)
    Membership.objects.filter(user=lost_right).update(active=False)
    hashed = invited(harbor, email="g@harbor.example")
    paths = [path_of(each) for each in (expired, revoked, used, elsewhere, staff, orphan)]
    paths += [
        f"/c/harbor/invitations/{each}/" for each in ("x", "a" * 43, "%01", hashed.invitation.secret_sha256)
    ]
    paths += [path_of(staff, "/c/nobody/"), path_of(staff, "/c/larkfield/"), path_of(elsewhere, "/")]
    token = re.compile(r'csrfmiddlewaretoken" value="[^"]+"|/c/\w+/|href="/[^"]*"')
    told = set()
    for path in paths:
        for answer in (Browser().get(path), Browser().post(path, NEW)):
            assert answer.status_code == 410, path
            told.add(token.sub("", answer.content.decode()))
    assert len(told) == 1
    assert "Harbor" not in told.pop()
    assert User.objects.filter(email__endswith="@harbor.example").count() == 1
    assert Membership.objects.filter(role__in=["MA"]).count() == 0


def test_the_link_of_an_inviter_who_lost_the_right_opens_again_when_somebody_else_sends_it(
    harbor: Client,
) -> None:
    first, second = make.member("CA", harbor), make.member("CA", harbor)
    issued = invited(harbor, by=first)
    Membership.objects.filter(user=first).update(role="CO")
    with pytest.raises(NotOpen):
        services.find_open(issued.secret, client=harbor, at=now())
    renewed = services.renew(issued.invitation, by=second, at=now())
    assert services.find_open(renewed.secret, client=harbor, at=now()).invited_by == second


def test_a_replayed_link_opens_nothing(harbor: Client) -> None:
    issued = invited(harbor)
    browser = Browser()
    assert browser.post(path_of(issued), NEW).status_code == 302
    assert (
        browser.post(
            path_of(issued), {**NEW, "password1": "other words of mine", "password2": "other words of mine"}
        ).status_code
        == 410
    )
    user = User.objects.get(email=KIM["email"])
    assert user.check_password(PASSWORDS["password1"])
    assert make.signed_in(user).post(path_of(issued)).status_code == 410


def test_who_became_a_member_meanwhile_is_not_changed_by_an_old_link(harbor: Client) -> None:
    kim = make.person()
    issued = invited(harbor, "CA", email=kim.email)
    Membership.objects.create(user=kim, client=harbor, role=Role.EMPLOYEE)
    answer = make.signed_in(kim).post(path_of(issued))
    assert answer.status_code == 409
    assert kim.memberships.get().role == "EM"
    Membership.objects.filter(user=kim).update(active=False)
    assert make.signed_in(kim).post(path_of(issued)).status_code == 409
    assert not kim.memberships.get().active


def test_guessing_links_is_slowed_down_by_address(harbor: Client) -> None:
    browser = Browser(REMOTE_ADDR="203.0.113.7")
    statuses = [browser.post(f"/c/harbor/invitations/{'x' * 43}{n}/").status_code for n in range(61)]
    assert statuses == [410] * 60 + [429]
    assert browser.get("/c/harbor/invitations/x/").status_code == 429
    assert Browser(REMOTE_ADDR="203.0.113.8").get("/c/harbor/invitations/x/").status_code == 410


def test_nobody_sends_mails_without_end(harbor: Client) -> None:
    browser = make.signed_in(make.member("CA", harbor))
    with override_settings(ACCOUNT_RATE_LIMITS={"invite": "3/h/user"}):
        forms = [{"email": f"k{n}@harbor.example", "name": "Kim", "role": "CO"} for n in range(5)]
        assert [browser.post(INVITE, form).status_code for form in forms] == [302] * 3 + [429] * 2
        assert browser.get(INVITE).status_code == 200
    assert len(mail.outbox) == 3


def test_the_form_of_an_invitation_is_not_taken_from_elsewhere(harbor: Client) -> None:
    issued = invited(harbor)
    assert Browser(enforce_csrf_checks=True).post(path_of(issued), NEW).status_code == 403
    assert not User.objects.filter(email=KIM["email"]).exists()


def test_a_suspended_client_takes_no_new_member_of_its_own_administrator(harbor: Client) -> None:
    issued = invited(harbor, by=make.member("CA", harbor))
    Client.objects.filter(pk=harbor.pk).update(suspended_at=now())
    assert Browser().get(path_of(issued)).status_code == 410


# The command ────────────────────────────────────────────────────────────────────────────────────────


def test_the_command_makes_the_first_administrator_without_mail(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("person", "invite", "ana@soc.example", "--name", "Ana Lopes", "--role", "MA")
    told = capsys.readouterr().out
    link = re.search(r"http://127\.0\.0\.1:8000(/invitations/\S+)", told)
    assert link
    assert mail.outbox == []
    assert Browser().post(link[1], {"name": "Ana Lopes", **PASSWORDS}).status_code == 302
    ana = User.objects.get()
    assert ana.memberships.get().role == "MA"
    assert make.signed_in(ana).get("/")["Location"] == "/accounts/second-factor/authenticator/"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["kim", "--name", "K", "--role", "MA"], "no mail address"),
        (["k@x.example", "--name", "K\n", "--role", "XX"], "no such role"),
        (["k@x.example", "--name", "K\x1bL", "--role", "MA"], "one line"),
        (["k@x.example", "--name", "K", "--role", "CA"], "--client SLUG"),
        (["k@x.example", "--name", "K", "--role", "MA", "--client", "harbor"], "Leave --client out"),
        (["k@x.example", "--name", "K", "--role", "CO", "--client", "nobody"], 'no client "nobody"'),
        (["k@x.example", "--name", "K", "--role", "AU", "--client", "harbor"], "invited to an engagement"),
        (["k@x.example", "--name", "K", "--role", "MA", "--as", "nobody@x.example"], "Nobody signs in as"),
    ],
)
def test_the_command_refuses_in_words(harbor: Client, args: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        call_command("person", "invite", *args)
    assert refused.value.returncode == 2
    assert not Invitation.objects.exists()


def test_a_person_invites_at_the_command_line_by_the_table(harbor: Client) -> None:
    args = [
        "person",
        "invite",
        "kim@harbor.example",
        "--name",
        "Kim",
        "--role",
        "CO",
        "--client",
        "harbor",
        "--as",
    ]
    with pytest.raises(CommandError, match="may not do this"):
        call_command(*args, make.member("CO", harbor).email)
    call_command(*args, make.member("CA", harbor).email)
    assert Invitation.objects.count() == 1
