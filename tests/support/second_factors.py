"""An authenticator app, and the pages on which somebody sets it up."""

import re
from datetime import datetime
from typing import Any

import pyotp
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Event, Person
from people.presentation.event_text import entries_of

PASSWORD = "correct horse"


class App:
    """Shows codes as a phone does."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def code(self, at: datetime | None = None) -> str:
        return pyotp.TOTP(self.secret).at(at or timezone.now())


def secret_on(response: Any) -> str:
    found = re.search(
        r'<textarea id="setup-key"[^>]*>([A-Z2-7 ]+)</textarea>', response.content.decode()
    )
    assert found, response.content.decode()
    return found[1].replace(" ", "")


def codes_on(response: Any) -> list[str]:
    return re.findall(r"\b(?:[A-Z2-9]{4}-){3}[A-Z2-9]{4}\b", response.content.decode())


def set_up(client: Client, path: str = "/account/second-factor/set-up/") -> tuple[App, list[str]]:
    """Set up an app as its page asks, and return it with the recovery codes."""
    page = client.get(path)
    # The test client does not check that each form contains its token.
    forms = page.content.decode().count('<form method="post"')
    assert page.content.decode().count("csrfmiddlewaretoken") >= forms > 0
    app = App(secret_on(page))
    codes = codes_on(client.post(path, {"code": app.code()}))
    assert len(codes) == 10
    return app, codes


def with_password(person: Person, client: Client | None = None) -> Client:
    """Enter the password, and nothing more."""
    client = client or Client()
    client.post("/sign-in/", {"email": person.email, "password": PASSWORD})
    return client


def history(person: Person) -> list[str]:
    with tenancy.use(person.tenant):
        events = Event.objects.filter(person=person, kind=Event.Kind.SECOND_FACTOR_CHANGED)
        return [one.sentence for one in entries_of(events.select_related("person").order_by("pk"))]
