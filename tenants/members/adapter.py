"""How allauth behaves here: nobody signs up, everybody lands where they may be, secrets are encrypted at rest."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.urls import get_script_prefix, reverse

from tenants.members.limits import clear_failures, too_many
from tenants.members.models import User
from tenants.members.selectors import is_last_needed_factor
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

    def validation_error(self, code: str, *args: object) -> ValidationError:
        """Answer too many tries by their own status and page, wherever they are counted."""
        if code in ("too_many_login_attempts", "rate_limited"):
            raise ImmediateHttpResponse(too_many(context.request))
        return super().validation_error(code, *args)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: str) -> str:
        """Count by the account alone: at which address one tries does not matter."""
        return credentials.get("email", "").strip().lower()

    def authenticate(self, request: HttpRequest, **credentials: str) -> User | None:
        """Forget the account's failed tries once it is opened."""
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            clear_failures(request, self._get_login_attempts_cache_key(request, **credentials))
        return user

    def reauthenticate(self, user: User, password: str) -> bool:
        """Ask for the password of the mail address that one signs in by."""
        again = self.authenticate(context.request, email=user.email, password=password)
        return again is not None and again.pk == user.pk

    def get_login_stages(self) -> list[str]:
        """Ask for the second factor as `tenants.identity` has it: a client's provider may have asked for one."""
        return ["tenants.identity.oidc.SecondFactorStage"]

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

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": "Your role asks for a second factor, and this is your last one. "
        "Add another before you remove it."
    }

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Keep the last factor of whoever needs one."""
        return not is_last_needed_factor(authenticator)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Bind passkeys to the host at which they are made: the portal's, or a client's own."""
        host, _ = split_domain_port(context.request.get_host())
        return {"id": host, "name": "Proofline"}

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002  (allauth's name)
        """Number the passkeys of a person who names none."""
        return f"Passkey {Authenticator.objects.filter(user=user, type=type).count() + 1}"

    def get_totp_label(self, user: User) -> str:
        """Name the account in the person's authenticator by its mail address."""
        return user.email

    def encrypt(self, text: str) -> str:
        """Encrypt a secret with the installation's master key."""
        return box().encrypt(text.encode()).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        """Read a secret back, under the current or any earlier master key."""
        return box().decrypt(encrypted_text.encode()).decode()
