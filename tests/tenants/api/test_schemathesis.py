"""Made-up requests of every operation, good and bad, as four roles: no server error, and answers as described (T21)."""

import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from config.wsgi import application
from controls.exceptions.models import ControlException
from evidence.events.models import Event
from evidence.intake.models import Delivery
from evidence.inventory.models import Account
from reports.packages.models import Package
from tenants.clients.switch import client as at_client
from tenants.engagements.models import Engagement
from tests.tenants.api.conftest import World

# Seconds for all of it; whoever is not asked in time is asked at the next start with other words.
MOST = 90
EXAMPLES = 4
ROLES = ("MA", "CA", "CO", "AU")


def real(world: World) -> dict[str, Any]:
    """What addresses name at this client."""
    with at_client(world.harbor):
        event = Event.objects.order_by("time").first()
        assert event is not None
        return {
            "batch": event.batch_id,
            "seq": event.seq,
            "number": ControlException.objects.earliest("pk").number,
            "account": Account.objects.earliest("pk").pk,
            "delivery": str(Delivery.objects.earliest("started_at").pk),
            "package": str(Package.objects.earliest("asked_at").pk),
            "engagement": str(Engagement.objects.filter(client=world.harbor).earliest("pk").pk),
            "slug": "aws",
            "control": "AC-01",
            "rule": "R01",
        }


@dataclass
class Asked:
    """What was asked, and how it was answered."""

    keys: dict[str, Any]
    labels: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)

    def ask(self, operation: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
        """Send some made-up requests of one operation; what fails is printed whole, so it needs no shrinking."""

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            # Random names lead nowhere: each second request is about what is there.
            if case.path_parameters and self.statuses.total() % 2:
                case.path_parameters = {name: self.keys[name] for name in case.path_parameters}
            answer = case.call(headers=headers)
            self.labels.add(operation.label)
            self.statuses[answer.status_code] += 1
            case.validate_response(answer, checks=[not_a_server_error], headers=headers)
            if answer.status_code >= 400 and case.method != "HEAD":
                assert answer.headers["content-type"][0].startswith("application/problem+json"), answer.text
                assert answer.json()["detail"]

        send()


@pytest.mark.slow
def test_no_operation_answers_with_a_server_error(world: World) -> None:
    schema = schemathesis.openapi.from_wsgi("/c/harbor/api/v1/schema/", application)
    headers = {role: world.token(role, writes=role != "AU").headers for role in ROLES}
    operations = [each.ok() for each in schema.get_all_operations()]
    assert len(operations) > 50
    asked, until = Asked(real(world)), time.monotonic() + MOST
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    turns = list(itertools.product(modes, ROLES))
    # Each round asks every operation once, each as another of the turns: the first alone asks as everybody.
    for number, (at, operation) in itertools.product(range(len(turns)), enumerate(operations)):
        mode, role = turns[(number + at) % len(turns)]
        if number == 0 or time.monotonic() < until:
            asked.ask(operation, mode, headers[role])
    print(f"{asked.statuses.total()} requests, answers {dict(sorted(asked.statuses.items()))}")
    assert asked.labels == {each.label for each in operations}
    assert asked.statuses[200], asked.statuses
