"""The Celery application: tasks are found in each app's `tasks.py`."""

import os
import time
from pathlib import Path
from typing import Any

from celery import Celery, signals
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")

# Seconds that a done message is kept by the file-system broker, for whoever looks into a fault.
KEPT = 3600

TRANSPORT_ALIASES["filesystem"] = "config.broker:Transport"

app = Celery("proofline")
# Threads that did not import this module send through it too: the web server answers in such.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.task_prerun.connect
@signals.task_postrun.connect
def keep_usable_connections(task: Any, **_: Any) -> None:
    """Let a worker's connections live from task to task, as the web's do from request to request.

    Those that are broken, old, or have served many clients are closed (`tenants.database.backend`). A task that
    runs within a request or another task leaves the connections to that one.
    """
    from django.db import connections

    if task.request.is_eager:
        return
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()
        if connection.connection is not None and not connection.is_usable():
            connection.close()


@app.task(name="config.prune_broker", ignore_result=True)
def prune_broker() -> int:
    """Remove messages that the file-system broker kept after they were done; return how many. Others keep none."""
    from django.conf import settings

    if not settings.CELERY_BROKER_URL.startswith("filesystem://"):
        return 0
    removed = 0
    for path in Path(str(settings.CELERY_BROKER_TRANSPORT_OPTIONS["processed_folder"])).iterdir():
        if time.time() - path.stat().st_mtime > KEPT:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
