"""Telling a worker that bytes wait. Only a hint: without a broker the sweep finds them within a minute."""

import logging

from kombu.exceptions import KombuError

from tenants.clients.models import Client

log = logging.getLogger(__name__)


def hint_intake(client: Client, *, countdown: float = 0) -> None:
    """Send the client's intake task, to run in `countdown` seconds.

    A broker that is down or full is logged and costs nothing else.
    """
    # Imported here because the task imports this room.
    from evidence.batches.tasks import intake

    try:
        intake.apply_async(kwargs={"client": client.pk}, countdown=countdown or None, retry=False)
    except (KombuError, OSError) as error:
        log.warning("no worker was told of new bytes: %s", error)
