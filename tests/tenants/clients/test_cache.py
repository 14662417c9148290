"""The cache: what one client stored, no other reads."""

import pytest
from django.core.cache import cache

from tenants.clients.switch import client, public
from tests import make

pytestmark = pytest.mark.django_db


def test_a_value_of_one_client_is_not_there_for_another_or_for_the_portal() -> None:
    harbor, larkfield = make.client("harbor"), make.client("larkfield")
    with client(harbor):
        cache.set("figure", "harbor's")
    with client(larkfield):
        assert cache.get("figure") is None
        cache.set("figure", "larkfield's")
    with public():
        assert cache.get("figure") is None
    with client(harbor):
        assert cache.get("figure") == "harbor's"
        cache.delete("figure")
    with client(larkfield):
        assert cache.get("figure") == "larkfield's"


def test_what_belongs_to_a_person_counts_alike_at_every_client() -> None:
    with client(make.client("harbor")):
        cache.set("allauth:used-code", "seen")
    with client(make.client("larkfield")):
        assert cache.get("allauth:used-code") == "seen"
