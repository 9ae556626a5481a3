"""Changes of email addresses. A new address takes effect once its holder has confirmed it.

Whoever controls the address of a person of elevated rank could take over the account. Their
address changes only if the old address approves it as well, or an Owner with their password.
"""

from collections.abc import Mapping
from typing import Any

from people import events
from people.mail.confirmation_links import By, approvals_of, is_current, latest_request, request_of
from people.models import Event, Mail, Person
from people.operations import ranks
from people.operations.former_addresses import keep_former_address, release_address
from people.operations.invites.lifecycle import reissue_invite_to_new_address
from people.operations.locks import lock
from people.operations.mail_outbox import enqueue_mail
from people.operations.person_fields import difference, saving, snapshot
from people.values import Actor, PeopleError, normalize_key

ADDRESS_COLUMNS = ("email", "email_key", "pending_email", "changed_at")


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


def send_address_mails(person: Person, changes: Mapping[str, Any], *, actor: Actor) -> None:
    """Send the mails that follow from a changed or a pending address."""
    if "pending_email" in changes and person.pending_email:
        _send_requests(person, actor=actor)
    address = changes.get("email", {"from": "", "to": ""})
    # `from` is None for somebody who had no address.
    if (
        normalize_key(address["from"] or "") != normalize_key(address["to"] or "")
        and not person.joined_at
    ):
        reissue_invite_to_new_address(person, actor=actor)


@saving(savepoint=False)
def propose_address(person: Person, email: str, *, actor: Actor) -> None:
    """Make the address pending, and mail a confirmation link to it.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    before = snapshot(person)
    person.pending_email = email
    changes = difference(before, snapshot(person))
    if changes:
        person.save(update_fields=ADDRESS_COLUMNS)
        events.record(Event.Kind.PERSON_REVISED, person, actor=actor, changes=changes)
        send_address_mails(person, changes, actor=actor)


@saving(savepoint=False)
def resend_confirmation(person: Person, *, actor: Actor) -> bool:
    """Mail the link to the pending address again; return False if no address is pending.

    :raises PersonAboveRank: if the person is above the actor's rank.
    """
    lock(person)
    ranks.check_rank_over(actor, person)
    if not person.pending_email:
        return False
    latest = latest_request(person)
    if latest is None or not is_current(latest) or latest.is_withheld:
        # No earlier request is valid any more, or it was withheld: then the old address, too, has
        # received nothing.
        _send_requests(person, actor=actor)
        return True
    missing = unconfirmed(person)
    if person.pending_email in missing:
        # The same request: links that were mailed before stay valid.
        request = str(request_of(latest))
        enqueue_mail(
            Mail.Kind.CONFIRM_ADDRESS,
            person,
            to=person.pending_email,
            request=request,
            actor=str(actor),
        )
    if person.email in missing:
        _mail_old_address(person, latest)
    return True


def unconfirmed(person: Person) -> list[str]:
    """Return the addresses whose approval of the pending address is missing."""
    return _missing(person, approvals_of(person)) if person.pending_email else []


@saving(savepoint=True)
def confirm_address(mail: Mail, *, actor: Actor) -> Person:
    """Record the approval by the receiver of the mail; the last approval changes the address.

    :raises NothingToConfirm: if the mail is not about the pending address.
    :raises ConfirmationRefused: if the person is deactivated.
    :raises DuplicateEmail: if another person has the address now.
    """
    person = mail.person
    lock(person)
    if not person.is_active:
        raise ConfirmationRefused
    if not is_current(mail):
        raise NothingToConfirm
    is_old = mail.kind == Mail.Kind.APPROVE_ADDRESS
    _approve(person, By.OLD if is_old else By.NEW, actor=actor)
    return person


@saving(savepoint=True)
def approve_address(person: Person, *, actor: Actor) -> bool:
    """Approve the pending address instead of the old address; return False if none is pending.

    The caller has just checked the password of the acting Owner.

    :raises OwnerNeeded: if the actor is not an Owner.
    :raises DuplicateEmail: as `confirm_address`.
    """
    lock(person)
    ranks.check_is_owner(actor)
    if not person.pending_email:
        return False
    if person.email in unconfirmed(person):
        _notify_old_address(person, actor=actor)
        # The old address does not have to approve any more, but it got the notice above: its holder
        # must learn about the change.
        _approve(person, By.OWNER, actor=actor)
    return True


def _send_requests(person: Person, *, actor: Actor) -> None:
    """Mail the pending address; ask the old one for approval, or only notify it."""
    # A person without an address cannot be asked: another person has got it, see `release_address`.
    is_elevated = bool(person.email and ranks.rank_of(person))
    facts: dict[str, Any] = {"actor": str(actor)}
    if is_elevated:
        facts["needs_both"] = True
    request = enqueue_mail(Mail.Kind.CONFIRM_ADDRESS, person, to=person.pending_email, **facts)
    if is_elevated:
        _mail_old_address(person, request)
    elif person.email:
        _notify_old_address(person, actor=actor)


def _notify_old_address(person: Person, *, actor: Actor) -> None:
    enqueue_mail(
        Mail.Kind.ADDRESS_CHANGES,
        person,
        to=person.email,
        address=person.pending_email,
        actor=str(actor),
    )


def _mail_old_address(person: Person, request: Mail) -> None:
    enqueue_mail(
        Mail.Kind.APPROVE_ADDRESS,
        person,
        to=person.email,
        address=person.pending_email,
        request=str(request_of(request)),
        actor=request.facts.get("actor", ""),
    )


def _missing(person: Person, approvals: set[str]) -> list[str]:
    missing = [] if By.NEW in approvals else [person.pending_email]
    if person.email and not approvals & {By.OLD, By.OWNER} and ranks.rank_of(person):
        missing.append(person.email)
    return missing


def _approve(person: Person, by: By, *, actor: Actor) -> None:
    approvals = approvals_of(person)
    missing = _missing(person, approvals | {by})
    if not missing:
        _change_address(person, actor=actor)
    elif by not in approvals:
        _record_approval(person, by, actor=actor)
        mails = Mail.objects.filter(person=person, kind=Mail.Kind.APPROVE_ADDRESS)
        if by is By.NEW and not any(map(is_current, mails.select_related("person"))):
            # The person got an elevated rank after the change was requested.
            request = latest_request(person)
            assert request
            _mail_old_address(person, request)


def _record_approval(person: Person, by: By, *, actor: Actor) -> None:
    request = latest_request(person)
    assert request
    sentences = {
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
        what=sentences[by],
    )


def _change_address(person: Person, *, actor: Actor) -> None:
    before = snapshot(person)
    release_address(person.pending_email, actor=actor)
    keep_former_address(person)
    person.email, person.email_key = person.pending_email, normalize_key(person.pending_email)
    person.pending_email = ""
    person.save(update_fields=ADDRESS_COLUMNS)
    events.record(
        Event.Kind.ADDRESS_CONFIRMED,
        person,
        actor=actor,
        changes=difference(before, snapshot(person)),
    )
