"""What beat sends, and how often: one entry per kind of work."""

import json
from typing import Any

# (name, the client task, every so many seconds): fanned out to every client (`tenants.fan_out`). The sweep finds
# what no message announced.
SCHEDULES = (
    ("Seal and record what waits", "evidence.intake", 60),
    ("Build the packages that wait", "reports.build_waiting", 60),
    ("Compute the cockpit's rows", "controls.summary", 300),
    ("Tell people of exceptions", "controls.tell", 300),
    ("Tell people of tokens of sources that expire", "evidence.tell", 3600),
    ("Record the end of break-glass", "tenants.settle_breakglass", 60),
    ("Sign the ledgers' heads", "evidence.checkpoint", 6 * 3600),
)
# The same for what the portal does once, at no client.
PORTAL_SCHEDULES = (
    ("Send the mail that is due", "tenants.send_mails", 60),
    ("Keep spare schemas ready", "tenants.refill_spares", 60),
    ("Tell people of API tokens that expire", "tenants.tell_expiring", 3600),
    ("Remove messages that were done", "config.prune_broker", 3600),
    ("Forget idempotency keys of yesterday", "tenants.sweep_idempotency_keys", 3600),
)


def ensure_schedules(**_: Any) -> None:
    """Have an entry for each schedule after every migration; what an operator switched off stays off."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    wanted = [
        (name, "tenants.fan_out", json.dumps({"task": task}), seconds) for name, task, seconds in SCHEDULES
    ]
    wanted += [(name, task, "{}", seconds) for name, task, seconds in PORTAL_SCHEDULES]
    for name, task, kwargs, seconds in wanted:
        interval, _created = IntervalSchedule.objects.get_or_create(
            every=seconds, period=IntervalSchedule.SECONDS
        )
        PeriodicTask.objects.update_or_create(
            name=name, defaults={"task": task, "kwargs": kwargs, "interval": interval}
        )
