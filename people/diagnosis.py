"""Access diagnosis from a person's own row: terminated, inactive, invited, or active."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from people import hooks
from people.models import Invite, Mail, Person
from people.presentation.actor_names import actor_name, people_names
from people.presentation.diagnosis import (
    Diagnosis,
    DiagnosisQuery,
    Evidence,
    Finding,
    Link,
    Priority,
    day,
)
from people.values import Actor, normalize_key


def causes(query: DiagnosisQuery) -> Iterator[Finding]:
    if query.person:
        yield from causes_of(query.person, key=query.key)
    else:
        yield Diagnosis(
            Priority.UNKNOWN,
            "unknown",
            f"No requests mention {query.text}, and nobody in Ramp has this name or address.",
            "Check that the address is spelled as in your identity provider, or invite the person.",
            Link("Invite a person", reverse("admin:people_person_add")),
        )


def causes_of(person: Person, *, key: str = "") -> Iterator[Finding]:
    """Yield what the person's row says about their access.

    :param key: the normalized text of the query, to recognize an unconfirmed address.
    """
    yield Evidence(
        f"{person.display_name} ({person.email}) is {person.get_state_display().lower()}",
        _page(person),
        person.created_at,
    )
    match person.state:
        case Person.State.TERMINATED:
            yield _terminated(person)
        case Person.State.INACTIVE:
            yield _inactive(person)
        case Person.State.INVITED:
            yield _invited(person)
        case _:
            yield _active(person)
    if person.pending_email and key == normalize_key(person.pending_email):
        yield _unconfirmed(person)


def _terminated(person: Person) -> Diagnosis:
    filters = urlencode({"state": Person.State.TERMINATED, "q": person.email})
    people = reverse("admin:people_person_changelist")
    return Diagnosis(
        Priority.TERMINATED,
        "terminated",
        f"{person.full_name} was terminated on {day(person.terminated_at)}, which cannot be "
        "undone.",
        "Lists hide terminated people unless you filter for them. A person who returns is added "
        "as a new person.",
        Link("Show terminated people", f"{people}?{filters}"),
    )


def _inactive(person: Person) -> Diagnosis:
    names = people_names([person.deactivated_by])
    actor, on = actor_name(person.deactivated_by, names), day(person.deactivated_at)
    sentence = f"{actor} deactivated {person.full_name} on {on}."
    if person.was_deactivated_via_scim:
        return Diagnosis(
            Priority.DEACTIVATED,
            "deactivated-by-provider",
            sentence,
            f"Assign them to Ramp in {actor} again, or activate them there. The next request from "
            f"{actor} reactivates them.",
            Link(f"Open {person.full_name}", _page(person)),
        )
    is_by_hand = Actor.read(person.deactivated_by).via == "person"
    code = "deactivated-by-hand" if is_by_hand else "deactivated-by-ramp"
    advice = "Identity providers do not reactivate them by sending them as active again."
    url = reverse("admin:people_person_reactivate", args=[person.pk])
    return Diagnosis(Priority.DEACTIVATED, code, sentence, advice, Link("Reactivate", url))


def _invited(person: Person) -> Diagnosis:
    invite = person.invites.order_by("-created_at").first()
    code, sentence, advice = _invite_state(person, invite)
    invites = hooks.url_of(hooks.Page.PENDING_INVITES)
    link = None
    if invites and invite and invite.revoked_at is None:
        found = f"{invites}?{urlencode({'q': person.email})}"
        link = Link("See the invite in Team updates", found)
    return Diagnosis(
        Priority.INVITED,
        code,
        sentence,
        advice,
        link or Link(f"Open {person.full_name}", _page(person)),
    )


def _invite_state(person: Person, invite: Invite | None) -> tuple[str, str, str]:
    """Return a code, a sentence and an advice about the invite."""
    who = person.full_name
    if invite is None or invite.revoked_at:
        when = f" on {day(invite.revoked_at)}" if invite else ""
        text = f"The invite for {who} was revoked{when}." if invite else f"{who} has no invite."
        return "invite-withdrawn", text, "Invite them again if they need access."
    if invite.hold_reason:
        return (
            "invite-held",
            f"The invite for {who} is on hold: {invite.hold_reason}.",
            "It is sent automatically once this is resolved. Choose “Invite anyway” to send it "
            "now.",
        )
    if invite.expires_at < timezone.now():
        return (
            "invite-expired",
            f"The invite for {who} expired on {day(invite.expires_at)}.",
            "Resend it. The same link is then valid for the full period again.",
        )
    return _mailing(person, invite, invite.mails.order_by("-created_at").first())


def _mailing(person: Person, invite: Invite, mail: Mail | None) -> tuple[str, str, str]:
    if mail is None:
        return (
            "invite-not-mailed",
            f"{person.full_name} was invited on {day(invite.created_at)}, but no email was sent.",
            "The connection sends no invite emails, because people sign in by single sign-on. Ask "
            "them to sign in, or send the invite.",
        )
    if mail.is_withheld:
        return (
            "mail-withheld",
            f"The invite to {mail.to} was not sent: {mail.problem.rstrip('.')}.",
            "Resend the invite.",
        )
    # A mail that was sent has a problem if it bounced later.
    if mail.given_up_at or (mail.sent_at and mail.problem):
        return (
            "mail-refused",
            f"The invite did not reach {mail.to}: {mail.problem.rstrip('.')}.",
            "Correct the address in the system that sends it, then resend the invite.",
        )
    if not mail.sent_at:
        trouble = f" The mail server said: {mail.problem}" if mail.problem else ""
        return (
            "mail-waiting",
            f"The invite for {mail.to} is waiting to be sent.{trouble}",
            "Wait a minute. If this does not change, Ramp's mail server is not responding.",
        )
    return (
        "not-accepted",
        f"{person.full_name} was invited on {day(mail.sent_at)} and has not accepted yet.",
        f"Ask them to look for the email to {mail.to}, including in their spam folder, or resend "
        "it.",
    )


def _unconfirmed(person: Person) -> Diagnosis:
    return Diagnosis(
        Priority.KNOWN_OTHERWISE,
        "address-unconfirmed",
        f"{person.full_name} uses {person.email} in Ramp. {person.pending_email} is not confirmed "
        "yet.",
        "Ask them to follow the link in the email to the new address. Until then, they sign in "
        "with the old one.",
        Link(f"Open {person.full_name}", _page(person)),
    )


def _active(person: Person) -> Diagnosis:
    return Diagnosis(
        Priority.HERE,
        "here",
        f"{person.full_name} has been active in Ramp since {day(person.joined_at)}.",
        "If they cannot sign in, ask them which page refuses them and what it says.",
        Link(f"Open {person.full_name}", _page(person)),
    )


def _page(person: Person) -> str:
    return reverse("admin:people_person_change", args=[person.pk])
