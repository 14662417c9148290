"""What tests about people read: the words of a page, the acts in a ledger; and how they do things at one instant."""

import json
import re
import threading
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.http import HttpResponse

from evidence.ledger.models import LedgerEntry
from tenants.clients.models import Client
from tenants.clients.switch import client as at_client


def text_of(answer: HttpResponse) -> str:
    """The words of a page, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def acts_of(client: Client) -> list[dict[str, Any]]:
    """What the leaves about settings in a client's ledger say, in order."""
    with at_client(client):
        entries = LedgerEntry.objects.filter(kind="settings").order_by("seq")
        leaves = [json.loads(bytes(entry.leaf)) for entry in entries]
    return [{**leaf["meta"], "ref": leaf["ref"], "actor": leaf["actor"]} for leaf in leaves]


def together(*acts: Callable[[], int]) -> list[int]:
    """Do everything at once, each on a connection of its own; return what each answered, sorted."""
    gate = threading.Barrier(len(acts))
    answers: list[int] = []

    def run(act: Callable[[], int]) -> None:
        gate.wait()
        try:
            answers.append(act())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)
