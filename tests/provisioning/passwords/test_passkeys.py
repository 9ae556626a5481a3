"""Passkeys as a second factor after a password."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from people import tenancy
from people.models import Mail, Passkey, Person
from people.operations import passkeys, rehires
from provisioning.models import SignInAttempt
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.support.passkeys import ADD, USE, Authenticator, add_passkey, options_on
from tests.support.second_factors import PASSWORD, history, set_up, with_password

pytestmark = pytest.mark.django_db

CODE = "/second-factor/"


@pytest.fixture(autouse=True)
def public_address(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "https://ramp.example.com"


@pytest.fixture
def session(ada: Person) -> Client:
    """Return a browser in which Ada has just set up an authenticator app."""
    client = with_password(ada)
    set_up(client)
    return client


def use(client: Client, authenticator: Authenticator) -> Any:
    answer = authenticator.use(options_on(client.get(CODE)))
    return client.post(USE, {"credential": answer})


def is_in(client: Client) -> bool:
    return bool(client.get("/home/").status_code == 200)


def refusals(person: Person) -> list[str]:
    with tenancy.use(person.tenant):
        refused = SignInAttempt.objects.filter(outcome="refused").order_by("pk")
        return list(refused.values_list("reason", flat=True))


def test_added_passkey_signs_in_instead_of_a_code(ada: Person, session: Client) -> None:
    phone = Authenticator()
    added = add_passkey(session, phone)
    visitor = with_password(ada)
    assert not is_in(visitor)

    answer = use(visitor, phone)

    assert "The passkey “Phone” was added." in text_of(added)
    assert answer["Location"] == "/home/"
    assert is_in(visitor)
    assert history(ada)[-1] == f"{ada.full_name} added the passkey “Phone”"
    with tenancy.use(ada.tenant):
        notice = Mail.objects.filter(kind=Mail.Kind.SECURITY_NOTICE).latest("created_at")
    assert notice.facts["title"] == "A passkey was added"
    assert "Last used: never" not in text_of(visitor.get("/account/"))
    with tenancy.use(ada.tenant):
        assert SignInAttempt.objects.latest("pk").detail == "With a passkey."


def test_passkey_needs_an_authenticator_app_first(ada: Person) -> None:
    refused = add_passkey(with_password(ada), Authenticator())

    assert "Set up an authenticator app first." in text_of(refused)
    with tenancy.use(ada.tenant):
        assert not Passkey.objects.exists()


def test_passkeys_are_offered_only_over_https_with_a_host_name(
    ada: Person, session: Client, settings: Settings
) -> None:
    add_passkey(session, Authenticator())
    for address in ("http://ramp.example.com", "https://192.0.2.7", "https://[2001:db8::1]"):
        settings.PUBLIC_BASE_URL = address

        assert "passkey-options" not in with_password(ada).get(CODE).content.decode()
        assert f"Ramp’s address is {address}" in text_of(session.get(ADD))


@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", "nonsense", '{"id": 5, "rawId": "!"}'])
def test_refuses_an_invalid_credential(ada: Person, session: Client, answer: str) -> None:
    add_passkey(session, Authenticator())
    session.get(ADD)
    visitor = with_password(ada)
    visitor.get(CODE)

    added = session.post(ADD, {"name": "Phone", "credential": answer})
    used = visitor.post(USE, {"credential": answer}, follow=True)

    assert "Ramp could not check the passkey." in text_of(added)
    assert "Ramp could not check the passkey." in text_of(used)
    assert not is_in(visitor)
    assert refusals(ada) == ["wrong-passkey"]


def test_refuses_a_credential_of_another_origin(ada: Person, session: Client) -> None:
    fake = Authenticator(origin="https://ramp.example.net")
    assert "Ramp could not check the passkey." in text_of(add_passkey(session, fake))
    fake.origin = "https://ramp.example.com"
    add_passkey(session, fake)
    fake.origin = "https://ramp.example.net"

    use(visitor := with_password(ada), fake)

    assert not is_in(visitor)
    assert refusals(ada) == ["wrong-passkey"]


def test_refuses_the_passkey_of_another_person(ada: Person, session: Client) -> None:
    add_passkey(session, Authenticator())
    with tenancy.use(ada.tenant):
        olga = core.owner(email="olga@acme.example", password=PASSWORD)
    theirs = Authenticator()
    set_up(owner := with_password(olga))
    add_passkey(owner, theirs)

    use(visitor := with_password(ada), theirs)

    assert not is_in(visitor)


def test_refuses_a_replayed_credential(ada: Person, session: Client) -> None:
    phone = Authenticator(counts=False)
    add_passkey(session, phone)
    visitor, thief = with_password(ada), with_password(ada)
    answer = phone.use(options_on(visitor.get(CODE)))
    visitor.post(USE, {"credential": answer})
    thief.get(CODE)

    thief.post(USE, {"credential": answer})
    without_a_page = with_password(ada)
    without_a_page.post(USE, {"credential": answer})

    assert is_in(visitor)
    assert not is_in(thief)
    assert not is_in(without_a_page)


def test_refuses_a_signature_counter_that_goes_backwards(ada: Person, session: Client) -> None:
    phone = Authenticator()
    add_passkey(session, phone)
    use(with_password(ada), phone)
    phone.count = 1

    use(copied := with_password(ada), phone)

    assert not is_in(copied)
    assert refusals(ada) == ["passkey-copied"]


def test_passkey_without_a_counter_works_repeatedly(ada: Person, session: Client) -> None:
    synced = Authenticator(counts=False)
    add_passkey(session, synced)

    for _ in range(2):
        use(visitor := with_password(ada), synced)
        assert is_in(visitor)


def test_passkey_without_the_password_does_not_sign_in(ada: Person, session: Client) -> None:
    phone = Authenticator()
    add_passkey(session, phone)
    stranger = Client()

    answer = stranger.post(USE, {"credential": phone.use({"challenge": "", "rpId": "x"})})

    assert answer["Location"] == "/sign-in/"
    assert not is_in(stranger)


def test_same_passkey_is_added_only_once(session: Client) -> None:
    phone = Authenticator()
    add_passkey(session, phone)

    again = add_passkey(session, phone)

    assert "already has a passkey of yours" in text_of(again)


def test_at_most_20_passkeys_are_allowed(ada: Person, session: Client) -> None:
    for number in range(passkeys.MOST):
        add_passkey(session, Authenticator(), name=f"Key {number}")

    refused = add_passkey(session, Authenticator())

    assert "You have 20 passkeys." in text_of(refused)


def test_only_its_owner_removes_a_passkey(ada: Person, session: Client) -> None:
    phone = Authenticator()
    add_passkey(session, phone)
    with tenancy.use(ada.tenant):
        page = f"/account/passkeys/{Passkey.objects.get().pk}/remove/"
        olga = core.owner(email="olga@acme.example", password=PASSWORD)
    other = with_password(olga).post(page)
    asked = session.get(page)
    answer = session.post(page, follow=True)

    assert other.status_code == 404
    assert "<bdi>Phone</bdi> can then no longer be used" in text_of(asked)
    assert "The passkey “Phone” was removed." in text_of(answer)
    assert history(ada)[-1] == f"{ada.full_name} removed the passkey “Phone”"
    assert "passkey-options" not in with_password(ada).get(CODE).content.decode()


def test_adding_and_removing_need_a_recent_sign_in(ada: Person, session: Client) -> None:
    add_passkey(session, Authenticator())
    with tenancy.use(ada.tenant):
        key = Passkey.objects.get().pk
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        for page in (ADD, f"/account/passkeys/{key}/remove/"):
            answer = session.post(page, {"name": "Phone"})
            assert answer["Location"].startswith("/confirm-identity/")


def test_removing_the_authenticator_app_removes_passkeys(ada: Person, session: Client) -> None:
    add_passkey(session, Authenticator())

    session.post("/account/second-factor/remove/")

    with tenancy.use(ada.tenant):
        assert not Passkey.objects.exists()


def test_revoking_credentials_of_a_rehire_removes_passkeys(ada: Person) -> None:
    set_up(client := signed_in(ada))
    add_passkey(client, Authenticator())
    with tenancy.use(ada.tenant):
        rehires.revoke_credentials(ada)
        assert not Passkey.objects.exists()
