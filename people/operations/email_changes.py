"""A new address counts once its holder has confirmed that it reaches them.

The address of somebody of elevated rank leads to their account, so it changes only when the
old address agrees as well, or an Owner does by their password.
"""

from collections.abc import Mapping
from typing import Any

from people import events
from people.mail.confirmation_links import By, agreed, is_current, latest_request, request_of
from people.models import Event, Mail, Person
from people.operations import ranks
from people.operations.former_addresses import note_former_address, release_address
from people.operations.invites.lifecycle import reissue_invite_to_new_address
from people.operations.invites.outbox import enqueue_mail
from people.operations.locks import lock
from people.operations.person_fields import difference, saving, snapshot
from people.values import Actor, PeopleError, normalize_key

ADDRESS = ("email", "email_key", "pending_email", "changed_at")


class NothingToConfirm(PeopleError):
    code = "nothing-to-confirm"

    def __init__(self) -> None:
        super().__init__(
            "This link is no longer valid: the address was already confirmed, or another address "
            "was entered since then. To confirm an address, use the link in the latest email."
        )


class ConfirmationRefused(PeopleError):
    code = "confirmation-refused"

    def __init__(self) -> None:
        super().__init__("Your account is deactivated. Ask your administrator to reactivate it.")


def follow_address(person: Person, changes: Mapping[str, Any], *, actor: Actor) -> None:
    """Write to the addresses that the changes of a person's description concern."""
    if "pending_email" in changes and person.pending_email:
        _ask(person)
    address = changes.get("email", {"from": "", "to": ""})
    # `from` is None for somebody who had no address.
    if (
        normalize_key(address["from"] or "") != normalize_key(address["to"] or "")
        and not person.joined_at
    ):
        reissue_invite_to_new_address(person, actor=actor)


@saving(savepoint=False)
def propose_address(person: Person, email: str, *, actor: Actor) -> None:
    """Mail a link to an address that nobody has verified; it is the person's once they use it.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    before = snapshot(person)
    person.pending_email = email
    changes = difference(before, snapshot(person))
    if changes:
        person.save(update_fields=ADDRESS)
        events.record(Event.Kind.PERSON_REVISED, person, actor=actor, changes=changes)
        follow_address(person, changes, actor=actor)


@saving(savepoint=False)
def resend_confirmation(person: Person, *, actor: Actor) -> bool:
    """Mail the link to the pending address once more, and tell whether there is one.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    if not person.pending_email:
        return False
    latest = latest_request(person)
    if latest is None or not is_current(latest):
        _ask(person)
        return True
    asked = unconfirmed(person)
    if person.pending_email in asked:
        same = str(request_of(latest))
        enqueue_mail(Mail.Kind.CONFIRM_ADDRESS, person, to=person.pending_email, request=same)
    if person.email in asked:
        _ask_old_address(person, latest)
    return True


def unconfirmed(person: Person) -> list[str]:
    """Return the addresses that still have to confirm the pending one."""
    return _missing(person, agreed(person)) if person.pending_email else []


@saving(savepoint=True)
def confirm_address(asking: Mail, *, actor: Actor) -> Person:
    """Note that whoever reads the mail agrees; with the last confirmation the address changes.

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
    is_old = asking.kind == Mail.Kind.APPROVE_ADDRESS
    _agree(person, By.OLD if is_old else By.NEW, actor=actor)
    return person


@saving(savepoint=True)
def approve_address(person: Person, *, actor: Actor) -> bool:
    """Let the pending address count without the old one, and tell whether there is one.

    The caller has just checked the password of the Owner who acts.

    :raises OwnerNeeded: if the actor is no Owner.
    :raises DuplicateEmail: as `confirm_address`.
    """
    lock(person)
    ranks.check_is_owner(actor)
    if not person.pending_email:
        return False
    if person.email in unconfirmed(person):
        enqueue_mail(
            Mail.Kind.ADDRESS_CHANGES, person, to=person.email, address=person.pending_email
        )
        _agree(person, By.OWNER, actor=actor)
    return True


def _ask(person: Person) -> None:
    """Ask the pending address, and tell or ask the old one."""
    is_elevated = bool(person.email and ranks.rank_of(person))
    facts: dict[str, Any] = {"needs_both": True} if is_elevated else {}
    request = enqueue_mail(Mail.Kind.CONFIRM_ADDRESS, person, to=person.pending_email, **facts)
    if is_elevated:
        _ask_old_address(person, request)
    elif person.email:
        enqueue_mail(
            Mail.Kind.ADDRESS_CHANGES, person, to=person.email, address=person.pending_email
        )


def _ask_old_address(person: Person, request: Mail) -> None:
    enqueue_mail(
        Mail.Kind.APPROVE_ADDRESS,
        person,
        to=person.email,
        address=person.pending_email,
        request=str(request_of(request)),
    )


def _missing(person: Person, given: set[str]) -> list[str]:
    missing = [] if By.NEW in given else [person.pending_email]
    if person.email and not given & {By.OLD, By.OWNER} and ranks.rank_of(person):
        missing.append(person.email)
    return missing


def _agree(person: Person, by: By, *, actor: Actor) -> None:
    given = agreed(person)
    missing = _missing(person, given | {by})
    if not missing:
        _change_address(person, actor=actor)
    elif by not in given:
        _note(person, by, actor=actor)
        if by is By.NEW and not _has_asked_old_address(person):
            # They were not of elevated rank yet when the change was asked for.
            request = latest_request(person)
            assert request
            _ask_old_address(person, request)


def _has_asked_old_address(person: Person) -> bool:
    mails = Mail.objects.filter(person=person, kind=Mail.Kind.APPROVE_ADDRESS)
    return any(is_current(mail) for mail in mails.select_related("person"))


def _note(person: Person, by: By, *, actor: Actor) -> None:
    request = latest_request(person)
    assert request
    agreeing = {
        By.NEW: f"confirmed the new email address {person.pending_email}",
        By.OLD: f"approved the new email address {person.pending_email} from the old address",
        By.OWNER: f"approved the new email address {person.pending_email} with their password",
    }
    events.record(
        Event.Kind.ADDRESS_APPROVED,
        person,
        actor=actor,
        by=by,
        request=str(request_of(request)),
        what=agreeing[by],
    )


def _change_address(person: Person, *, actor: Actor) -> None:
    before = snapshot(person)
    release_address(person.pending_email, actor=actor)
    note_former_address(person)
    person.email, person.email_key = person.pending_email, normalize_key(person.pending_email)
    person.pending_email = ""
    person.save(update_fields=ADDRESS)
    events.record(
        Event.Kind.ADDRESS_CONFIRMED,
        person,
        actor=actor,
        changes=difference(before, snapshot(person)),
    )
