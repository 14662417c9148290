"""Lists: pages by key, filters by name, a closed list of orders, as many queries at 10 rows as at 1,000."""

import datetime
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from controls.exceptions.models import ControlException
from evidence.batches.models import RejectedRecord
from evidence.events.models import Event
from evidence.intake.sources import connect
from tenants.clients.switch import client as at_client
from tests import make
from tests.tenants.api.conftest import Api, World

WINDOW = "since=2026-02-15T00:00:00Z&until=2026-12-01T00:00:00Z"


def everything(api: Api, path: str) -> list[dict]:
    found = []
    while path:
        answer = api.get(path).json()
        found += answer["items"]
        after = answer["next"]
        path = after and urlsplit(after).path.split("/api/v1/")[1] + "?" + urlsplit(after).query
    return found


@pytest.mark.parametrize(
    ("path", "order", "key"),
    [
        ("events/?" + WINDOW, "-time", "uid"),
        ("events/?" + WINDOW, "time", "uid"),
        ("controls/?", "id", "id"),
        ("controls/?", "-id", "id"),
        ("exceptions/?", "fix_due", "number"),
        ("exceptions/?", "-opened", "number"),
        ("accounts/?", "key", "id"),
        ("ledger/leaves/?", "-seq", "seq"),
        ("batches/?", "id", "id"),
        ("deliveries/?", "-started_at", "id"),
        ("rejected/?resolved=&", "-id", "id"),
    ],
)
def test_small_pages_give_the_same_rows_in_the_same_order_as_one_large(
    world: World, path: str, order: str, key: str
) -> None:
    api = world.api("CA")
    whole = everything(api, f"{path}&order={order}&limit=200")
    paged = everything(api, f"{path}&order={order}&limit=2")
    assert len(whole) > 1
    assert [row[key] for row in paged] == [row[key] for row in whole]
    assert len({row[key] for row in whole}) == len(whole)


def test_orders_turn_each_other_round(world: World) -> None:
    api = world.api("CA")
    up = [e["uid"] for e in everything(api, f"events/?{WINDOW}&order=time")]
    down = [e["uid"] for e in everything(api, f"events/?{WINDOW}&order=-time")]
    assert up == down[::-1]


def test_filters_narrow(world: World) -> None:
    api = world.api("CA")
    events = everything(api, f"events/?{WINDOW}")
    one = events[0]
    same = everything(api, f"events/?{WINDOW}&action={one['action']}&class_uid={one['class_uid']}")
    assert one in same
    assert len(same) < len(events)
    live = everything(api, "exceptions/?live=true")
    assert {e["number"] for e in live} | {e["number"] for e in everything(api, "exceptions/?live=false")} == {
        e["number"] for e in everything(api, "exceptions/")
    }
    assert all("CC6.1" in c["criteria"] for c in everything(api, "controls/?criterion=CC6.1"))


def test_times_are_utc_whatever_the_clients_zone(world: World) -> None:
    zoned = make.client("zurich", zone="Europe/Zurich")
    with at_client(zoned):
        connect("aws", at=datetime.datetime(2026, 7, 1, 12, tzinfo=datetime.UTC))
    found = Api(zoned, make.member("CA", zoned)).get("sources/aws/").json()
    assert found["connected_at"] == "2026-07-01T12:00:00Z"


@pytest.mark.parametrize(
    ("path", "field", "words"),
    [
        ("controls/?statuss=planned", "statuss", "Known are: cursor, limit"),
        ("controls/IAM-01/?x=1", "x", "Known are: none"),
        ("controls/?limit=0", "limit", ""),
        ("controls/?limit=201", "limit", ""),
        ("controls/?limit=many", "limit", ""),
        ("controls/?order=statement", "order", ""),
        ("controls/?limit=5&limit=6", "limit", "once"),
        ("events/?since=2026-01-01", "since", "zone"),
        ("events/?since=2026-01-01T00:00:00", "since", "zone"),
        ("events/?since=0000-13-41T99:00:00Z", "since", "zone"),
        ("sources/aws/days/?start=0001-01-01", "start", "1990"),
        ("batches/?batch=1", "batch", "Known"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(world: World, path: str, field: str, words: str) -> None:
    answer = world.api("CA").get(path)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert words in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    "cursor", ["x", "", "W10", "bm9uZQ", "W1siaWQiXSxbIngiXV0", "A" * 900, "é", "W1siLWlkIl0sWzFdXQ"]
)
def test_a_made_up_cursor_is_refused_or_harmless(world: World, cursor: str) -> None:
    answer = world.api("CA").get(f"controls/?cursor={cursor}")
    assert answer.status_code in (200, 400)
    assert answer.status_code == 200 or "cursor" in answer.json()["detail"] or answer.json()["errors"]


def test_a_cursor_of_another_order_is_refused(world: World) -> None:
    api = world.api("CA")
    after = urlsplit(api.get("controls/?limit=1").json()["next"]).query
    assert api.get(f"controls/?{after}&order=-id").status_code == 400


@pytest.mark.parametrize("path", ["exceptions/", "rejected/", "controls/"])
@pytest.mark.parametrize("role", ["CA", "CO", "AU"])
def test_as_many_queries_at_ten_rows_as_at_a_thousand(world: World, path: str, role: str) -> None:
    """The page of 200 asks as often as the page of 10."""
    with at_client(world.harbor):
        if not ControlException.objects.filter(rule="many").exists():
            base = ControlException.objects.order_by("pk").first()
            at = timezone.now()
            ControlException.objects.bulk_create(
                ControlException(
                    **{
                        f.attname: getattr(base, f.attname)
                        for f in base._meta.concrete_fields
                        if f.attname not in ("id", "number", "group_key", "rule")
                    },
                    number=f"EX-2025-{n:04d}",
                    group_key=str(n),
                    rule="many",
                )
                for n in range(1, 1001)
            )
            batch = base.members.first().batch
            RejectedRecord.objects.bulk_create(
                RejectedRecord(batch=batch, seq=10_000 + n, code="many", reason="", excerpt=b"")
                for n in range(1000)
            )
            assert at
    api = world.api(role)
    api.get(path)
    counts = []
    for limit in (10, 200):
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert api.get(f"{path}?limit={limit}").status_code == 200
        counts.append(len(caught))
    assert counts[0] == counts[1], counts


def test_nothing_is_counted_and_events_stay_within_their_months(world: World) -> None:
    api = world.api("CA")
    with CaptureQueriesContext(connection) as caught:
        assert api.get(f"events/?{WINDOW}&limit=5").json()["items"]
    assert not [q["sql"] for q in caught if "count(" in q["sql"].lower()]
    with at_client(world.harbor):
        assert Event.objects.exists()
