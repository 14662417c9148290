"""What beat sends, and how often: one entry per kind of work, fanned out to every client (`tenants.fan_out`)."""

import json
from typing import Any

# (name, the client task, every so many seconds). The sweep finds what no message announced.
SCHEDULES = (
    ("Seal and record what waits", "evidence.intake", 60),
    ("Build the packages that wait", "reports.build_waiting", 60),
    ("Compute the cockpit's rows", "controls.summary", 300),
    ("Sign the ledgers' heads", "evidence.checkpoint", 6 * 3600),
)


def ensure_schedules(**_: Any) -> None:
    """Have an entry for each of `SCHEDULES` after every migration; what an operator switched off stays off."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    for name, task, seconds in SCHEDULES:
        interval, _created = IntervalSchedule.objects.get_or_create(
            every=seconds, period=IntervalSchedule.SECONDS
        )
        PeriodicTask.objects.update_or_create(
            name=name,
            defaults={"task": "tenants.fan_out", "kwargs": json.dumps({"task": task}), "interval": interval},
        )
    hourly, _created = IntervalSchedule.objects.get_or_create(every=3600, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.update_or_create(
        name="Remove messages that were done", defaults={"task": "config.prune_broker", "interval": hourly}
    )
