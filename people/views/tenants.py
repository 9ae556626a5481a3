"""Adding a tenant, as an operator."""

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from people import hooks
from people.models import Entity, Person
from people.operations import tenants
from people.values import MAX_NAME_LENGTH, Actor, PeopleError, Profile
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, operator_required


def _name(label: str) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=MAX_NAME_LENGTH, widget=UnfoldAdminTextInputWidget
    )


class TenantAddForm(forms.Form):
    name = _name("Company name")
    slug = forms.SlugField(
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text="Part of the company's URLs, such as acme in /sign-in/acme/.",
    )
    currency = forms.CharField(
        label="Issuing currency",
        initial="USD",
        max_length=3,
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        validators=Entity._meta.get_field("currency").validators,
        help_text="The ISO 4217 code, such as EUR. Cards are issued in it.",
    )
    given_name = _name("First name of the Owner")
    family_name = _name("Last name of the Owner")
    email = forms.EmailField(
        label="Email address of the Owner",
        max_length=254,
        widget=UnfoldAdminEmailInputWidget,
        help_text="The Owner gets an invite, and administers the company. The domain of the "
        "address becomes that of the company.",
    )

    def owner(self) -> Profile:
        names = ("given_name", "family_name", "email")
        return Profile(role=Person.Role.OWNER, **{name: self.cleaned_data[name] for name in names})


@operator_required
def add_tenant(request: PersonRequest) -> HttpResponse:
    form = TenantAddForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            tenant = tenants.create_tenant(
                form.cleaned_data["slug"],
                form.cleaned_data["name"],
                owner=form.owner(),
                currency=form.cleaned_data["currency"],
                actor=Actor("operator", request.user.email),
            )
        except PeopleError as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            owner = form.cleaned_data["email"]
            messages.success(request, f"{tenant} was added. An invite is on its way to {owner}.")
            settings = hooks.url_of(hooks.Page.TENANT_SETTINGS, tenant.slug)
            return redirect(settings or "admin:people_tenant_changelist")
    listed = reverse("admin:people_tenant_changelist")
    context = page_context(request, "Add tenant", parent=("Tenants", listed)) | {
        "form": form,
        "cancel": listed,
    }
    return render(request, "people/tenants/add.html", context)
