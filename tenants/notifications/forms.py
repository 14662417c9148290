"""Choosing how one is mailed."""

import zoneinfo

from django import forms

from tenants.notifications.models import NotificationSetting


def _zones() -> list[tuple[str, str]]:
    return [
        (name, name.replace("_", " "))
        for name in sorted(zoneinfo.available_timezones())
        if name == "UTC" or ("/" in name and not name.startswith(("Etc/", "SystemV/", "posix/", "right/")))
    ]


class MailForm(forms.Form):
    """When mail comes: by kind, at once, once a day at an hour of one's own zone, or not at all."""

    mail = forms.ChoiceField(
        label="Mail me",
        choices=[
            (NotificationSetting.Mail.BY_KIND, "as each kind says (see below)"),
            (NotificationSetting.Mail.AT_ONCE, "at once"),
            (NotificationSetting.Mail.DIGEST, "once a day, everything in one mail"),
            (NotificationSetting.Mail.OFF, "not at all; I look here"),
        ],
        help_text="What cannot wait is mailed at once in any case.",
    )
    digest_hour = forms.TypedChoiceField(
        label="Hour of the daily mail",
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
    )
    zone = forms.ChoiceField(label="In the time zone", choices=_zones)
