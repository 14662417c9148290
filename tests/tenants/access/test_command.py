"""Who acts at the command line: the system, or the person that --as named."""

import pytest
from django.core.management.base import CommandError

from tenants.access.command import acting
from tenants.access.policy import UnknownActionError
from tenants.members.models import User
from tests import make

pytestmark = pytest.mark.django_db


def refusal(*args: object) -> str:
    with pytest.raises(CommandError) as refused:
        acting(*args)  # type: ignore[arg-type]
    assert refused.value.returncode == 2
    return str(refused.value)


def test_the_operator_acts_as_the_system() -> None:
    assert acting(None, "package.build", make.bare_client("here")) is None
    assert acting(None, "client.create") is None


def test_what_the_system_lacks_asks_for_a_person() -> None:
    assert "--as USER" in refusal(None, "rule.setting", make.bare_client("here"))


def test_a_person_acts_by_the_table() -> None:
    here = make.bare_client("here")
    analyst = make.member("AN", here)
    assert acting(analyst.email.upper(), "package.build", here) == analyst
    owner = make.member("CO", here)
    assert acting(owner.email, "package.build", here) == owner, (
        "for what is theirs; asked again with the object"
    )
    assert "client administrator" in refusal(make.member("EM", here).email, "package.build", here)


def test_a_client_that_is_not_theirs_is_not_described() -> None:
    here = make.bare_client("here", name="Secret Name")
    words = refusal(make.member("CA", make.bare_client("elsewhere")).email, "package.build", here)
    assert "no part at here" in words
    assert "Secret Name" not in words


def test_what_asks_for_a_step_up_is_refused_outside_the_portal() -> None:
    assert "fresh second factor" in refusal(
        make.member("MA", make.bare_client("here")).email, "client.create"
    )


@pytest.mark.parametrize("mail", ["nobody@example.org", "", "x' or 1=1"])
def test_an_unknown_person_is_named(mail: str) -> None:
    assert f'"{mail}"' in refusal(mail, "package.build", make.bare_client("here"))


def test_a_closed_account_does_nothing() -> None:
    here = make.bare_client("here")
    user = make.member("CA", here)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert "Nobody signs in" in refusal(user.email, "package.build", here)


def test_an_action_that_does_not_exist_is_a_mistake_in_the_code() -> None:
    with pytest.raises(UnknownActionError):
        acting(None, "package.explode")
