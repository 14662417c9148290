"""Signing in by a client's own provider: OpenID Connect's authorization code flow, with PKCE, state and nonce.

allauth walks the dance; what is here makes it strict. The provider is that of the client of the request and no other;
a token is verified in full (signature, issuer, audience, expiry, nonce) by keys of asymmetric algorithms only; and
nobody is made: whoever signs in is a person of that client already.
"""

import hashlib
import hmac
import secrets
import time
from typing import Any, Final

import jwt
from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.stages import AuthenticateStage
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from tenants.clients.models import Client
from tenants.identity.discovery import describe
from tenants.identity.fetch import Provider, Unreachable
from tenants.identity.models import IdentityProvider
from tenants.members.models import Membership, User
from tenants.secrets.signing import box
from tenants.sessions.services import bind

ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
_LEEWAY: Final = 30  # seconds by which clocks may differ
# Classes of authentication (acr) that mean several factors; amr says it by the word "mfa" (RFC 8176).
_SEVERAL_FACTORS: Final = frozenset(
    {
        "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
        "https://refeds.org/profile/mfa",
        "phr",
        "phrh",
    }
)


class NotSignedIn(OAuth2Error):
    """Why somebody whom the provider knows is not signed in, in words for them."""


class NoneHere(SocialApp.DoesNotExist, ValueError):
    """There is no such provider here: a sign-in that was begun at another client cannot go on at this one."""


def provider_of(client: Client | None) -> IdentityProvider | None:
    """Return the provider by which people of this client may sign in."""
    if client is None:
        return None
    return IdentityProvider.objects.filter(client=client, enabled=True).first()


def link_name(provider: IdentityProvider) -> str:
    """Return what links of people to this provider are kept under: another issuer's subjects are other people."""
    return hashlib.sha256(f"{provider.client_id}\n{provider.issuer.rstrip('/')}".encode()).hexdigest()[:40]


