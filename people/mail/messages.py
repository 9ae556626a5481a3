"""Builds the messages, and decides whether a mail may still be sent."""

import unicodedata
from datetime import datetime
from email.utils import formataddr, parseaddr
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from people.mail.confirmation_links import By, approvals_of, confirmation_link, is_current
from people.mail.invite_links import invite_link
from people.mail.reset_links import is_current as is_reset_current
from people.mail.reset_links import reset_link
from people.mail.setup_links import setup_link
from people.mail.unsubscribe_links import unsubscribe_link
from people.models import Delegation, Invite, Mail, Person
from people.models.time_zones import zone_of
from people.values import normalize_key

# The old address, or an Owner instead of it, approves a new address.
APPROVERS = {By.OLD, By.OWNER}


def build_message(mail: Mail) -> EmailMultiAlternatives:
    """Build the message. Each attempt has the same Message-ID and the same link."""
    with timezone.override(zone_of(mail.person)):
        return _build_message(mail)


def _build_message(mail: Mail) -> EmailMultiAlternatives:
    sender = _sender(mail)
    name = sender.full_name if sender and mail.kind == Mail.Kind.INVITE else "Ramp"
    # The installation's own address: any other one would fail SPF and DMARC.
    own_address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    context = {
        "person": mail.person,
        "tenant": mail.person.tenant,
        "sender": sender,
        "invite": mail.invite,
        "link": _link(mail),
        "facts": mail.facts,
        # When somebody did what the mail is about.
        "at": mail.created_at,
        "until": datetime.fromisoformat(mail.facts["until"]) if "until" in mail.facts else None,
    }
    subject = _line(render_to_string(f"mail/{mail.kind}-subject.txt", context))
    message = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string(f"mail/{mail.kind}.txt", context).strip() + "\n",
        from_email=_address(name, own_address),
        to=[mail.to],
        reply_to=[_address(sender.full_name, sender.email)] if sender else None,
        # Tells auto-responders not to reply (RFC 3834).
        headers={"Message-ID": message_id(mail), "Auto-Submitted": "auto-generated"}
        | _unsubscribe_headers(mail),
    )
    html = render_to_string(f"mail/{mail.kind}.html", context | {"subject": subject})
    message.attach_alternative(html, "text/html")
    return message


def _unsubscribe_headers(mail: Mail) -> dict[str, str]:
    """Return the headers with which email programs offer to end a digest (RFC 2369, RFC 8058)."""
    if mail.kind != Mail.Kind.DIGEST:
        return {}
    return {
        "List-Unsubscribe": f"<{unsubscribe_link(mail.person)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def message_id(mail: Mail) -> str:
    return f"<{mail.pk}@{settings.PUBLIC.hostname}>"


def reason_not_to_send(mail: Mail, *, now: datetime) -> str:
    """Return why the mail must not be sent any more; blank if it may be sent."""
    if mail.kind == Mail.Kind.DIGEST and not mail.person.is_administrator:
        return f"{mail.person.full_name} is no longer an administrator."
    person, tenant = mail.person, mail.person.tenant
    if tenant.is_sandbox:
        return "People in a sandbox get no email."
    if not tenant.is_active:
        return f"{tenant.name} is suspended."
    if not person.is_active:
        return f"{person.full_name} is {person.get_state_display().lower()}."
    return _content_problem(mail, now)


def _content_problem(mail: Mail, now: datetime) -> str:
    person, problem = mail.person, ""
    match mail.kind:
        case Mail.Kind.INVITE if mail.invite:
            problem = _invite_problem(mail.invite, now)
        case Mail.Kind.CONFIRM_ADDRESS if not is_current(mail):
            problem = "This address no longer needs to be confirmed."
        case Mail.Kind.APPROVE_ADDRESS if not is_current(mail) or approvals_of(person) & APPROVERS:
            problem = "This address no longer needs to approve the change."
        case Mail.Kind.RESET_PASSWORD | Mail.Kind.SETUP_LINK if not _is_link_valid(mail, now):
            problem = "The link in this email is no longer valid."
        case Mail.Kind.ADDRESS_CHANGES:
            if normalize_key(person.pending_email) != normalize_key(mail.facts["address"]):
                problem = "The address change was canceled."
        case Mail.Kind.APPROVALS_DELEGATED if not _is_delegated(mail, now):
            problem = "The delegation was ended or changed."
    return problem


def _is_delegated(mail: Mail, now: datetime) -> bool:
    return Delegation.objects.not_over(now).filter(pk=mail.facts["delegation"]).exists()


def _is_link_valid(mail: Mail, now: datetime) -> bool:
    if mail.kind == Mail.Kind.RESET_PASSWORD:
        return is_reset_current(mail, now)
    return datetime.fromisoformat(mail.facts["expires_at"]) > now


def _invite_problem(invite: Invite, now: datetime) -> str:
    if invite.accepted_at:
        return "The invite was already accepted."
    if invite.revoked_at:
        return "The invite was revoked."
    if invite.hold_reason:
        return f"The invite is on hold: {invite.hold_reason}"
    return "The invite expired before it could be sent." if invite.expires_at <= now else ""


def _link(mail: Mail) -> str:
    match mail.kind:
        case Mail.Kind.INVITE if mail.invite:
            return invite_link(mail.invite)
        case Mail.Kind.CONFIRM_ADDRESS | Mail.Kind.APPROVE_ADDRESS:
            return confirmation_link(mail)
        case Mail.Kind.RESET_PASSWORD:
            return reset_link(mail)
        case Mail.Kind.SETUP_LINK:
            return setup_link(UUID(mail.facts["link"]))
        case _:
            return f"{settings.PUBLIC_BASE_URL}{mail.facts.get('path', '/')}"


def inviter(person: Person) -> Person | None:
    """Return the sender of the invite: the manager, or the account owner.

    Deactivated people are skipped, because they no longer speak for the company, and so is the
    account owner for their own invite.
    """
    candidates = (person.manager, person.tenant.owner)
    return next((one for one in candidates if one and one.is_active and one != person), None)


def _sender(mail: Mail) -> Person | None:
    """Return the person whose address is the Reply-To."""
    if mail.kind == Mail.Kind.INVITE:
        return inviter(mail.person)
    if mail.kind == Mail.Kind.SETUP_LINK:
        return mail.person
    owner = mail.person.tenant.owner
    return owner if owner and owner.is_active else None


def _address(name: str, address: str) -> str:
    return formataddr((_line(name), address))


def _line(text: str) -> str:
    """Replace line breaks and control characters, which could start another header."""
    clean = (" " if unicodedata.category(one).startswith("C") else one for one in text)
    return " ".join("".join(clean).split())
