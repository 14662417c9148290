"""Signing in, the same at the portal and at a client: allauth's views, only those that exist here, each declared."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from django.urls import path

from tenants.access.declare import own_session, public_view
from tenants.members import factors, views

_anyone = public_view("a step of signing in, for people who are not signed in yet")
_oneself = own_session("the person's own password and second factor")

urlpatterns = [
    path("accounts/login/", _anyone(views.SignIn.as_view()), name="account_login"),
    path("accounts/logout/", _anyone(account.logout), name="account_logout"),
    path("accounts/inactive/", _anyone(account.account_inactive), name="account_inactive"),
    path("accounts/reauthenticate/", _oneself(account.reauthenticate), name="account_reauthenticate"),
    path(
        "accounts/password/change/", _oneself(views.ChangePassword.as_view()), name="account_change_password"
    ),
    path("accounts/password/reset/", _anyone(account.password_reset), name="account_reset_password"),
    path(
        "accounts/password/reset/sent/",
        _anyone(account.password_reset_done),
        name="account_reset_password_done",
    ),
    path(
        "accounts/password/reset/done/",
        _anyone(account.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path(
        "accounts/password/reset/<str:uidb36>/<str:key>/",
        _anyone(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path("accounts/second-factor/", _oneself(mfa.index), name="mfa_index"),
    path("accounts/second-factor/code/", _anyone(mfa.authenticate), name="mfa_authenticate"),
    path("accounts/second-factor/again/", _oneself(factors.FreshProof.as_view()), name="mfa_reauthenticate"),
    path("accounts/second-factor/authenticator/", _oneself(totp.activate_totp), name="mfa_activate_totp"),
    path(
        "accounts/second-factor/authenticator/remove/",
        _oneself(factors.one_at_a_time(totp.deactivate_totp)),
        name="mfa_deactivate_totp",
    ),
    path(
        "accounts/second-factor/again/passkey/",
        _oneself(factors.FreshProofByPasskey.as_view()),
        name="mfa_reauthenticate_webauthn",
    ),
    path(
        "accounts/second-factor/passkeys/",
        _oneself(factors.AddPasskey.as_view()),
        name="mfa_add_webauthn",
    ),
    path(
        "accounts/second-factor/passkeys/<int:pk>/",
        _oneself(factors.RenamePasskey.as_view()),
        name="mfa_edit_webauthn",
    ),
    path(
        "accounts/second-factor/passkeys/<int:pk>/remove/",
        _oneself(factors.one_at_a_time(factors.RemovePasskey.as_view())),
        name="mfa_remove_webauthn",
    ),
    path(
        "accounts/second-factor/recovery/",
        _oneself(recovery.view_recovery_codes),
        name="mfa_view_recovery_codes",
    ),
    path(
        "accounts/second-factor/recovery/new/",
        _oneself(recovery.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "accounts/second-factor/recovery/file/",
        _oneself(recovery.download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
    path("accounts/appearance/", views.theme, name="theme"),
]
