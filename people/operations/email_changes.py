"""A new address counts once its holder has confirmed that it reaches them."""

from collections.abc import Mapping
from typing import Any

from people import events
from people.confirmations import is_current, latest_request, request_of
from people.models import Event, Mail, Person
from people.operations.description import difference, saving, snapshot
from people.operations.former_addresses import note_former_address, release_address
from people.operations.invites import readdress_invite
from people.operations.locks import lock
from people.operations.mailing import post
from people.values import Actor, PeopleError, fold
from people.writes import Write

ADDRESS = ("email", "email_key", "pending_email", "changed_at")


class NothingToConfirm(PeopleError):
    code = "nothing-to-confirm"

    def __init__(self) -> None:
        super().__init__(
            "This link is out of date: the address has been confirmed, or another one was "
            "given since. If you expect to confirm one, use the link of the latest mail."
        )


class ConfirmationRefused(PeopleError):
    code = "confirmation-refused"

    def __init__(self) -> None:
        super().__init__("Your account is deactivated. Ask your administrator to reactivate it.")


def follow_address(person: Person, changes: Mapping[str, Any], *, actor: Actor) -> None:
    """Write to the addresses that the changes of a person's description concern."""
    if "pending_email" in changes and person.pending_email:
        post(Mail.Kind.CONFIRM_ADDRESS, person, to=person.pending_email)
        post(Mail.Kind.ADDRESS_CHANGES, person, to=person.email, address=person.pending_email)
    address = changes.get("email", {"from": "", "to": ""})
    # `from` is None for somebody who had no address.
    if fold(address["from"] or "") != fold(address["to"] or "") and not person.joined_at:
        readdress_invite(person, actor=actor)


@saving(savepoint=False)
def resend_confirmation(person: Person) -> bool:
    """Mail the link to the pending address once more, and tell whether there is one."""
    lock(person)
    if not person.pending_email:
        return False
    latest = latest_request(person)
    same: dict[str, Any] = (
        {"request": str(request_of(latest))} if latest and is_current(latest) else {}
    )
    post(Mail.Kind.CONFIRM_ADDRESS, person, to=person.pending_email, **same)
    return True


@saving(savepoint=True)
def confirm_address(asking: Mail, *, actor: Actor) -> Person:
    """Give the person the address that the mail asked them to confirm.

    :raises NothingToConfirm: if it is not what waits to be confirmed now.
    :raises ConfirmationRefused: if the person may not come in.
    :raises DuplicateEmail: if somebody else has got the address meanwhile.
    """
    person = asking.person
    lock(person)
    if not person.is_active:
        raise ConfirmationRefused
    if not is_current(asking):
        raise NothingToConfirm
    before = snapshot(person)
    release_address(person.pending_email, actor=actor)
    note_former_address(person)
    person.email, person.email_key = person.pending_email, fold(person.pending_email)
    person.pending_email = ""
    events.record(
        Event.Kind.ADDRESS_CONFIRMED,
        person,
        actor=actor,
        changes=difference(before, snapshot(person)),
        storing=Write(person, ADDRESS),
    )
    return person
