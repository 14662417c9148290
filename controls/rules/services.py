"""A client's own settings of a rule: kept from an instant on, for what happens after it."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from controls.results.models import RuleSetting
from controls.rules.language import Rule, validate_settings
from evidence.ledger.services import hold
from tenants.access.acts import record_act
from tenants.clients.switch import current_client


class Refused(Exception):
    """Settings that the rule cannot take; the message says which and why."""


def setting_of(rule: Rule) -> RuleSetting | None:
    """Return the newest settings of a rule at the present client; None where its defaults hold."""
    return RuleSetting.objects.filter(rule=rule.id).order_by("-valid_from", "-pk").first()


@transaction.atomic
def set_rule(
    rule: Rule, *, values: Mapping[str, object], enabled: bool, at: datetime, by: UUID | None
) -> RuleSetting:
    """Keep settings from now on; what happened before stays judged by those of its time. Raises `Refused`."""
    wrong = validate_settings(rule, values)
    if wrong:
        raise Refused(" ".join(f"{each[0].upper()}{each[1:]}" for each in wrong))
    hold()
    before = setting_of(rule)
    if before is not None and (before.values, before.enabled) == (dict(values), enabled):
        return before
    row = RuleSetting.objects.create(rule=rule.id, values=dict(values), enabled=enabled, valid_from=at, by=by)
    facts = {"rule": rule.id, "values": dict(values), "enabled": enabled}
    record_act(current_client(), "settings", f"rule:{rule.id}", actor=by, at=at, facts=facts)
    return row
