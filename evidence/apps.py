"""The `evidence` app."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `evidence`."""

    name = "evidence"
