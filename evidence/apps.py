"""The `evidence` app."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `evidence`."""

    name = "evidence"

    def ready(self) -> None:
        """Tell the policy of which days evidence tells, and whose it is."""
        import evidence.batches.access  # noqa: F401  (registers by being imported)
