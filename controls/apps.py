"""The `controls` app."""

from django.apps import AppConfig


class ControlsConfig(AppConfig):
    """See `docs/contributor.md` for what lives in `controls`."""

    name = "controls"
