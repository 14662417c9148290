"""What the policy must know of the evidence: of which days a thing tells, and whose control it belongs to."""

import datetime
import uuid

from evidence.batches.models import Batch, RejectedRecord
from evidence.events.models import Event
from evidence.intake.models import Delivery, Source
from evidence.inventory.models import Account
from tenants.access.policy import days_of, owners_of, source_of

Days = tuple[datetime.datetime, datetime.datetime]


@days_of.register
def days_of_batch(obj: Batch) -> Days:
    """The days of its events; of a listing its instants; of neither the time of its receipt."""
    if obj.first_event and obj.last_event:
        return obj.first_event, obj.last_event
    listed = sorted(snapshot.at for snapshot in obj.snapshots.all())
    if listed:
        return listed[0], listed[-1]
    return obj.received_from, obj.received_to


@days_of.register
def _(obj: RejectedRecord) -> Days:
    """A record that cannot be placed in time lies where its batch does."""
    return days_of_batch(obj.batch)


@days_of.register
def _(obj: Delivery) -> Days:
    """The instant at which the file was given."""
    return obj.started_at, obj.finished_at or obj.started_at


@days_of.register
def _(obj: Account) -> Days:
    """From when it was first seen to when it was last seen."""
    return obj.first_seen, obj.last_seen


@source_of.register
def _(obj: Source) -> str:
    return obj.slug


@source_of.register
def _(obj: Batch | Delivery | Account) -> str:
    return obj.source.slug


@source_of.register
def _(obj: Event) -> str:
    return obj.source.slug


@source_of.register
def _(obj: RejectedRecord) -> str:
    return obj.batch.source.slug


# Evidence belongs to the controls that read its source; the app that knows controls answers for `Source`.


@owners_of.register
def _(obj: Batch | Delivery | Account) -> frozenset[uuid.UUID]:
    return owners_of(obj.source)


@owners_of.register
def _(obj: Event) -> frozenset[uuid.UUID]:
    return owners_of(obj.source)


@owners_of.register
def _(obj: RejectedRecord) -> frozenset[uuid.UUID]:
    return owners_of(obj.batch.source)
