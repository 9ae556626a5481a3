"""The pages on which a person adds and removes their own passkeys."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import Passkey
from people.operations import passkeys
from people.presentation.devices import device_name
from people.values import PeopleError
from people.views.permissions import PersonRequest
from people.views.reauthentication import requires_recent_authentication
from provisioning.passwords import passkeys as ceremonies
from provisioning.sign_in.errors import SignInRefused
from provisioning.views.second_factor import account_context


class PasskeyForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=60,
        help_text="To recognize it in the list, such as “Phone” or “Blue security key”.",
        widget=UnfoldAdminTextInputWidget,
    )
    # What the browser answers, as JSON.
    credential = forms.CharField(widget=forms.HiddenInput, required=False)


@never_cache
@login_required
# A stolen session must not be enough to add a passkey.
@requires_recent_authentication
def add_passkey(request: PersonRequest) -> HttpResponse:
    """Have the browser create a passkey, and store it."""
    person = request.user
    form = PasskeyForm(
        request.POST if request.method == "POST" else None,
        initial={"name": device_name(request.headers.get("User-Agent", ""))},
    )
    if form.is_valid():
        try:
            created = ceremonies.finish_registration(request, form.cleaned_data["credential"])
            assert created.credential_data
            passkeys.add_passkey(
                person,
                form.cleaned_data["name"],
                credential_id=ceremonies.id_of(created.credential_data),
                credential=bytes(created.credential_data),
                sign_count=created.counter,
                actor=person.actor,
            )
        except (SignInRefused, PeopleError) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"The passkey “{form.cleaned_data['name']}” was added.")
            return redirect("admin:account")
    is_possible = ceremonies.are_possible()
    context = account_context(request, "Add a passkey") | {
        "form": form,
        "options": ceremonies.begin_registration(request, person) if is_possible else None,
        "base_url": settings.PUBLIC_BASE_URL,
    }
    return render(request, "provisioning/account/add_passkey.html", context)


@never_cache
@login_required
@requires_recent_authentication
def remove_passkey(request: PersonRequest, passkey_id: int) -> HttpResponse:
    """Ask, then remove the person's own passkey."""
    own = Passkey.objects.filter(person=request.user).select_related("person")
    passkey = get_object_or_404(own, pk=passkey_id)
    if request.method != "POST":
        context = account_context(request, "Remove the passkey?") | {"passkey": passkey}
        return render(request, "provisioning/account/remove_passkey.html", context)
    if passkeys.remove_passkey(passkey, actor=request.user.actor):
        messages.success(request, f"The passkey “{passkey.name}” was removed.")
    return redirect("admin:account")
