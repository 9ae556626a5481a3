"""The pages to create and revoke API tokens."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from people.models import ApiToken, Scope
from people.operations.api_tokens import (
    DEFAULT_TOKEN_DAYS,
    MAX_TOKEN_DAYS,
    create_api_token,
)
from people.operations.api_tokens import (
    revoke_api_token as revoke,
)
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from people.views.reauthentication import requires_recent_authentication

ENDED_SHOWN = 10


class TokenForm(forms.Form):
    name = forms.CharField(
        label="Token name",
        max_length=100,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Travel booking"}),
    )
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=Scope.choices,
        help_text="Choose only the scopes the program needs.",
        widget=forms.CheckboxSelectMultiple(attrs={"class": "ramp-tick"}),
    )
    days = forms.IntegerField(
        label="Expires after (days)",
        min_value=1,
        max_value=MAX_TOKEN_DAYS,
        initial=DEFAULT_TOKEN_DAYS,
        help_text="At most 365 days.",
        widget=UnfoldAdminIntegerFieldWidget,
    )


@administrator_required
# A stolen session must not be enough to create a token that outlives it.
@requires_recent_authentication
def api_tokens(request: PersonRequest) -> HttpResponse:
    """List the tokens, and create one. A new token is shown only in the response to the form."""
    form = TokenForm(request.POST or None)
    new = ""
    if form.is_valid():
        person = request.user
        new = create_api_token(person, **form.cleaned_data, actor=person.actor)
        # An empty form: with the values, a second click would create a second token.
        form = TokenForm()
    active = ApiToken.objects.active().select_related("person").order_by("-created_at", "-pk")
    ended = ApiToken.objects.exclude(pk__in=active.values("pk")).select_related("person")
    context = page_context(request, "API tokens") | {
        "form": form,
        "new": new,
        "tokens": active,
        "ended": ended.order_by("-created_at", "-pk")[:ENDED_SHOWN],
        "base_url": f"{settings.PUBLIC_BASE_URL}/api/v1",
    }
    return render(request, "people/api_tokens.html", context)


@administrator_required
def revoke_api_token(request: PersonRequest, token_id: int) -> HttpResponse:
    tokens = ApiToken.objects.select_related("person").filter(revoked_at=None)
    token = get_object_or_404(tokens, pk=token_id)
    if request.method == "POST":
        revoke(token, actor=request.user.actor)
        messages.success(request, f"The token “{token}” was revoked.")
        return redirect("admin:api_tokens")
    page = reverse("admin:api_tokens")
    title = f"Revoke the token “{token}”?"
    context = page_context(request, title, parent=("API tokens", page)) | {
        "token": token,
        "cancel": page,
    }
    return render(request, "people/revoke_api_token.html", context)
