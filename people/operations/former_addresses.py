"""Keeps former addresses, and releases the address of a leaver to its next holder."""

from django.utils import timezone

from people import events
from people.models import Event, FormerAddress, Person
from people.operations.locks import lock_person
from people.operations.person_fields import difference, snapshot
from people.operations.rehires import revoke_credentials
from people.values import Actor, normalize_key


def keep_former_address(person: Person) -> None:
    """Store the person's current address as a former one, before the caller replaces it."""
    if not person.email_key:
        return
    FormerAddress.objects.create(
        tenant_id=person.tenant_id,
        person=person,
        email=person.email,
        email_key=person.email_key,
        until=timezone.now(),
    )


def release_address(email: str, *, actor: Actor) -> None:
    """Take the address from a leaver who has it, so that another person can get it.

    Only people whom the identity provider deleted lose their address. It becomes a former address
    of theirs, and their credentials are revoked.
    """
    leavers = Person.objects.in_lists().filter(
        email_key=normalize_key(email), detached_at__isnull=False
    )
    found = leavers.exclude(email_key="").first()
    if found is None:
        return
    person = lock_person(found.pk)
    # They were found without a lock, and may have returned or lost the address since then.
    if person.detached_at is None or person.email_key != normalize_key(email):
        return
    before = snapshot(person)
    keep_former_address(person)
    person.email = person.email_key = person.pending_email = ""
    revoke_credentials(person)
    person.save(update_fields=["email", "email_key", "pending_email", "changed_at"])
    events.record(
        Event.Kind.ADDRESS_RELEASED,
        person,
        actor=actor,
        changes=difference(before, snapshot(person)),
    )
