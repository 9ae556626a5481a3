"""Decides who has a Ramp password and may reset it by mail.

The link goes only to the confirmed address. An address from SCIM or a provider is used once its
holder has confirmed it, so whoever enters an address there does not get the account in Ramp.
"""

from datetime import timedelta
from typing import Final

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from people import hooks, tenancy
from people.models import Mail, Person
from people.operations import passwords
from people.values import Actor, PeopleError, normalize_key
from provisioning.models import Identity
from provisioning.passwords.login import password_counts

# Minimum time between two emails to the same person.
PAUSE: Final = timedelta(minutes=1)


class NoPasswordHere(PeopleError):
    code = "no-password-here"

    def __init__(self, person: Person) -> None:
        super().__init__(
            f"{person.full_name} has no Ramp password to reset, or cannot sign in with a password "
            "right now."
        )


def internal_people() -> QuerySet[Person]:
    """Return the people who have a Ramp password or will choose one.

    People of a SCIM connection or a provider belong to them once they have chosen one.
    """
    identities = Identity.objects.filter(person=OuterRef("pk"), retired_at=None)
    has_none = Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    has_other_method = Q(Exists(identities)) | Q(pk__in=hooks.pairing().provisioned())
    people: QuerySet[Person] = Person.objects.in_lists()
    return people.exclude(has_none & has_other_method)


def may_reset(person: Person) -> bool:
    """Tell whether the person may choose a new password by a mailed link."""
    tenant = person.tenant
    is_in = tenant.is_active and person.state == Person.State.ACTIVE and person.email != ""
    return is_in and password_counts(person) and internal_people().filter(pk=person.pk).exists()


def mail_links(email: str) -> None:
    """Email a reset link to each person with this confirmed address who may reset."""
    with tenancy.across_tenants():
        known = Person.objects.in_lists().select_related("tenant")
        people = list(known.filter(email_key=normalize_key(email), tenant__is_sandbox=False))
    for person in people:
        with tenancy.use(person.tenant_id):
            mailed_just_now = Mail.objects.filter(
                person=person,
                kind=Mail.Kind.RESET_PASSWORD,
                created_at__gt=timezone.now() - PAUSE,
            )
            if may_reset(person) and not mailed_just_now.exists():
                passwords.mail_reset(person)


def mail_link(person: Person, *, actor: Actor) -> None:
    """Mail the person a reset link, on behalf of an administrator.

    :raises NoPasswordHere: if the person cannot reset a password.
    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    if not may_reset(person):
        raise NoPasswordHere(person)
    passwords.mail_reset(person, actor=actor)
