"""The pages to invite and edit a person."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from people import hooks
from people.db.models import field_values
from people.models import Person
from people.models.field_table import EDITABLE, LABELS
from people.operations import email_changes, locks, people_update, ranks
from people.operations.people import add_person
from people.presentation.actor_names import actor_name
from people.values import PeopleError
from people.views.forms import PersonForm, owner_password
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required


class ChangedMeanwhile(PeopleError):
    code = "changed-meanwhile"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} has changed since you opened this page. Check their timeline, "
            "then reload the page and make your change again."
        )


@administrator_required
def invite_person(request: PersonRequest) -> HttpResponse:
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
            messages.success(request, f"{person.full_name} was added and invited.")
            return redirect("admin:people_person_change", person.pk)
    people = reverse("admin:people_person_changelist")
    context = page_context(request, "Invite person", parent=("People", people)) | {
        "form": form,
        "submit": "Invite",
        "cancel": people,
        "invite_days": request.user.tenant.manual_invite_days,
    }
    return render(request, "people/person/invite.html", context)


@administrator_required
def edit_person(request: PersonRequest, person_id: UUID) -> HttpResponse:
    people = Person.objects.select_related("department", "location", "manager")
    person = get_object_or_404(people, pk=person_id)
    if person.state == Person.State.TERMINATED:
        messages.error(request, f"{person.full_name} was terminated and cannot be changed.")
        return redirect("admin:people_person_change", person_id)
    ranks.check_rank_over(request.user.actor, person)
    form = _edit_form(request, person)
    if form.is_bound and form.is_valid() and _is_password_correct(request, form):
        try:
            undone = _revise(request, person, form)
        except PeopleError as error:
            form.say(error)
        else:
            messages.success(request, f"{person.full_name} was updated.")
            if person.pending_email and "email" in form.changed_data:
                messages.info(request, f"A confirmation link was sent to {person.pending_email}.")
                if person.email in email_changes.unconfirmed(person):
                    messages.info(request, f"An approval link was sent to {person.email}.")
            for warning in undone:
                messages.warning(request, warning)
            return redirect("admin:people_person_change", person_id)
    parent = ("People", reverse("admin:people_person_changelist"))
    context = page_context(request, f"Edit {person.full_name}", parent=parent) | {
        "form": form,
        "submit": "Save",
        "cancel": reverse("admin:people_person_change", args=[person_id]),
    }
    return render(request, "people/person/edit.html", context)


def _edit_form(request: PersonRequest, person: Person) -> PersonForm:
    initial = field_values(person, EDITABLE) | {
        # The address that was entered last. With the old one, saving the form would cancel the
        # pending address.
        "email": person.pending_email or person.email,
        "seen": person.changed_at.isoformat(),
    }
    data = request.POST if request.method == "POST" else None
    form = PersonForm(data, viewer=request.user, person=person, initial=initial)
    if person.joined_at:
        has_rank = bool(ranks.rank_of(person))
        help_text = "A new address takes effect once they confirm it."
        if has_rank:
            help_text = (
                "Because of their role, a new address takes effect once it is confirmed from that "
                f"address and from {person.email}."
            )
        form.fields["email"].help_text = help_text
        is_owner = request.user.role == Person.Role.OWNER
        if is_owner and request.user.has_usable_password() and has_rank:
            form.fields["owner_password"] = owner_password(person)
            form.order_fields([*form.field_order[:3], "owner_password"])
    for name, owner in _owners(person).items():
        form.fields[
            name
        ].help_text = f"Managed by {owner}. A change made here is overwritten within 5 minutes."
    return form


def _is_password_correct(request: PersonRequest, form: PersonForm) -> bool:
    """Check the Owner's password, if one was entered.

    This is outside of the transaction, because a rollback must not undo the count of attempts.
    """
    password = form.cleaned_data.get("owner_password", "")
    problem = ""
    if password:
        problem = hooks.password_problem(request.user, password)
    if problem:
        form.add_error("owner_password", problem)
    return not problem


@transaction.atomic
def _revise(request: PersonRequest, person: Person, form: PersonForm) -> list[str]:
    """Save the form; return a warning for each field that a connection will overwrite.

    :raises ChangedMeanwhile: if the person is no longer as the form's reader saw them.
    """
    # Locked before the comparison, so that no change comes between it and the save.
    locks.lock(person)
    if form.cleaned_data["seen"] != person.changed_at.isoformat():
        raise ChangedMeanwhile(person)
    people_update.revise_person(
        person, form.profile(), actor=request.user.actor, manager=form.cleaned_data["manager"]
    )
    if form.cleaned_data.get("owner_password"):
        email_changes.approve_address(person, actor=request.user.actor)
    return [
        f"{owner} manages {LABELS[name]}. This change will be overwritten within 5 minutes."
        for name, owner in _owners(person).items()
        if name in form.changed_data
    ]


def _owners(person: Person) -> dict[str, str]:
    return {name: actor_name(mark["by"]) for name, mark in person.managed_fields.items()}
