"""Writes: by role, on the state that was seen, once per key."""

import threading
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from controls.catalogue.models import Control
from controls.exceptions.models import ControlException, ExceptionAct
from controls.results.models import RuleSetting
from evidence.intake.models import Source
from evidence.intake.services import Refused, receive_body
from evidence.ledger.models import LedgerEntry
from reports.packages.models import Package
from tenants.api.idempotency import KEPT, sweep
from tenants.apitokens.models import IdempotencyKey
from tenants.clients.switch import client as at_client
from tests import make
from tests.tenants.api.conftest import Api, World

OWN = {
    "statement": "Each quarter the head of support reads a sample of closed tickets",
    "criteria": ["CC4.1"],
    "frequency": "Q",
    "nature": "D-M",
    "owner_function": "OPS",
}


def leaf(world: World) -> LedgerEntry:
    with at_client(world.harbor):
        return LedgerEntry.objects.latest("seq")


def controls(world: World) -> int:
    with at_client(world.harbor):
        return Control.objects.count()


@pytest.mark.parametrize("role", ["MA", "AN", "CA"])
def test_a_control_of_ones_own_is_made_and_read(world: World, role: str) -> None:
    api = world.api(role)
    made = api.post("controls/", OWN)
    assert made.status_code == 201, made.content
    assert made.json()["id"].startswith("OWN-")
    assert made.json()["status"] == "planned"
    assert {p["kind"] for p in made.json()["procedures"]} == {"insp", "design"}
    read = api.get(f"controls/{made.json()['id']}/")
    assert read.json() == made.json()
    assert read["ETag"] == made["ETag"]
    assert leaf(world).ref == f"control:{made.json()['id']}"


@pytest.mark.parametrize("role", ["CO", "EM", "AU"])
def test_others_make_none(world: World, role: str) -> None:
    before = controls(world)
    answer = world.api(role).post("controls/", OWN)
    assert answer.status_code == 403
    assert "client administrator" in answer.json()["detail"] or role == "AU"
    assert controls(world) == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"criteria": []}, "criteria"),
        ({"criteria": ["CC99.1"]}, "criteria.0"),
        ({"criteria": "CC4.1"}, "criteria"),
        ({"statement": "short"}, "statement"),
        ({"statement": ["x"]}, "statement"),
        ({"statement": "a" * 1001}, "statement"),
        ({"frequency": "now and then"}, "frequency"),
        ({"owner": "nobody"}, "owner"),
        ({"color": "red"}, "color"),
    ],
)
def test_a_wrong_field_is_refused_by_name(world: World, change: dict[str, Any], field: str) -> None:
    answer = world.api("CA").post("controls/", OWN | change)
    assert answer.status_code == 400
    assert field in [each["field"] for each in answer.json()["errors"]]


def test_what_is_out_of_scope_or_owned_by_a_stranger_is_refused_in_words(world: World) -> None:
    answer = world.api("CA").post("controls/", OWN | {"criteria": ["A1.1"]})
    assert answer.status_code == 422
    assert "A1.1 is not in scope" in answer.json()["detail"]
    answer = world.api("CA").post("controls/", OWN | {"owner": str(make.person().pk)})
    assert answer.status_code == 422
    assert "active member" in answer.json()["detail"]


def test_of_two_who_change_one_control_the_second_is_told(world: World) -> None:
    one, two = world.api("CA"), world.api("AN")
    made = one.post("controls/", OWN)
    address, seen = f"controls/{made.json()['id']}/", made["ETag"]
    assert one("PATCH", address, {"nature": "D-A"}).status_code == 428
    first = one("PATCH", address, {"statement": "Each quarter two people read closed tickets"}, If_Match=seen)
    assert first.status_code == 200
    assert first.json()["version"] == 2
    second = two("PATCH", address, {"nature": "D-A"}, If_Match=seen)
    assert second.status_code == 412
    assert "Read it again" in second.json()["detail"]
    assert two("PATCH", address, {"nature": "D-A"}, If_Match=first["ETag"]).json()["version"] == 3


def test_a_control_owner_edits_what_is_theirs_and_gives_it_to_nobody(world: World) -> None:
    owner = world.api("CO")
    mine = owner.get(f"controls/?owner={world.people['CO'].pk}").json()["items"][0]["id"]
    seen = owner.get(f"controls/{mine}/")["ETag"]
    refused = owner("PATCH", f"controls/{mine}/", {"owner": str(world.people["CA"].pk)}, If_Match=seen)
    assert refused.status_code == 403
    assert owner("PATCH", f"controls/{mine}/", {"nature": "D-A"}, If_Match=seen).status_code == 200
    other = next(c["id"] for c in owner.get("controls/").json()["items"] if c["owner"] is None)
    seen = owner.get(f"controls/{other}/")["ETag"]
    assert owner("PATCH", f"controls/{other}/", {"nature": "D-A"}, If_Match=seen).status_code == 403


