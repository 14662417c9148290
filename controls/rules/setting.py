"""Setting a rule at a client: a new version from now on, never a change of one that has judged."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from controls.results.models import RuleSetting
from controls.rules.language import validate_settings
from controls.rules.registry import rule_by_id
from tenants.access.acts import record_act


class Refused(ValueError):
    """A setting that the rule cannot take; the sentence says why."""


def refuse(rule_id: str, values: object) -> None:
    """Raise `Refused` with all that is wrong with values of a rule's settings."""
    rule = rule_by_id(rule_id)
    if rule is None:
        raise Refused(f'There is no rule "{rule_id}".')
    if not isinstance(values, dict):
        raise Refused('Write the values as a JSON object, such as {"accepted_factors": ["webauthn"]}.')
    if "\\u0000" in json.dumps(values):
        raise Refused("The values hold a NUL character, which nothing can keep. Take it out.")
    sentences = validate_settings(rule, values)
    if sentences:
        raise Refused(" ".join(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in sentences))


def set_rule(
    rule_id: str, *, values: Mapping[str, Any], enabled: bool, by: uuid.UUID, at: datetime
) -> RuleSetting:
    """Have a rule judge with these values what happens from `at` on; one leaf of the ledger."""
    refuse(rule_id, dict(values))
    with transaction.atomic():
        made = RuleSetting.objects.create(
            rule=rule_id, values=dict(values), enabled=enabled, valid_from=at, by=by
        )
        facts = {"rule": rule_id, "values": dict(values), "enabled": enabled}
        record_act(connection.tenant, "settings", f"rule:{rule_id}", actor=by, at=at, facts=facts)
        return made
