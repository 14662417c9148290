"""The `evidence` app."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `evidence`."""

    name = "evidence"

    def ready(self) -> None:
        """Tell the left of which days evidence tells, whose it is and which sources there are; keep its acts."""
        import evidence.batches.access
        import evidence.intake.telling  # noqa: F401  (both register by being imported)
        from evidence.intake.finding import SOURCES
        from evidence.intake.selectors import connected
        from evidence.ledger.acts import on_act
        from tenants.access.acts import act_recorded
        from tenants.apitokens.sources import offer
        from tenants.find.registry import register

        offer(connected)
        register(SOURCES)
        act_recorded.connect(on_act, dispatch_uid="evidence.ledger.acts")
