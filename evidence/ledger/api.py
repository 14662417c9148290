"""The client's ledger: its leaves with their proofs, and its signed heads."""

import base64
import json
from typing import Any

from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evidence.ledger.models import Checkpoint, LedgerEntry
from evidence.ledger.services import leaf_hashes
from evidence.ledger.tree import Tree
from tenants.access.declare import action
from tenants.api.endpoint import Endpoint, Listing, Page, ordered
from tenants.api.fields import Hex, Instant, Told


class LeafTold(Told):
    """One leaf: its content as JSON, and its hash."""

    content = serializers.SerializerMethodField()
    leaf_hash = Hex()

    class Meta:
        model = LedgerEntry
        fields = ("seq", "time", "kind", "ref", "content", "leaf_hash")

    def get_content(self, entry: LedgerEntry) -> dict[str, Any]:
        """Return what the leaf says (docs/formats/bundle.md)."""
        return json.loads(bytes(entry.leaf))


class WholeLeafTold(LeafTold):
    """One leaf with its exact bytes and, once a head covers it, the way to that head."""

    leaf = serializers.SerializerMethodField(help_text="The leaf's bytes in base64.")
    path = serializers.SerializerMethodField(help_text="The inclusion proof: sibling hashes in base64.")
    head = serializers.SerializerMethodField(
        help_text="The signed head that the path leads to; null before one."
    )

    class Meta(LeafTold.Meta):
        fields = (*LeafTold.Meta.fields, "leaf", "path", "head")  # type: ignore[assignment]

    def get_leaf(self, entry: LedgerEntry) -> str:
        """Return its bytes."""
        return base64.b64encode(bytes(entry.leaf)).decode()

    def get_path(self, entry: LedgerEntry) -> list[str]:
        """Return the inclusion proof."""
        head = self._head(entry)
        if head is None:
            return []
        siblings = Tree(leaf_hashes(0, head.size)).inclusion(entry.seq)
        return [base64.b64encode(each).decode() for each in siblings]

    def get_head(self, entry: LedgerEntry) -> str | None:
        """Return the signed note."""
        head = self._head(entry)
        return head.note if head is not None else None

    def _head(self, entry: LedgerEntry) -> Checkpoint | None:
        return Checkpoint.objects.filter(size__gt=entry.seq).order_by("-size").first()


_LEAF_ORDERS = {"-seq": ("-seq",), "seq": ("seq",)}


class LeavesAsked(Page):
    """Which leaves."""

    kind = serializers.CharField(required=False, max_length=10)
    ref = serializers.CharField(required=False, max_length=120)
    since = Instant(required=False)
    until = Instant(required=False)
    order = ordered(_LEAF_ORDERS)


@action("ledger.read")
class Leaves(Listing):
    """List the leaves of the ledger."""

    names = {"GET": "list_leaves"}
    gives = LeafTold
    query = LeavesAsked
    orders = _LEAF_ORDERS
    filters = {"kind": "kind", "ref": "ref", "since": "time__gte", "until": "time__lt"}

    def found(self) -> QuerySet[Any]:
        """Return every leaf; for an auditor those of the period."""
        period = self.gate.period
        if period is None:
            return LedgerEntry.objects.all()
        return LedgerEntry.objects.filter(time__gte=period.begins_at, time__lt=period.ends_before)


@action("ledger.read")
class OneLeaf(Endpoint):
    """One leaf."""

    names = {"GET": "get_leaf"}
    gives = WholeLeafTold

    def get(self, request: Request, seq: int) -> Response:
        """Show one leaf with its proof."""
        return self.told(self.one(LedgerEntry.objects.all(), pk=seq))


class CheckpointTold(Told):
    """A signed head (C2SP tlog-checkpoint)."""

    root = Hex()  # type: ignore[assignment]

    class Meta:
        model = Checkpoint
        fields = ("size", "root", "time", "note")


_HEAD_ORDERS = {"-size": ("-size",), "size": ("size",)}


class CheckpointsAsked(Page):
    """Which heads."""

    order = ordered(_HEAD_ORDERS)


@action("ledger.read")
class Checkpoints(Listing):
    """List the signed heads of the ledger."""

    names = {"GET": "list_checkpoints"}
    gives = CheckpointTold
    query = CheckpointsAsked
    orders = _HEAD_ORDERS

    def found(self) -> QuerySet[Any]:
        """Return every head: one shows nothing but a size and a hash, and an auditor checks proofs against it."""
        self.gate.asked = True
        return Checkpoint.objects.all()

    def shown(self, rows: list[Any]) -> list[Any]:
        """Return every head of the page."""
        return rows


urlpatterns = [
    path("ledger/leaves/", Leaves.as_view(), name="api_leaves"),
    path("ledger/leaves/<int:seq>/", OneLeaf.as_view(), name="api_leaf"),
    path("ledger/checkpoints/", Checkpoints.as_view(), name="api_checkpoints"),
]
