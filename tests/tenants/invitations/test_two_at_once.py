"""A link that is clicked twice at the same instant, and two links of one person."""

from django.test import Client as Browser
from django.utils import timezone

from tenants.invitations import services
from tenants.members.models import Membership, User
from tests import make
from tests.tenants.reading import together

NEW = {"name": "Kim Frei", "password1": "four good words here", "password2": "four good words here"}


def test_a_double_click_makes_one_person_and_one_membership(own_database: str) -> None:
    harbor = make.client("harbor")
    issued = services.invite_member(
        harbor, email="kim@harbor.example", name="Kim", role="CO", by=None, at=timezone.now()
    )
    path = f"/c/harbor/invitations/{issued.secret}/"
    answers = together(*[lambda: Browser().post(path, NEW).status_code] * 4)
    assert answers == [302, 410, 410, 410] or (answers.count(302) == 1 and set(answers) <= {200, 302, 410})
    assert Membership.objects.count() == User.objects.count() == 1


def test_two_links_of_one_person_make_one_account(own_database: str) -> None:
    paths = []
    for slug in ("harbor", "larkfield"):
        issued = services.invite_member(
            make.client(slug), email="kim@harbor.example", name="Kim", role="CO", by=None, at=timezone.now()
        )
        paths.append(f"/c/{slug}/invitations/{issued.secret}/")
    answers = together(*[lambda path=path: Browser().post(path, NEW).status_code for path in paths])
    assert set(answers) <= {200, 302}
    kim = User.objects.get()
    assert kim.memberships.count() == 1, "the other link asks them to sign in"
    rest = [path for path in paths if Browser().get(path).status_code == 200]
    assert len(rest) == 1
    make.signed_in(kim).post(rest[0])
    assert kim.memberships.count() == 2


def test_two_administrators_invite_one_person_once(own_database: str) -> None:
    harbor = make.client("harbor")
    browsers = [make.signed_in(make.member("CA", harbor)) for _ in range(2)]
    form = {"email": "kim@harbor.example", "name": "Kim", "role": "CO"}
    answers = together(
        *[
            lambda each=each: each.post("/c/harbor/settings/people/invite/", form).status_code
            for each in browsers
        ]
    )
    assert answers == [302, 400]