class SocialAdapter(DefaultSocialAccountAdapter):
    """Which provider there is, whom it may sign in, and how it is asked."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """Return the provider of the client of the request as allauth's app; nothing is kept in allauth's table."""
        found = provider_of(getattr(request, "client", None))
        if found is None:
            return []
        app = SocialApp(
            provider=OpenIDConnectProvider.id,
            provider_id=link_name(found),
            name=found.name,
            client_id=found.oidc_client_id,
            secret=box().decrypt(bytes(found.secret_encrypted)).decode(),
            settings={"server_url": found.issuer, "oauth_pkce_enabled": True},
        )
        asked = provider in (None, app.provider, app.provider_id) and client_id in (None, app.client_id)
        return [app] if asked else []

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> "ClientsProvider":
        """Return allauth's provider of the client's own."""
        try:
            app = self.get_app(request, provider=provider, client_id=client_id)
        except SocialApp.DoesNotExist as error:
            raise NoneHere from error
        return ClientsProvider(request, app=app)

    def serialize_instance(self, instance: Any) -> dict[str, Any]:
        """Keep of a person who is half signed in only who it is."""
        return (
            {"id": str(instance.pk)} if isinstance(instance, User) else super().serialize_instance(instance)
        )

    def deserialize_instance(self, model: Any, data: dict[str, Any]) -> Any:
        """Read such a person again."""
        return (
            User.objects.filter(pk=data["id"]).first()
            if model is User
            else super().deserialize_instance(model, data)
        )

    def get_requests_session(self) -> Provider:
        """Ask providers only as `tenants.identity.fetch` allows."""
        return Provider()

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """People come by invitation, never by signing in somewhere."""
        return False

    def authenticate_by_email(self, sociallogin: SocialLogin) -> None:
        """Leave it to `pre_social_login`: allauth would take the person's password away."""
        return

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find the person of this client whom the provider speaks of, or refuse in words."""
        try:
            person = _known(request.client, sociallogin) or _linked_first(request.client, sociallogin)
        except NotSignedIn as error:
            raise ImmediateHttpResponse(refusal(request, str(error))) from error
        sociallogin.user = person
        sociallogin.state["client"] = str(request.client.pk)

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, exception: Exception | None = None, **more: Any
    ) -> None:
        """Say on a page of ours what went wrong."""
        if isinstance(exception, (NotSignedIn, Unreachable)):
            words = str(exception)
        elif request.GET.get("error"):
            words = "The provider did not sign you in, or you canceled there."
        else:
            words = "What the provider answered does not belong to a sign-in that began here, or has expired."
        raise ImmediateHttpResponse(refusal(request, words))


def refusal(request: HttpRequest, words: str) -> HttpResponse:
    """Answer a sign-in that did not succeed: in words, with the way to try again."""
    return render(request, "tenants/identity/refused.html", {"words": words}, status=403)


def _known(client: Client, sociallogin: SocialLogin) -> User | None:
    """Return the person whom this subject was linked to before, whatever their mail address is now."""
    if not sociallogin.is_existing:
        return None
    if not _of_client(sociallogin.user, client):
        raise NotSignedIn("Your account here has ended. Ask an administrator of your company.")
    return sociallogin.user


def _linked_first(client: Client, sociallogin: SocialLogin) -> User:
    """Link the subject to the person of this client whose verified mail address the provider names."""
    addresses = [each for each in sociallogin.email_addresses if each.email]
    if not addresses:
        raise NotSignedIn(
            "The provider did not say your mail address. Its administrator can let it (scope email)."
        )
    verified = [each.email for each in addresses if each.verified]
    if not verified:
        raise NotSignedIn(
            "The provider does not vouch for your mail address. Verify it there, then try again."
        )
    person = User.objects.filter(email__iexact=verified[0]).first()
    if person is None or not _of_client(person, client):
        raise NotSignedIn(
            f"Nobody here has the address {verified[0]}. People come by invitation: ask for one."
        )
    account: SocialAccount = sociallogin.account
    if SocialAccount.objects.filter(provider=account.provider, user=person).exists():
        raise NotSignedIn(
            f"The account of {verified[0]} is linked to another person at the provider. Ask your administrator."
        )
    account.user = person
    account.save()
    return person


def _of_client(person: User, client: Client) -> bool:
    """Tell whether a client's provider may speak for somebody: a person of that client, and of nobody above it."""
    active = Membership.objects.filter(user=person, active=True)
    if active.filter(client=None).exists() or person.engagements.exists():
        return False
    return active.filter(client=client).exists()


class ClientsProvider(OpenIDConnectProvider):
    """allauth's provider, without what a visitor could add to the request."""

    oauth2_adapter_class: type[OpenIDConnectOAuth2Adapter]

    def get_oauth2_adapter(self, request: HttpRequest) -> "CodeFlow":
        """Walk our way."""
        return CodeFlow(request, self.app.provider_id)

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Begin a sign-in, with a nonce; `again` asks the provider for a fresh one."""
        nonce = secrets.token_urlsafe(24)
        asked = {"nonce": nonce}
        if "again" in request.GET:
            asked |= {"prompt": "login", "max_age": "0"}
        kwargs = super().get_redirect_from_request_kwargs(request)
        return {"process": "login", "next_url": kwargs.get("next_url"), "auth_params": asked, "nonce": nonce}

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Keep of the token only how the person was authenticated."""
        claims = data["id_token"]
        return {name: claims[name] for name in ("amr", "acr", "auth_time") if name in claims}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        """Take an address for verified only where the provider says exactly that."""
        claims = data["id_token"]
        mail = claims.get("email")
        if not isinstance(mail, str) or not mail:
            return []
        return [
            EmailAddress(email=mail, verified=claims.get("email_verified") in (True, "true"), primary=True)
        ]


