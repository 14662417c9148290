"""The `evidence` app."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `evidence`."""

    name = "evidence"

    def ready(self) -> None:
        """Tell the policy of which days evidence tells, and whose it is; keep the acts of the left in the ledger."""
        import evidence.batches.access  # noqa: F401  (registers by being imported)
        from evidence.ledger.acts import on_act
        from tenants.access.acts import act_recorded

        act_recorded.connect(on_act, dispatch_uid="evidence.ledger.acts")
