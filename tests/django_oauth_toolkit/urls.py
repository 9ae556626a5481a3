"""The pages: those of django-oauth-toolkit, and a form that signs anybody in."""

import json
import os
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model, login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.oauth2_validators import OAuth2Validator

BACKEND = "django.contrib.auth.backends.ModelBackend"
FORM = "<form method=post><input name=login><input name=password><button>Sign in</button></form>"


class Validator(OAuth2Validator):
    # Every claim with every scope.
    oidc_claim_scope = None

    def get_additional_claims(self, request: Any) -> dict[str, Any]:
        people = json.loads((Path(os.environ["FOLDER"]) / "people.json").read_text())
        claims: dict[str, Any] = people[request.user.username]
        return claims


@csrf_exempt
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponse(FORM)
    user, _ = get_user_model().objects.get_or_create(username=request.POST["login"])
    login(request, user, backend=BACKEND)
    return HttpResponseRedirect(request.GET["next"])


urlpatterns = [
    path("o/login/", sign_in),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
]
