"""Internal users: people with a Ramp password, whom administrators add manually."""

from uuid import UUID

from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from people.models import Person, Tenant
from people.operations.invites import lifecycle
from people.operations.people import add_person
from people.presentation.page_links import BoundedPaginator
from people.presentation.search_forms import PersonSearch, choice
from people.values import PeopleError
from people.views.forms import PersonForm
from people.views.permissions import PersonRequest
from provisioning.models import SignInAttempt
from provisioning.passwords import reset
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

ROWS_A_PAGE = 50
TAB = "internal_users"
STATES = [(state, state.label) for state in Person.State if state != Person.State.TERMINATED]


class InternalUserSearch(PersonSearch):
    state = choice("Status", STATES, otherwise="Any status")


@tenant_admin_required
def internal_users(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    form = InternalUserSearch(request.GET)
    signed_in = SignInAttempt.objects.filter(
        person=OuterRef("pk"), outcome=SignInAttempt.Outcome.SIGNED_IN
    )
    latest = Subquery(signed_in.order_by("-pk").values("at")[:1])
    people = Person.objects.matching(form.value_of("q")).filter(pk__in=reset.internal_people())
    if state := form.value_of("state"):
        people = people.filter(state=state)
    rows = people.annotate(signed_in_at=latest).order_by("family_name", "given_name", "pk")
    page = BoundedPaginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = tenant_context(request, tenant, TAB) | {
        "form": form,
        "page": page,
        "is_searched": form.is_used,
    }
    return render(request, "provisioning/tenant/internal_users.html", context)


@tenant_admin_required
def add_internal_user(request: PersonRequest, tenant: Tenant) -> HttpResponse:
    form = PersonForm(
        request.POST or None, viewer=request.user, initial={"role": Person.Role.CARDHOLDER}
    )
    if request.method == "POST" and form.is_valid():
        try:
            person = add_person(
                form.profile(), actor=request.user.actor, manager=form.cleaned_data["manager"]
            )
        except PeopleError as error:
            form.say(error)
        else:
            message = (
                f"{person.full_name} was added and will receive an email with a link to choose a "
                "password."
            )
            messages.success(request, message)
            return redirect("admin:internal_users", tenant.slug)
    context = tenant_context(request, tenant, TAB, "Add internal user") | {
        "form": form,
        "cancel": reverse("admin:internal_users", args=[tenant.slug]),
    }
    return render(request, "provisioning/tenant/add_internal_user.html", context)


@require_POST
@tenant_admin_required
def mail_internal_user(request: PersonRequest, tenant: Tenant, person_id: UUID) -> HttpResponse:
    """Email the person a link to choose a password: an invite, or a reset link."""
    person = get_object_or_404(reset.internal_people().select_related("tenant"), pk=person_id)
    try:
        if person.state == Person.State.INVITED:
            lifecycle.resend_invite(person, actor=request.user.actor)
        else:
            reset.mail_link(person, actor=request.user.actor)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"We are sending a link to choose a password to {person.email}.")
    return redirect("admin:internal_users", tenant.slug)
