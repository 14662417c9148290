"""Which tables have a history, and what the page of history must know of each.

    @tracked("control", name="id", page=("control", "id"))
    class Control(models.Model): ...

makes the model `ControlHistory` beside it, with triggers that keep every insert, change and deletion, by whatever way
it came. Tables that intake and judging write in bulk are not tracked: what they hold is derived or append-only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pghistory
import pgtrigger
from django.db import models

from tenants.history.triggers import history_triggers, keep

Model = TypeVar("Model", bound=type[models.Model])


@dataclass(frozen=True, slots=True)
class Thing:
    """A tracked kind of thing: its word, model and history; `client` leads from a history row to its client's key.

    `name` is the field that names one; `page` the URL name of its page and the field that fills it.
    """

    word: str
    model: type[models.Model]
    history: type[models.Model]
    name: str
    client: str | None
    page: tuple[str, str] | None


_things: Final[dict[str, Thing]] = {}


def things() -> list[Thing]:
    """Return every tracked kind, by its word."""
    return sorted(_things.values(), key=lambda thing: thing.word)


def thing_called(word: str) -> Thing | None:
    """Return the tracked kind of this word, if there is one."""
    return _things.get(word)


class _Change(pghistory.RowEvent):
    """One kind of change, kept by our trigger."""

    def add_event_trigger(self, event_model: Any) -> None:
        """Register the trigger on the tracked model."""
        kept = keep(
            event_model, label=self.label, row=self.row, operation=self.operation, condition=self.condition
        )
        pgtrigger.register(kept)(event_model.pgh_tracked_model)


def tracked(
    word: str,
    *,
    name: str,
    page: tuple[str, str] | None = None,
    client: str | None = None,
    exclude: tuple[str, ...] = (),
) -> Callable[[Model], Model]:
    """Keep a model's history (see the module). A model of `public` names the column that holds its client.

    `exclude` are fields that are not kept: secrets.
    """

    def decorate(model: Model) -> Model:
        title = f"{model._meta.object_name}History"
        history = pghistory.create_event_model(
            model,
            _Change("insert", operation=pgtrigger.Insert, row="NEW"),
            _Change("update", operation=pgtrigger.Update, row="NEW"),
            _Change("delete", operation=pgtrigger.Delete, row="OLD"),
            exclude=list(exclude),
            obj_field=pghistory.ObjForeignKey(related_name="+", db_index=True, null=False),
            context_field=pghistory.ContextJSONField(),
            context_id_field=pghistory.ContextUUIDField(),
            model_name=title,
            abstract=False,
            attrs={"pgh_before": models.JSONField(null=True)},
            meta={"triggers": history_triggers(), "verbose_name": f"history of {word}"},
        )
        _things[word] = Thing(word, model, history, name, client, page)
        return model

    return decorate
