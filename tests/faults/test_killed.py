"""A process that dies at any instant loses nothing, doubles nothing, and leaves no row without its leaf (T8)."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from evidence.batches.models import Batch
from evidence.events.models import Event
from evidence.intake.models import Receipt
from evidence.ledger.check import check_ledger
from evidence.ledger.models import LedgerEntry
from tenants.clients.switch import client
from tests import make
from tests.faults import line

CHILD = """
import os, sys
import django
django.setup()
from config.devstack import testing
testing.connect_django({database!r})
from tenants.clients.switch import client
{patch}
with client({slug!r}):
    from tests.faults import line
    print("ready", flush=True)
    sys.stdin.readline()
    line.{what}
print("done", flush=True)
"""


def start(database: str, slug: str, what: str, patch: str = "") -> subprocess.Popen:
    """Start a process that has everything imported and waits for a line before it works."""
    code = CHILD.format(database=database, slug=slug, what=what, patch=patch)
    # The state folder is this process's own, so that both see the same objects.
    keep = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.base"}
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=keep
    )
    assert child.stdout.readline() == "ready\n"
    return child


def go(child: subprocess.Popen) -> None:
    child.stdin.write("\n")
    child.stdin.flush()


def ended(child: subprocess.Popen) -> int:
    child.communicate(timeout=60)
    return child.returncode


def in_step() -> bool:
    """Every batch has its leaf, every recorded one its second, and the ledger holds."""
    named = {
        kind: set(LedgerEntry.objects.filter(kind=kind).values_list("ref", flat=True))
        for kind in ("batch", "records")
    }
    recorded = Batch.objects.filter(state="recorded")
    return (
        named["batch"] == {str(b.pk) for b in Batch.objects.all()}
        and named["records"] == {str(b.pk) for b in recorded}
        and not any(check.findings for check in check_ledger())
    )


BEFORE_LEAF = """
import evidence.ledger.services as ledger
import {module} as module
def die(*_, **__):
    os._exit(9)
module.append = die
"""


@pytest.mark.parametrize("module", ["evidence.batches.sealing", "evidence.batches.recording"])
def test_a_process_killed_between_a_row_and_its_leaf_leaves_neither(own_database, module):
    with client(make.client()):
        line.receive([("a.json", make.log_file([make.record(n=n) for n in range(3)]))])
        if module.endswith("recording"):
            from evidence.batches.sealing import seal

            seal(make.source(), at=line.LATER, everything=True)
        before = (Batch.objects.count(), Event.objects.count(), LedgerEntry.objects.count())
        child = start(own_database, "harbor", "work()", BEFORE_LEAF.format(module=module))
        go(child)
        assert ended(child) == 9
        assert (Batch.objects.count(), Event.objects.count(), LedgerEntry.objects.count()) == before
        assert in_step()
        line.work()
        assert (Event.objects.count(), Receipt.objects.count()) == (3, 0)
        assert in_step()


@pytest.mark.slow
def test_twenty_kills_anywhere_lose_nothing_and_double_nothing(own_database):
    files = line.story()
    with client(make.client("calm")):
        line.take_in(files)
        undisturbed = line.outcome()
    assert len(undisturbed["events"]) > 50
    assert undisturbed["exceptions"]
    chance = random.Random(20)
    with client(make.client()):
        kills = 0
        children = [start(own_database, "harbor", "receive(line.story()) or line.work()") for _ in range(2)]
        while kills < 20:
            child = children.pop(0)
            go(child)
            time.sleep(chance.uniform(0, 0.9))
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=60)
            kills += 1
            if kills < 19:
                children.append(start(own_database, "harbor", "receive(line.story()) or line.work()"))
        assert in_step()
        line.take_in(files)  # the sender was not answered, and sends again
        line.work()
        assert line.outcome() == undisturbed
        assert in_step()
        assert not Batch.objects.exclude(state="recorded").exists()
