"""How allauth behaves here: nobody signs up, everybody lands where they may be, secrets are encrypted at rest."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.urls import get_script_prefix, reverse

from tenants.members.models import User
from tenants.members.stepup import proved_lately
from tenants.secrets.signing import box


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in by mail address and password."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People come by invitation, never by signing up."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Go to the root of where one signed in: the portal, or the client."""
        return str(get_script_prefix())

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Go back to the sign-in page of the same place."""
        return reverse("account_login")

    def is_reauthentication_required(self, *, app: str, **more: object) -> bool:
        """Ask again only whoever has not signed in or confirmed within the last minutes."""
        return not proved_lately(self.request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Go to the start page; a message says that it is done."""
        return str(get_script_prefix())


class MfaAdapter(DefaultMFAAdapter):
    """Second factors."""

    def get_totp_label(self, user: User) -> str:
        """Name the account in the person's authenticator by its mail address."""
        return user.email

    def encrypt(self, text: str) -> str:
        """Encrypt a secret with the installation's master key."""
        return box().encrypt(text.encode()).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        """Read a secret back, under the current or any earlier master key."""
        return box().decrypt(encrypted_text.encode()).decode()