def test_a_paused_source_takes_nothing_until_it_is_active_again(world: World) -> None:
    api = world.api("CA")
    seen = api.get("sources/aws/")["ETag"]
    paused = api("PATCH", "sources/aws/", {"state": "paused"}, If_Match=seen)
    assert paused.json()["state"] == "paused"
    assert leaf(world).ref == "source:aws"
    with at_client(world.harbor):
        source = Source.objects.get(slug="aws")
        with pytest.raises(Refused, match="paused"):
            receive_body(source, b"{}", at=timezone.now())
    again = api("PATCH", "sources/aws/", {"state": "active"}, If_Match=paused["ETag"])
    assert again.json()["state"] == "active"
    assert api.post("sources/", {"slug": "aws"}).status_code == 201
    assert api.post("sources/", {"slug": "none"}).status_code == 400


def test_settings_of_a_rule_hold_from_now_on(world: World) -> None:
    api = world.api("CA")
    seen = api.get("rules/R01/settings/")
    assert seen.json()["values"]["break_glass"] == "fail"
    set_to = {"enabled": True, "values": {"break_glass": "exclude"}}
    kept = api("PUT", "rules/R01/settings/", set_to, If_Match=seen["ETag"])
    assert kept.status_code == 200
    assert kept.json()["values"] == {"accepted_factors": ["any"], "break_glass": "exclude"}
    assert api("PUT", "rules/R01/settings/", set_to, If_Match=seen["ETag"]).status_code == 412
    bad = {"enabled": True, "values": {"break_glass": "maybe", "none": 1}}
    refused = api("PUT", "rules/R01/settings/", bad, If_Match=kept["ETag"])
    assert refused.status_code == 422
    assert "none" in refused.json()["detail"]
    with at_client(world.harbor):
        assert RuleSetting.objects.filter(rule="R01").count() == 1
    assert leaf(world).ref == "rule:R01"
    assert world.api("CO")("PUT", "rules/R01/settings/", set_to, If_Match="*").status_code == 403


def test_an_exception_goes_through_its_whole_life(world: World) -> None:
    fixer, other = world.api("CA"), world.api("AN")
    number = fixer.get("exceptions/?state=open&order=number").json()["items"][0]["number"]
    address = f"exceptions/{number}"
    triage = {"version": 1, "severity": "high", "cause": "process", "harm": "none seen"}
    owner = {"owner": str(world.people["CO"].pk)}
    assert fixer.post(f"{address}/triage/", triage | {"owner": str(make.person().pk)}).status_code == 422
    done = fixer.post(f"{address}/triage/", triage | owner)
    assert (done.status_code, done.json()["state"]) == (200, "triaged"), done.content
    again = other.post(f"{address}/triage/", triage)
    assert again.status_code == 409
    assert "changed by somebody else" in again.json()["detail"]
    assert fixer.post(f"{address}/close/", {"version": 2, "words": "Over."}).status_code == 422
    fix = {"version": 2, "fix": "The factor was enrolled.", "fixed_at": "2026-06-01T10:00:00Z"}
    assert fixer.post(f"{address}/fix/", fix | {"fixed_at": "2026-06-01T10:00:00"}).status_code == 400
    assert fixer.post(f"{address}/fix/", fix | {"fixed_at": "2199-06-01T10:00:00Z"}).status_code == 422
    assert fixer.post(f"{address}/fix/", fix).json()["state"] == "fixed"
    retest = {"version": 3, "verdict": "good_retest", "words": "No later member fails."}
    assert fixer.post(f"{address}/retest/", retest).status_code == 403  # who fixed it
    assert other.post(f"{address}/retest/", retest).json()["state"] == "retested"
    assert other.post(f"{address}/close/", {"version": 4, "words": "Over."}).json()["state"] == "closed"
    assert other.post(f"{address}/reopen/", {"version": 5, "words": "Again."}).json()["state"] == "triaged"
    false = {"version": 6, "code": "test account", "words": "It was one."}
    assert other.post(f"{address}/call-false/", false).json()["state"] == "false_positive"
    assert other.post(f"{address}/comment/", {"words": "Noted."}).status_code == 200
    acts = fixer.get(f"{address}/acts/").json()["items"]
    assert [each["action"] for each in acts] == [
        "open", "triage", "fix", "good_retest", "close", "reopen", "call_false", "comment",
    ]  # fmt: skip
    assert {each["way"] for each in acts[1:]} == {"api"}
    assert world.api("AU").post(f"{address}/comment/", {"words": "x"}).status_code == 403


