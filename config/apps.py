"""The wiring app: signal connections and start-up checks."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Wires what the four apps must not import from each other."""

    name = "config"
    label = "config"
