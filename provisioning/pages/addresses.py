"""Where strangers come in."""

from django.urls import URLPattern, path

from provisioning.pages.accepting import accept_invite
from provisioning.pages.confirming import confirm_address
from provisioning.pages.signing_in import sign_in, sign_out

PAGES: list[URLPattern] = [
    path("sign-in/", sign_in, name="login"),
    path("sign-in/<slug:slug>/", sign_in, name="sign_in"),
    path("sign-out/", sign_out, name="logout"),
    path("invite/<str:token>/", accept_invite, name="accept_invite"),
    path("confirm-address/<str:token>/", confirm_address, name="confirm_address"),
]