class CodeFlow(OpenIDConnectOAuth2Adapter):
    """allauth's client of the flow, with the token verified in full."""

    nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        """What the provider says of itself, asked once per request."""
        if not hasattr(self, "_openid_config"):
            self._openid_config = describe(self.get_provider().app.settings["server_url"]).configuration
        return self._openid_config

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return where the provider sends people back to: an address of this client at this host."""
        return request.build_absolute_uri(reverse("provider_callback"))

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:
        """Read who signed in from the verified token; what it lacks of the mail address, from userinfo."""
        id_token = kwargs["response"].get("id_token")
        if not isinstance(id_token, str):
            raise NotSignedIn("The provider sent no identity token.")
        claims = self.verified(id_token, app.client_id)
        if "email" not in claims and "userinfo_endpoint" in self.openid_config:
            more = self._fetch_user_info(token.token)
            if more.get("sub") != claims["sub"]:
                raise NotSignedIn("The provider contradicts itself about who signed in.")
            claims |= {name: more[name] for name in ("email", "email_verified") if name in more}
        return self.get_provider().sociallogin_from_response(request, {"id_token": claims})

    def verified(self, id_token: str, audience: str) -> dict[str, Any]:
        """Return the claims of a token that is the provider's, for us, for this sign-in, and still good."""
        try:
            algorithm = jwt.get_unverified_header(id_token).get("alg")
            if algorithm not in ALGORITHMS:
                raise NotSignedIn("The provider's token is not signed by a public key.")
            claims: dict[str, Any] = jwt.decode(
                id_token,
                self._key(id_token).key,
                algorithms=[algorithm],
                audience=audience,
                issuer=self.openid_config["issuer"],
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise NotSignedIn(
                "The provider's token has expired. Are both clocks right? Try again."
            ) from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise NotSignedIn("The provider's token cannot be verified.") from error
        if claims.get("azp", audience) != audience:
            raise NotSignedIn("The provider's token is meant for somebody else.")
        if not self.nonce or not hmac.compare_digest(
            str(claims.get("nonce", "")).encode(), self.nonce.encode()
        ):
            raise NotSignedIn("The provider's token belongs to another sign-in. Try again.")
        return claims

    def _key(self, id_token: str) -> jwt.PyJWK:
        answer = Provider().get(self.openid_config["jwks_uri"])
        try:
            keys = jwt.PyJWKSet.from_dict(answer.json()).keys
        except (ValueError, AttributeError, TypeError) as error:
            raise NotSignedIn("The provider shows no keys that its token could be verified by.") from error
        kid = jwt.get_unverified_header(id_token).get("kid")
        fitting = [key for key in keys if kid is None or key.key_id == kid]
        if len(fitting) != 1:
            raise NotSignedIn("The provider's token is signed by a key that it does not show.")
        return fitting[0]


class Callback(OAuth2CallbackView):
    """allauth's view of the way back, which hands the nonce on."""

    def _get_state(self, request: HttpRequest, provider: ClientsProvider) -> tuple[Any, HttpResponse | None]:
        state, answer = super()._get_state(request, provider)
        if state is not None:
            self.adapter.nonce = state.get("nonce", "")
        return state, answer


class SecondFactorStage(AuthenticateStage):
    """Our own second factor, which a provider that the client vouches for may stand in for."""

    def _should_handle(self, request: HttpRequest) -> bool:
        sociallogin = (self.login.signal_kwargs or {}).get("sociallogin")
        if sociallogin is not None and asked_second_factor(sociallogin):
            return False
        return bool(super()._should_handle(request))


def asked_second_factor(sociallogin: SocialLogin) -> bool:
    """Tell whether the provider asked for several factors, and the client vouches that what it says of them is so."""
    provider = IdentityProvider.objects.filter(client=sociallogin.state.get("client")).first()
    if provider is None or not provider.second_factor:
        return False
    said = sociallogin.account.extra_data
    methods, level = said.get("amr"), said.get("acr")
    by_methods = isinstance(methods, list) and "mfa" in methods
    return by_methods or (isinstance(level, str) and level in _SEVERAL_FACTORS)


def on_signed_in(
    sender: Any, request: HttpRequest, user: User, sociallogin: SocialLogin | None = None, **kwargs: Any
) -> None:
    """Receive allauth's `user_logged_in`: a session that a client's provider opened is bound to that client.

    A second factor that the provider asked for just now counts as a fresh proof, too.
    """
    if sociallogin is None:
        return
    proven = asked_second_factor(sociallogin)
    bind(request, Client.objects.get(pk=sociallogin.state["client"]), second_factor=proven)
    when = sociallogin.account.extra_data.get("auth_time")
    if proven and isinstance(when, int) and time.time() - when < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
        record_authentication(request, user, method="provider")
