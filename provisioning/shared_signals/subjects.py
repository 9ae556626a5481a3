"""Finds the person whom a signal is about, by a subject identifier (RFC 9493).

A subject of the provider is found as at sign-in, by the provider and the subject. An address finds
people only if the provider is paired with a SCIM connection, because only then the same directory
has set it. If an identifier matches two different people, nobody is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from people import hooks
from people.models import Person
from provisioning.claims import readable
from provisioning.models import IdentityProvider, ProviderSession, TransmitterStream
from provisioning.oidc.revocation import Subject, person_of
from provisioning.providers.config import settings_of

# How many alternatives of one subject are looked up.
MAX_ALIASES: Final = 10


@dataclass(frozen=True)
class Found:
    """Whom a subject identifier names."""

    # As the transmitter wrote it, for the log.
    text: str
    person: Person | None = None
    # The sessions to end if the transmitter names one, and Ramp knows it; else all are meant.
    sessions: tuple[str, ...] = ()
    # Why nobody was found; blank if somebody was.
    why_not: str = ""


def find(stream: TransmitterStream, subject: Any) -> Found:
    """Return whom the subject identifier names. It never fails: it may name nobody."""
    if not isinstance(subject, dict):
        return Found("", why_not="The signal has no subject.")
    text = _text(subject)
    person, sessions = _person(stream, subject), _sessions(stream, subject)
    if person and sessions:
        # The session of somebody else must not end.
        own = stream.provider.identities.filter(person=person, retired_at=None)
        sessions = sessions.filter(subject__in=list(own.values_list("subject", flat=True)))
    if person is None and sessions:
        subjects = {session.subject for session in sessions}
        people = {_by_subject(stream.provider, one) for one in subjects}
        person = people.pop() if len(people) == 1 else None
    if person is None:
        return Found(text, why_not=_why_not(stream, subject))
    keys = sessions.values_list("session_key", flat=True) if sessions else ()
    return Found(text, person, tuple(keys))


def _person(stream: TransmitterStream, subject: Mapping[str, Any]) -> Person | None:
    provider = stream.provider
    match _named(subject):
        case {"format": "complex", "user": dict(user)}:
            found = _person(stream, user) if _format(user) != "complex" else None
        case {"format": "iss_sub", "iss": str(issuer), "sub": str(name)}:
            found = _by_subject(provider, name) if _is_issuer(stream, issuer) else None
        case {"format": "opaque", "id": str(name)}:
            found = _by_subject(provider, name)
        case {"format": "email", "email": str(email)}:
            found = _by_address(provider, email)
        case {"format": "account", "uri": str(uri)} if uri.lower().startswith("acct:"):
            found = _by_address(provider, unquote(uri[len("acct:") :]))
        case {"format": "aliases", "identifiers": list(identifiers)}:
            found = _by_aliases(stream, identifiers)
        case _:
            found = None
    return found


def _named(subject: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identifier with its format, also as the drafts of the framework wrote it."""
    return {**subject, "format": _format(subject)}


def _format(subject: Mapping[str, Any]) -> str:
    format_name = subject.get("format", subject.get("subject_type"))
    if format_name is None and isinstance(subject.get("user") or subject.get("session"), dict):
        return "complex"
    return str(format_name).replace("-", "_")


def _is_issuer(stream: TransmitterStream, issuer: str) -> bool:
    """Tell whether the issuer is the provider's.

    Okta's transmitter names the organization, of which the provider may be one of several
    authorization servers with the same subjects: https://example.okta.com/oauth2/default.
    """
    own, claimed = settings_of(stream.provider).issuer.rstrip("/"), issuer.rstrip("/")
    is_above = own.startswith(f"{claimed}/oauth2/") and claimed == stream.issuer.rstrip("/")
    return claimed == own or is_above


def _by_subject(provider: IdentityProvider, subject: str) -> Person | None:
    if not subject or subject != readable(subject)[:255]:
        return None
    return person_of(provider, Subject(subject=subject))


def _by_address(provider: IdentityProvider, address: str) -> Person | None:
    if not provider.is_paired or address != readable(address)[:254] or not address.strip():
        return None
    return hooks.pairing().person_with_address(provider.paired_connection, address)


def _by_aliases(stream: TransmitterStream, identifiers: list[Any]) -> Person | None:
    simple = [one for one in identifiers if isinstance(one, dict) and _is_simple(one)]
    people = {_person(stream, one) for one in simple[:MAX_ALIASES]} - {None}
    return people.pop() if len(people) == 1 else None


def _is_simple(subject: Mapping[str, Any]) -> bool:
    return _format(subject) not in ("aliases", "complex")


def _sessions(stream: TransmitterStream, subject: Mapping[str, Any]) -> Any:
    """Return the sessions that began with the session that the subject names, if it names one."""
    session = subject.get("session") if _format(subject) == "complex" else None
    if not isinstance(session, dict) or _format(session) != "opaque":
        return ProviderSession.objects.none()
    sid = session.get("id")
    if not isinstance(sid, str) or not sid or sid != readable(sid)[:255]:
        return ProviderSession.objects.none()
    return ProviderSession.objects.filter(provider=stream.provider, sid=sid)


def _why_not(stream: TransmitterStream, subject: Mapping[str, Any]) -> str:
    user = subject.get("user") if _format(subject) == "complex" else subject
    match _named(user) if isinstance(user, dict) else {}:
        case {"format": "email" | "account"} if not stream.provider.is_paired:
            return (
                "The signal names an address. Ramp accepts one only from a provider that is paired "
                "with a SCIM connection."
            )
        case {"format": "iss_sub", "iss": str(issuer)} if not _is_issuer(stream, issuer):
            return "The subject belongs to another issuer than the provider’s."
        case {"format": "iss_sub" | "opaque" | "email" | "account" | "aliases"}:
            return "Ramp does not know this subject."
    return "Ramp does not support this kind of subject."


def _text(subject: Mapping[str, Any]) -> str:
    named = _named(subject)
    match named:
        case {"format": "complex"}:
            parts = (
                f"{name} {_text(part)}"
                for name, part in subject.items()
                if isinstance(part, dict) and _format(part) != "complex"
            )
            text = ", ".join(parts)
        case {"format": "iss_sub", "sub": str(name)}:
            text = name
        case {"format": "aliases", "identifiers": list(identifiers)}:
            simple = [one for one in identifiers if isinstance(one, dict) and _is_simple(one)]
            text = " or ".join(_text(one) for one in simple[:MAX_ALIASES])
        case _:
            values = (named.get(name) for name in ("id", "email", "uri", "phone_number", "url"))
            text = next((one for one in values if isinstance(one, str)), named["format"])
    return readable(text)[:255]
