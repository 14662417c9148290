"""`request.access`: what a view asks about the objects it shows, for the person and client of the request."""

import datetime
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from django.http import Http404
from django.utils.functional import cached_property

from tenants.access.policy import (
    Refused,
    Standing,
    depends_on_object,
    is_read,
    judged,
    judged_some,
)
from tenants.clients.period import Period
from tenants.members.models import User

Shown = TypeVar("Shown")


class NotAskedError(RuntimeError):
    """A page answered without asking the gate about its objects, though only they decide what may be seen."""


class Gate:
    """The policy's answers within one request. `asked` records that the view consulted it about objects."""

    def __init__(self, place: Standing, action: str) -> None:
        self.standing = place
        self.action = action
        self.asked = False

    @property
    def at(self) -> datetime.datetime:
        """The instant at which the request is judged."""
        return self.standing.at

    @property
    def person(self) -> User:
        """Who is signed in and asks."""
        assert isinstance(self.standing.principal, User)
        return self.standing.principal

    @cached_property
    def must_ask(self) -> bool:
        """Whether the page's own action depends on the object for this person."""
        return depends_on_object(self.standing, self.action)

    @property
    def period(self) -> Period | None:
        """The days that an auditor's engagement covers: bound every query by them. None for everybody else."""
        if self.standing.is_auditor:
            self.asked = True
        return self.standing.period

    def covers(self, criterion: str) -> bool:
        """Tell whether a criterion is of a category that an auditor's engagement covers; True for everybody else."""
        return self.standing.covers((criterion,))

    def allows(self, obj: object, action: str | None = None) -> bool:
        """Tell whether the page's action, or another one, is allowed for an object."""
        self.asked = True
        return judged(self.standing, action or self.action, obj)

    def may(self, action: str) -> bool:
        """Tell whether another action could be allowed for some object of this client: for showing a button."""
        return judged_some(self.standing, action)

    def could(self, action: str) -> bool:
        """Tell whether another action would be open after a fresh second factor: for showing where it begins."""
        return judged_some(replace(self.standing, step_up=True), action)

    def would(self, obj: object, action: str) -> bool:
        """Tell whether another action on an object is allowed, or would be after a fresh second factor."""
        self.asked = True
        return judged(replace(self.standing, step_up=True), action, obj)

    def check(self, obj: object, action: str | None = None) -> None:
        """Refuse an object: reads answer 404, as if it were absent; acts answer 403 in words."""
        if self.allows(obj, action):
            return
        if is_read(action or self.action) or not judged(self.standing, self.action, obj):
            raise Http404
        raise Refused(self.standing, action or self.action)

    def only(self, objects: Iterable[Shown], action: str | None = None) -> list[Shown]:
        """Return those objects of an iterable that may be shown, in order."""
        self.asked = True
        return [each for each in objects if judged(self.standing, action or self.action, each)]
