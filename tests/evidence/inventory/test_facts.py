"""Facts as of an instant, from listings and changes in whatever order they arrived: known, or not, never guessed."""

import datetime
import itertools
import json

import pytest

from evidence.inventory.facts import Facts
from evidence.inventory.models import Account, FactChange, FactInterval, Snapshot
from evidence.ocsf.event import MISSING
from tests import make

NOON = make.NOON
HOUR = datetime.timedelta(hours=1)
SIX = NOON - 6 * HOUR
ALICE = f"account:{make.user_id('alice')}"


def at(time: datetime.datetime, name: str = "privileged", subject: str = ALICE) -> object:
    return Facts(make.source().pk, time, time).at(subject, name, time)


def listing(hours: float, privileged: bool | None, path: str = "/") -> None:
    users = {} if privileged is None else {"alice": privileged}
    content = make.listing(SIX + hours * HOUR, {**users, "zoe": False}).decode()
    content = content.replace(":user/alice", f":user{path}alice")
    make.take_in(content.encode(), at=NOON + 100 * HOUR)


def change(hours: float, action: str = "AttachUserPolicy", n: int = 0) -> None:
    record = make.attach_policy("alice", at=SIX + hours * HOUR, n=n)
    record["eventName"] = action
    make.take_in(make.lines([record]), at=NOON + 100 * HOUR)


def test_before_the_first_listing_and_after_26_hours_it_is_not_known(harbor):
    listing(0, True)
    assert at(SIX - HOUR) is MISSING
    assert at(SIX) is True
    assert at(SIX + 26 * HOUR) is True
    assert at(SIX + 26 * HOUR + datetime.timedelta(seconds=1)) is MISSING


def test_at_its_own_instant_a_listing_is_believed_whatever_the_next_says(harbor):
    listing(0, False)
    listing(24, True)
    assert at(SIX) is False
    assert at(SIX + HOUR) is MISSING
    assert at(SIX + 24 * HOUR) is True


def test_between_two_that_agree_the_value_holds(harbor):
    listing(24, True)
    listing(0, True)
    assert at(SIX + 12 * HOUR) is True
    assert FactInterval.objects.filter(subject=ALICE, name="privileged").count() == 1


def test_an_account_that_the_next_listing_no_longer_names_is_not_known_between(harbor):
    listing(0, True)
    listing(24, None)
    assert at(SIX + HOUR) is MISSING
    assert at(SIX + 25 * HOUR) is MISSING


@pytest.mark.parametrize("path", ["/", "/ops/eu/"])
def test_a_change_that_names_no_path_is_that_of_the_account(harbor, path):
    listing(0, False, path)
    change(3)
    listing(24, True, path)
    assert (at(SIX + 2 * HOUR), at(SIX + 4 * HOUR)) == (False, True)
    arn = "account:" + make.user_arn("alice").replace("user/", f"user{path}")
    assert at(SIX + 4 * HOUR, subject=arn) is True


def test_a_change_that_the_next_listing_does_not_confirm_leaves_it_unknown(harbor):
    listing(0, False)
    change(3)
    listing(24, False)
    assert at(SIX + 2 * HOUR) is False
    assert at(SIX + 4 * HOUR) is MISSING


def test_changes_of_one_instant_that_differ_are_the_same_in_both_orders(harbor):
    seen = []
    for actions in (("AttachUserPolicy", "DetachUserPolicy"), ("DetachUserPolicy", "AttachUserPolicy")):
        FactChange.objects.all().delete()
        for n, action in enumerate(actions):
            change(3, action, n=n + 10 * len(seen))
        (row,) = FactChange.objects.filter(name="privileged")
        seen.append((row.value, row.certain))
    assert seen[0] == seen[1]
    assert seen[0][1] is False


STEPS = {
    "0": lambda: listing(0, False),
    "24": lambda: listing(24, True),
    "48": lambda: listing(48, True),
    "72": lambda: listing(72, False),
    "attach": lambda: change(5),
}


@pytest.mark.parametrize("order", list(itertools.permutations(STEPS))[::11], ids="-".join)
def test_listings_and_changes_fold_to_the_same_intervals_in_any_order(harbor, order):
    for step in order:
        STEPS[step]()
    rows = FactInterval.objects.filter(subject=ALICE, name="privileged").order_by("first_at")
    hours = [(r.value, (r.first_at - SIX) / HOUR, r.last_at and (r.last_at - SIX) / HOUR) for r in rows]
    assert hours == [(False, 0, 0), (True, 24, 48), (False, 72, None)]
    assert [at(SIX + h * HOUR) for h in (1, 6, 30, 50, 73)] == [False, True, True, MISSING, False]
    account = Account.objects.get(key=make.user_id("alice"))
    assert (account.first_seen, account.last_seen) == (SIX, SIX + 72 * HOUR)
    assert Snapshot.objects.count() == 4


def test_the_answer_does_not_depend_on_what_else_is_asked(harbor):
    listing(0, True)
    listing(90, False)
    narrow = Facts(make.source().pk, SIX + HOUR, SIX + HOUR).at(ALICE, "privileged", SIX + HOUR)
    wide = Facts(make.source().pk, SIX, SIX + 99 * HOUR).at(ALICE, "privileged", SIX + HOUR)
    assert narrow is wide is MISSING


def test_the_same_listing_again_adds_nothing(harbor):
    listing(0, True)
    before = list(FactInterval.objects.values_list("subject", "name", "first_at", "last_at"))
    again = json.loads(make.listing(SIX, {"alice": True, "zoe": False}))
    make.take_in(json.dumps(again, indent=1).encode(), at=NOON)
    assert list(FactInterval.objects.values_list("subject", "name", "first_at", "last_at")) == before
    assert Snapshot.objects.count() == 1
