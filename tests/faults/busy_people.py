"""What people have when a fault test begins, made inside the running Ramp's database.

Runs in a process of its own: `manage.py shell -c "from tests.faults.busy_people import ..."`.
"""

import json
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from people import tenancy
from people.models import Card, Person, Tenant
from people.models.api_tokens import Scope
from people.operations import api_tokens, people
from people.values import Actor
from provisioning.claims import Claims
from provisioning.models import IdentityProvider, SignalPolicy
from provisioning.shared_signals import streams
from provisioning.shared_signals.streams import TransmitterSettings
from provisioning.sign_in.sign_in import sign_in
from tests.services.signal_transmitter import TOKEN

ACTOR = Actor("command", "fault test")


def print_access(slug: str, *, sessions: int, tokens: int) -> None:
    """Let everybody whom SCIM brought in be in, in every way, and print what they are in with."""
    tenant = Tenant.objects.get(slug=slug)
    with tenancy.use(tenant):
        owner = tenant.owner
        assert owner
        everybody = Person.objects.exclude(pk=owner.pk).order_by("pk")
        access = [_access(person, sessions, tokens) for person in everybody]
        spending = _token(owner, "spending", Scope.AUTHORIZE_SPEND)
    print(json.dumps({"owner_token": spending, "people": access}))


def print_signed_in(
    slug: str, provider_id: str, issuer: str, delivery: str, *, people: int
) -> None:
    """Let people sign in through the provider, and print what each is in with.

    A transmitter of Shared Signals is connected too, whose “account-disabled” deactivates.
    """
    tenant = Tenant.objects.get(slug=slug)
    with tenancy.use(tenant):
        owner = tenant.owner
        assert owner
        provider = IdentityProvider.objects.get(pk=provider_id)
        found = [_signed_in(provider, f"subject-{number}") for number in range(people)]
        token = _token(owner, "busy", Scope.READ_PEOPLE, Scope.AUTHORIZE_SPEND)
        stream = streams.set_up(
            provider,
            TransmitterSettings(issuer=issuer, token=TOKEN, delivery=delivery),
            person=owner,
        )
        stream.policies = {"account-disabled": SignalPolicy.DEACTIVATE}
        stream.save(update_fields=["policies"])
    print(json.dumps({"owner_token": token, "people": found}))


def _signed_in(provider: IdentityProvider, subject: str) -> dict[str, str]:
    email = f"{subject}@corp.example"
    claims = Claims(subject=subject, email=email, given_name="Ada", family_name="Lovelace")
    person = sign_in(provider, claims).person
    assert person
    _make_administrator(person)
    return {
        "subject": subject,
        "session": _session(person),
        "token": _token(person, "reading", Scope.READ_PEOPLE),
        "card": str(_card(person).pk),
    }


def _make_administrator(person: Person) -> None:
    """Only administrators' tokens open the API."""
    Person.objects.filter(pk=person.pk).update(role=Person.Role.ADMIN)
    person.refresh_from_db()


def _access(person: Person, sessions: int, tokens: int) -> dict[str, Any]:
    people.activate_person(person, actor=ACTOR)
    _make_administrator(person)
    return {
        "email": person.email,
        "id": str(person.pk),
        "card": str(_card(person).pk),
        "sessions": [_session(person) for _ in range(sessions)],
        "tokens": [_token(person, f"t{number}", Scope.READ_PEOPLE) for number in range(tokens)],
    }


def _card(person: Person) -> Card:
    card: Card = Card.objects.create(
        tenant_id=person.tenant_id,
        holder=person,
        name="Travel",
        kind=Card.Kind.VIRTUAL,
        currency="EUR",
        last_four="4242",
        monthly_limit=10_000_000,
    )
    return card


def _session(person: Person) -> str:
    request = HttpRequest()
    request.session = SessionStore()
    login(request, person, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session.save()
    return str(request.session.session_key)


def _token(person: Person, name: str, *scopes: Scope) -> str:
    return api_tokens.create_api_token(person, name, scopes=scopes, actor=ACTOR)
