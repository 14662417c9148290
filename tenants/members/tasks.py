"""Mail that a page must not wait for: waiting would tell whether there is somebody to send it to."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from celery import shared_task
from django.conf import settings
from django.urls import get_script_prefix, reverse

from tenants.members.models import User
from tenants.notifications.mail import send_mail


@shared_task(name="tenants.mail_reset_link", ignore_result=True)
def mail_reset_link(email: str, base: str) -> None:
    """Mail the link that sets a new password, if somebody has this address; `base` is where they asked for it."""
    person = User.objects.filter(email__iexact=email, is_active=True).first()
    if person is None:
        return
    names = {"uidb36": user_pk_to_url_str(person), "key": default_token_generator.make_token(person)}
    path = reverse("account_reset_password_from_key", urlconf=settings.ROOT_URLCONF, kwargs=names)
    path = path.removeprefix(get_script_prefix())
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    send_mail(
        person.email,
        "A new password for Proofline",
        f"Somebody asked for a new password for this address at {base}\n\n"
        f"This link sets one. It works once, for {minutes} minutes:\n\n{base}{path}\n\n"
        "If it was not you, nothing needs to be done: the password stays as it is.\n",
    )
