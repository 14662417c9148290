"""How a rule's question for a fact reaches the inventory, and which answers a judgment rests on."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from evidence.intake.models import Source
from evidence.inventory.facts import Facts
from evidence.inventory.models import Proof
from evidence.inventory.store import fact_key, proof_key
from evidence.ocsf.event import MISSING, Event
from evidence.sources import contract
from evidence.sources.registry import adapter

# Facts that lie in other events of the same sign-in or session, asked of the adapter.
SESSION = "session."


class Asking:
    """Answers `fact.*` of events of one source as of their time; remembers what was asked since `taken`."""

    def __init__(self, source: Source, start: datetime, end: datetime, names: Iterable[str]) -> None:
        self._adapter = adapter(source.slug)
        self._facts = Facts(source.pk, start, end, names=[*names, "arn"])
        self._source = source
        self._asked: set[str] = set()
        self._subjects: set[str] = set()
        self._keys: set[tuple[str, str]] = set()
        self._foresaw = False
        self._read: dict[tuple[str, str], list[contract.Proof]] = {}

    def foresee(self, event: Event, name: str) -> object:
        """Answer what the event itself implies, else MISSING, and note what would have to be read."""
        implied = self._adapter.implied(event, name)
        if implied is not MISSING:
            return implied
        self._foresaw = True
        self._subjects.update(self._adapter.fact_subjects(event, name))
        self._keys.update(self._adapter.proof_keys(event))
        return MISSING

    def foresaw(self) -> bool:
        """Return whether anything was noted since the last call."""
        foresaw, self._foresaw = self._foresaw, False
        return foresaw

    def read_ahead(self) -> None:
        """Read the facts and proofs that were noted, all at once."""
        self._facts.load(self._subjects)
        wanted = sorted(self._keys)
        if wanted:
            self._read.update({key: [] for key in wanted})
            rows = Proof.objects.filter(source=self._source, key__in=[key for _, key in wanted])
            for row in rows.order_by("at", "uid"):
                if (row.kind, row.key) in self._read:
                    self._read[row.kind, row.key].append(_proof(row))

    def __call__(self, event: Event, name: str) -> object:
        """Return the value of a fact (`actor.privileged`) at the event's time, or MISSING."""
        implied = self._adapter.implied(event, name)
        if implied is not MISSING:
            return implied
        if name.startswith(SESSION):
            return self._adapter.session_fact(event, name, self._proofs)
        fact = name.rsplit(".", 1)[-1]
        for subject in self._adapter.fact_subjects(event, name):
            self._asked.update(fact_key(each, fact) for each in self._facts.group(subject))
            value = self._facts.at(subject, fact, event.time)
            if value is not MISSING:
                return value
        return self._kind_of_origin(event) if name == "actor.kind" else MISSING

    def occurrence_key(self, event: Event) -> str:
        """Return what all records of the event's occurrence share; empty where only its own id would tell it."""
        other = self._adapter.same_occurrence(event, self._proofs)
        if other is not None:
            return f"pair:{min(event.uid, other).hex()}"
        return "" if event.occurrence_key == event.uid.hex() else event.occurrence_key

    def _kind_of_origin(self, event: Event) -> object:
        """Who stands at the start of a chain of roles is a person or not, whatever the last role is."""
        kind, subjects = self._adapter.origin(event, self._proofs)
        if kind:
            return kind
        for subject in subjects:
            self._asked.update(fact_key(each, "kind") for each in self._facts.group(subject))
            value = self._facts.at(subject, "kind", event.time)
            if value is not MISSING:
                return value
        return MISSING

    @property
    def asked(self) -> bool:
        """Whether anything was asked since the last `taken`."""
        return bool(self._asked)

    def taken(self) -> tuple[str, ...]:
        """Return what was asked since the last call, and forget it."""
        asked, self._asked = self._asked, set()
        return tuple(sorted(asked))

    def _proofs(self, kind: str, key: str) -> Sequence[contract.Proof]:
        self._asked.add(proof_key(kind, key))
        if (kind, key) not in self._read:
            rows = Proof.objects.filter(source=self._source, kind=kind, key=key).order_by("at", "uid")
            self._read[kind, key] = [_proof(row) for row in rows]
        return self._read[kind, key]


def _proof(row: Proof) -> contract.Proof:
    return contract.Proof(row.kind, row.key, row.at, row.value, row.seq, bytes(row.uid))
