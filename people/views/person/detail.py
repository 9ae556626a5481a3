"""The page of one person: profile, managed fields, roles, holdings and timeline."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from people import hooks
from people.mail.confirmation_links import latest_request
from people.models import CustomField, Invite, Person, Role
from people.models.field_table import EDITABLE, LABELS, PEOPLE
from people.operations.email_changes import unconfirmed
from people.operations.erasure.erase import erased_at
from people.operations.ranks import rank_of, refusal_over
from people.operations.second_factors import second_factor_of
from people.presentation.actor_names import actor_name, people_names
from people.presentation.field_text import shown
from people.presentation.handover_history import handovers_of
from people.presentation.page_links import counted
from people.presentation.query_params import int_param
from people.presentation.timeline import timeline_of
from people.provider_facts import ContactDetails
from people.views.away import absences_of
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required
from people.views.person.roles import GrantForm, role_lines
from people.views.spend_summary import spending_of

REPORTS_SHOWN = 20


@dataclass(frozen=True)
class Field:
    """A line of the profile. `owner` is the connection that manages the field."""

    label: str
    value: str
    owner: str = ""
    since: datetime | None = None
    person: Person | None = None


@administrator_required
def person_page(request: PersonRequest, person_id: UUID) -> HttpResponse:
    related = ("department", "location__entity", "manager", "account_settings")
    person = get_object_or_404(Person.objects.select_related(*related), pk=person_id)
    fields = list(profile_fields(person))
    owners = " and ".join(sorted({field.owner for field in fields if field.owner}))
    invite = Invite.objects.open().filter(person=person).first()
    reports = person.reports.in_lists().order_by("family_name", "given_name", "pk")
    report_count = counted(reports)
    methods = hooks.sign_in_methods(person)
    contact = hooks.contact_details([person.pk]).get(person.pk, ContactDetails())
    context = page_context(
        request, person.full_name, parent=("People", reverse("admin:people_person_changelist"))
    ) | {
        "person": person,
        "refusal": refusal_over(request.user, person),
        "notices": list(hooks.notices_about(person)),
        "owned_heading": f"Managed by {owners}",
        "managed_fields": [field for field in fields if field.owner],
        "free_heading": "Managed in Ramp" if person.managed_fields else "Profile",
        "free_fields": [field for field in fields if not field.owner] + _own_phone(person, contact),
        "contact": list(_contact_fields(contact)),
        "contact_heading": f"Sent by {contact.provider}",
        "custom_fields": list(_custom_fields(person)),
        "handovers": handovers_of(person) if person.terminated_at else [],
        "reports": list(reports[:REPORTS_SHOWN]),
        "report_count": report_count,
        "sign_in_methods": [method for method in methods if not method.confirm],
        "second_factor": second_factor_of(person),
        "refused_sign_ins": [method for method in methods if method.confirm],
        "spending": spending_of(person),
        "absences": absences_of(person),
        "ledger": list(role_lines(person, report_count)),
        "grant_form": GrantForm() if Role.objects.exists() else None,
        "deactivated_by": actor_name(person.deactivated_by, people_names([person.deactivated_by])),
        "invite": invite,
        "invite_mail": invite.mails.order_by("created_at").last() if invite else None,
        "confirmation": latest_request(person) if person.pending_email else None,
        # For people without an elevated rank, only the new address can be missing, and the page
        # shows it already.
        "unconfirmed": unconfirmed(person) if person.pending_email and rank_of(person) else [],
        "handles_personal_data": request.user.role == Person.Role.OWNER,
        "erased_at": erased_at(person) if person.terminated_at else None,
        "invite_has_expired": invite is not None and invite.expires_at < timezone.now(),
        "timeline": timeline_of(person, before=int_param(request, "before")),
    }
    return render(request, "people/person/detail.html", context)


def profile_fields(person: Person, *, linked: bool = True) -> Iterator[Field]:
    for name in EDITABLE:
        mark = person.managed_fields.get(name, {})
        yield Field(
            label=LABELS[name],
            value=shown(person, name),
            owner=actor_name(mark["by"]) if mark else "",
            since=parse_datetime(mark["since"]) if mark else None,
            person=getattr(person, name) if linked and name in PEOPLE else None,
        )


def _contact_fields(contact: ContactDetails) -> Iterator[Field]:
    if contact.title:
        yield Field(label="job title", value=contact.title)
    if contact.phone:
        yield Field(label="phone", value=contact.phone)


def _own_phone(person: Person, contact: ContactDetails) -> list[Field]:
    """Return the phone number that the person has entered, unless a provider sends one."""
    settings = getattr(person, "account_settings", None)
    if contact.phone or settings is None or not settings.phone:
        return []
    return [Field(label="phone", value=settings.phone)]


def _custom_fields(person: Person) -> Iterator[Field]:
    names = dict(CustomField.objects.values_list("external_name", "name"))
    for external_name, value in person.custom_values.items():
        yield Field(label=names.get(external_name, external_name), value=value)