def test_a_package_is_asked_for_given_up_and_tried_again(world: World) -> None:
    api = world.api("CA")
    asked = api.post("packages/", {"kind": "2", "period_start": "2026-01-01", "period_end": "2026-03-31"})
    assert asked.status_code == 202, asked.content
    address = f"packages/{asked.json()['id']}"
    assert api.post(f"{address}/cancel/").json()["state"] == "canceled"
    assert api.post(f"{address}/cancel/").status_code == 409
    assert api.post(f"{address}/again/").json()["state"] == "waiting"
    refused = api.post("packages/", {"kind": "1"})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "as_of"
    assert world.api("AU").post("packages/", {"kind": "1", "as_of": "2026-01-01"}).status_code == 403


# Idempotency ────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_key_and_body_have_one_effect_and_one_answer(world: World) -> None:
    api, before = world.api("CA"), controls(world)
    first = api.post("controls/", OWN, Idempotency_Key="one")
    second = api.post("controls/", OWN, Idempotency_Key="one")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first["ETag"] == second["ETag"]
    assert second["Idempotent-Replayed"] == "true"
    assert controls(world) == before + 1


def test_the_same_key_with_another_request_is_refused(world: World) -> None:
    api = world.api("CA")
    api.post("controls/", OWN, Idempotency_Key="two")
    before = controls(world)
    for answer in (
        api.post("controls/", OWN | {"key": True}, Idempotency_Key="two"),
        api.post("sources/", {"slug": "aws"}, Idempotency_Key="two"),
    ):
        assert answer.status_code == 422
        assert "Send a new key" in answer.json()["detail"]
    assert controls(world) == before


def test_keys_of_two_people_or_clients_never_meet(world: World) -> None:
    larkfield = world.larkfield
    both = make.member("AN", larkfield)
    from tenants.members.services import assign

    assign(both, client=world.harbor)
    answers = [
        api.post("controls/", OWN, Idempotency_Key="three")
        for api in (world.api("CA"), world.api("AN"), Api(larkfield, both), Api(world.harbor, both))
    ]
    assert [each.status_code for each in answers] == [201] * 4
    assert not any("Idempotent-Replayed" in each for each in answers)


def test_what_was_refused_may_be_sent_again_under_its_key(world: World) -> None:
    api = world.api("CA")
    assert api.post("controls/", OWN | {"criteria": ["A1.1"]}, Idempotency_Key="four").status_code == 422
    assert api.post("controls/", OWN, Idempotency_Key="four").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "a" * 101, "é", "a\tb"])
def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    answer = world.api("CA").post("controls/", OWN, Idempotency_Key=key)
    assert answer.status_code == 400


def test_two_requests_at_once_have_one_effect(world: World) -> None:
    before, answers, start = controls(world), [], threading.Barrier(4)
    apis = [world.api("CA") for _ in range(4)]

    def ask(api: Api) -> None:
        start.wait()
        try:
            answers.append(api.post("controls/", OWN, Idempotency_Key="five"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=[api]) for api in apis]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.status_code for each in answers] == [201] * 4
    assert len({each.content for each in answers}) == 1
    assert controls(world) == before + 1


def test_keys_are_swept_after_a_day(world: World) -> None:
    world.api("CA").post("controls/", OWN, Idempotency_Key="six")
    IdempotencyKey.objects.filter(key="six").update(created_at=timezone.now() - KEPT - KEPT)
    assert sweep(at=timezone.now()) == 1
    before = controls(world)
    world.api("CA").post("controls/", OWN, Idempotency_Key="six")
    assert controls(world) == before + 1


def test_what_is_kept_to_answer_again_can_be_read_by_nobody_else(world: World) -> None:
    first = world.api("CA").post("controls/", OWN, Idempotency_Key="seven")
    kept = str(IdempotencyKey.objects.get(key="seven").answer)
    assert "head of support" in first.content.decode()
    assert "head of support" not in kept
    assert first.json()["id"] not in kept.replace(first.get("Location", ""), "")
    assert world.api("CA").post("controls/", OWN, Idempotency_Key="seven").json() == first.json()


def test_every_word_of_a_comment_is_kept_as_it_was(world: World) -> None:
    api = world.api("CA")
    number = api.get("exceptions/").json()["items"][0]["number"]
    words = "Grüße, 东京, “quoted”, <b>not bold</b>, 🎈"
    assert api.post(f"exceptions/{number}/comment/", {"words": words}).status_code == 200
    with at_client(world.harbor):
        assert ExceptionAct.objects.latest("pk").words == words
        assert ControlException.objects.filter(number=number).exists()
        assert Package.objects.exists()


def test_a_write_takes_no_parameter_of_its_list(world: World) -> None:
    before = controls(world)
    assert world.api("CA").post("controls/?limit=5", OWN).status_code == 400
    assert controls(world) == before
