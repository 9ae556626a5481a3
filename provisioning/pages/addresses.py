"""Where strangers come in."""

from django.urls import URLPattern, path

from provisioning.pages.accepting import accept_invite
from provisioning.pages.confirming import confirm_address
from provisioning.pages.internal_users import (
    add_internal_user,
    internal_users,
    mail_internal_user,
)
from provisioning.pages.oidc import backchannel_logout, callback
from provisioning.pages.resetting import forgot_password, reset_password
from provisioning.pages.signing_in import sign_in, sign_out
from provisioning.pages.starting import sign_in_with

PAGES: list[URLPattern] = [
    path("sign-in/", sign_in, name="login"),
    path("sign-in/<slug:slug>/", sign_in, name="sign_in"),
    path("sign-in/<slug:slug>/<uuid:provider_id>/", sign_in_with, name="sign_in_with"),
    path("sign-in/<slug:slug>/<uuid:provider_id>/callback/", callback, name="oidc_callback"),
    path(
        "sign-in/<slug:slug>/<uuid:provider_id>/backchannel-logout/",
        backchannel_logout,
        name="oidc_backchannel_logout",
    ),
    path("tenants/<slug:slug>/internal-users/", internal_users, name="internal_users"),
    path("tenants/<slug:slug>/internal-users/add/", add_internal_user, name="add_internal_user"),
    path(
        "tenants/<slug:slug>/internal-users/<uuid:person_id>/mail/",
        mail_internal_user,
        name="mail_internal_user",
    ),
    path("sign-out/", sign_out, name="logout"),
    path("invite/<str:token>/", accept_invite, name="accept_invite"),
    path("forgot-password/", forgot_password, name="forgot_password"),
    path("reset-password/<str:token>/", reset_password, name="reset_password"),
    path("confirm-address/<str:token>/", confirm_address, name="confirm_address"),
]
