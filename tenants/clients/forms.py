"""The forms about a client. What may stand in them is the services' word; a form says it beside the field."""

from django import forms

from tenants.clients.models import Client, validate_zone
from tenants.clients.names import validate_one_line
from tenants.clients.services import PAPERS


class SettingsForm(forms.Form):
    """Name, zone and paper, and how they were when the form was shown."""

    name = forms.CharField(
        label="Name", max_length=120, validators=[validate_one_line], help_text="As it is printed."
    )
    zone = forms.CharField(
        label="Time zone",
        max_length=64,
        validators=[validate_zone],
        help_text="An IANA name such as Europe/Zurich. Days begin and end by it.",
    )
    paper = forms.ChoiceField(label="Paper", choices=[(each, each) for each in PAPERS])


class ChangeForm(SettingsForm):
    """The settings of a client that is there."""

    seen = forms.CharField(max_length=64, widget=forms.HiddenInput, required=False)

    def show_again(self, **values: str) -> None:
        """Show what was typed over what the client is now."""
        self.data = self.data.copy()
        self.data.update(values)


class NewClientForm(SettingsForm):
    """A client to be made."""

    slug = forms.CharField(
        label="Slug",
        max_length=200,
        help_text="Small letters, digits and single hyphens: its address, for good.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    host = forms.CharField(
        label="Host of its own",
        max_length=253,
        required=False,
        help_text="Where it answers at the root, such as soc.acme.example. Its name must resolve to the portal.",
    )
    field_order = ["name", "slug", "zone", "paper", "host"]


def values_of(client: Client) -> dict[str, str]:
    """Return a client's settings as the form has them."""
    return {"name": client.name, "zone": client.zone, "paper": client.paper}
