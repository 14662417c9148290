"""The `controls` app."""

from django.apps import AppConfig


class ControlsConfig(AppConfig):
    """Catalogue, rules, results, exceptions: what events mean for controls."""

    name = "controls"

    def ready(self) -> None:
        """Listen to what the apps on the left announce; check the rule files at start-up."""
        import controls.catalogue.categories
        import controls.catalogue.ownership
        import controls.rules.checks  # noqa: F401
        from controls.catalogue.services import on_client_created
        from controls.exceptions.telling import on_batch_recorded
        from controls.exceptions.work import EXCEPTIONS
        from controls.finding import FINDERS, titles
        from controls.results.judging import on_batch_recording
        from controls.results.on_event import on_delivery_page, on_event_page
        from evidence.batches.signals import batch_recorded, batch_recording
        from evidence.events.parts import delivery_page, event_page
        from tenants.clients.signals import client_created
        from tenants.cockpit import naming
        from tenants.find import registry as find
        from tenants.mywork import registry as mywork

        mywork.register(EXCEPTIONS)
        naming.register(titles)
        for finder in FINDERS:
            find.register(finder)
        batch_recording.connect(on_batch_recording, dispatch_uid="controls.judging")
        batch_recorded.connect(on_batch_recorded, dispatch_uid="controls.telling")
        client_created.connect(on_client_created, dispatch_uid="controls.catalogue")
        event_page.connect(on_event_page, dispatch_uid="controls.event_page")
        delivery_page.connect(on_delivery_page, dispatch_uid="controls.delivery_page")
