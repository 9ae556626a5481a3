"""A stream of signals …"""

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Person
from provisioning.models import IdentityProvider, ReceivedSignal, TransmitterStream
from provisioning.providers import rotate_secrets
from provisioning.shared_signals import job
from provisioning.shared_signals.event_types import REQUESTED
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.provisioning.shared_signals.conftest import REVOKED, stream_of
from tests.services.signal_transmitter import FOREIGN_RSA, PUSH, SSF, TOKEN, Transmitter, rsa_key
from tests.support.openid_flow import connected, is_in, the_attempt

pytestmark = pytest.mark.django_db

OPAQUE = {"format": "opaque", "id": "ada"}


def stream_form(transmitter: Transmitter, **more: str) -> dict[str, str]:
    return {"issuer": transmitter.issuer, "token": TOKEN, "delivery": "push"} | more


def later(**delay: int) -> int:
    """Run the job as beat does after this time."""
    return job.serve_due(as_of=timezone.now() + timedelta(**delay))


def test_is_created_with_the_events_and_the_address_of_ramp(
    pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    [stream] = transmitter.streams.values()
    delivery = stream["delivery"]
    assert stream["events_requested"] == [*REQUESTED]
    assert delivery["method"] == PUSH
    assert delivery["endpoint_url"].endswith(f"/signals/{pushed.key}/")
    assert delivery["authorization_header"].startswith("Bearer ")
    assert delivery["authorization_header"] not in str(vars(pushed))
    assert "GET /.well-known/ssf-configuration/realms/acme" in transmitter.asked
    assert pushed.audience == [transmitter.audience]


def test_is_about_the_subjects_of_the_provider(
    pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    [stream] = transmitter.streams.values()
    assert stream["format"] == "iss_sub"


def test_is_created_at_a_transmitter_that_refuses_what_it_does_not_know(
    owner: Client, page: str, corp: IdentityProvider, transmitter: Transmitter
) -> None:
    transmitter.unknown = ["format"]

    assert owner.post(page, stream_form(transmitter)).status_code == 302

    [stream] = transmitter.streams.values()
    assert stream["format"] is None
    assert stream_of(corp).state == "enabled"


def test_shows_its_state_on_the_page_and_on_the_provider(
    owner: Client, page: str, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    shown = text_of(owner.get(page))
    assert "Asked for, not received yet" in shown
    [asked] = transmitter.verifications
    transmitter.push(transmitter.verification(asked))

    shown = text_of(owner.get(page))
    assert pushed.stream_id in shown
    assert "Asked for, not received yet" not in shown
    assert "The stream is verified." in shown
    assert "Enabled. Last signal" in text_of(owner.get(page.removesuffix("signals/")))


FAILING: dict[str, tuple[str, tuple[int, Any], str]] = {
    "no metadata": ("/.well-known/ssf-configuration/realms/acme", (404, {}), "status 404"),
    "metadata of another issuer": (
        "/.well-known/ssf-configuration/realms/acme",
        (200, {"issuer": "https://evil.example"}),
        "names the issuer “https://evil.example”",
    ),
    "a refused token": ("/stream", (401, {}), "Check the access token."),
    "an answer that is no JSON": ("/stream", (201, b"ok"), "did not return JSON"),
    "an answer without an id": ("/stream", (201, {"aud": "x"}), "no stream_id or no audience"),
    "an answer without an audience": ("/stream", (201, {"stream_id": "x"}), "no audience"),
}


@pytest.mark.parametrize(("path", "answer", "problem"), FAILING.values(), ids=FAILING)
def test_is_not_created_with(
    owner: Client, page: str, transmitter: Transmitter, path: str, answer: Any, problem: str
) -> None:
    transmitter.instead[path] = answer

    response = owner.post(page, stream_form(transmitter))

    assert response.status_code == 200
    assert problem in text_of(response)


def test_is_not_created_at_a_private_address(owner: Client, page: str) -> None:
    form = {"issuer": "https://10.0.0.1", "token": TOKEN, "delivery": "push"}

    assert "a private address" in text_of(owner.post(page, form))


def test_is_created_later_if_the_transmitter_was_not_ready(
    owner: Client, page: str, corp: IdentityProvider, transmitter: Transmitter
) -> None:
    transmitter.instead["/stream"] = (500, {})
    owner.post(page, stream_form(transmitter))
    assert stream_of(corp).state == "pending"
    del transmitter.instead["/stream"]

    later(minutes=6)

    assert stream_of(corp).state == "enabled"
    assert transmitter.streams


def test_sends_the_token_to_no_other_transmitter(
    owner: Client, page: str, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    other = Transmitter()
    answer = owner.post(page, stream_form(other, token=""))
    other.stop()

    assert "Enter the access token or client secret again." in text_of(answer)
    assert not other.asked


def test_keeps_its_token_for_the_same_transmitter(
    owner: Client, page: str, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    assert owner.post(page, stream_form(transmitter, token="")).status_code == 302
    # The earlier one was deleted.
    assert len(transmitter.streams) == 1


def test_stores_its_token_encrypted_and_with_the_newest_key(
    pushed: TransmitterStream, settings: Any
) -> None:
    assert TOKEN not in pushed.token
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a newer key, as long and as varied as a real one 0123456789"

    with tenancy.across_tenants():
        rotated, lost = rotate_secrets.rotate_all()

    assert (rotated, lost) == (2, [])
    settings.SECRET_KEY_FALLBACKS = []
    with tenancy.across_tenants():
        assert rotate_secrets.without_key()[0] == 0


def test_is_created_again_when_it_is_lost(
    corp: IdentityProvider, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    transmitter.streams.clear()

    later(hours=2)

    [stream] = transmitter.streams
    assert stream_of(corp).stream_id == stream != pushed.stream_id
    assert (the_attempt().outcome, the_attempt().reason) == ("signal", "signal-stream-lost")
    [_, asked] = transmitter.verifications
    assert transmitter.push(transmitter.verification(asked))[0] == 202


def test_is_checked_every_hour_and_verified_every_day(
    corp: IdentityProvider, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    transmitter.statuses[pushed.stream_id] = "paused"
    later(hours=2)
    assert stream_of(corp).state == "paused"
    transmitter.statuses.clear()
    later(hours=4)
    assert stream_of(corp).state == "enabled"
    assert len(transmitter.verifications) == 1

    later(hours=30)

    assert len(transmitter.verifications) == 2


def test_says_when_a_verification_did_not_arrive(
    owner: Client, page: str, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    later(hours=2)

    assert "The verification event that Ramp asked for did not arrive." in text_of(owner.get(page))


def test_says_once_in_the_log_that_it_fails(
    corp: IdentityProvider, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    transmitter.instead["/status"] = (500, {})
    later(hours=2)
    later(hours=3)

    assert the_attempt().reason == "signal-stream-failing"
    with tenancy.use(corp.tenant_id):
        assert corp.attempts.filter(reason="signal-stream-failing").count() == 1
    assert "status 500" in stream_of(corp).problem
    assert stream_of(corp).failing_since


def test_can_be_removed(
    owner: Client,
    page: str,
    corp: IdentityProvider,
    pushed: TransmitterStream,
    transmitter: Transmitter,
) -> None:
    [stream] = transmitter.streams.values()

    owner.post(f"{page}remove/")

    assert not transmitter.streams
    with tenancy.use(corp.tenant_id):
        assert not TransmitterStream.objects.exists()
    path = stream["delivery"]["endpoint_url"].removeprefix("http://127.0.0.1:8000")
    assert Client().post(path, b"x", content_type="application/secevent+jwt").status_code == 404


def test_ends_with_its_provider(
    owner: Client, corp: IdentityProvider, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    owner.post(f"/tenants/acme/auth-providers/{corp.pk}/remove/", {"name": "Corp"})

    with tenancy.use(corp.tenant_id):
        assert not TransmitterStream.objects.exists()
    token = transmitter.sign(transmitter.claims(REVOKED, OPAQUE))
    assert transmitter.push(token)[0] == 404


def test_belongs_to_an_administrator_of_the_company(page: str, acme: Any) -> None:
    with tenancy.use(acme):
        cardholder = core.person(email="carl@acme.example")
    other = core.tenant(slug="other")
    with tenancy.use(other):
        stranger = core.owner()

    assert signed_in(cardholder).get(page).status_code == 302
    assert signed_in(stranger).get(page).status_code == 404


class TestThatIsPolled:
    def test_applies_what_waits_and_acknowledges_it(
        self, client: Client, ada: Person, polled: TransmitterStream, transmitter: Transmitter
    ) -> None:
        jti = transmitter.queue(transmitter.sign(transmitter.claims(REVOKED, OPAQUE)))

        later(minutes=1)

        assert not is_in(client)
        assert transmitter.acknowledged == [jti]
        assert not transmitter.waiting

    def test_reports_what_it_refuses(
        self, ada: Person, polled: TransmitterStream, transmitter: Transmitter
    ) -> None:
        claims = transmitter.claims(REVOKED, OPAQUE) | {"aud": "another"}
        jti = transmitter.queue(transmitter.sign(claims))
        number = transmitter.queue(7)  # type: ignore[arg-type]

        later(minutes=1)

        assert transmitter.refused[jti]["err"] == "invalid_audience"
        assert transmitter.refused[number]["err"] == "invalid_request"
        assert not transmitter.waiting
        assert the_attempt().reason == "signal-refused"

    def test_waits_for_a_key_that_was_replaced_twice_within_seconds(
        self, client: Client, ada: Person, polled: TransmitterStream, transmitter: Transmitter
    ) -> None:
        for key in (rsa_key("two"), rsa_key("three")):
            transmitter.keys, transmitter.key = [key], key
            last = transmitter.queue(transmitter.sign(transmitter.claims(REVOKED, OPAQUE)))
            later(minutes=1)
        assert (list(transmitter.waiting), transmitter.refused) == ([last], {})

        with time_machine.travel(timezone.now() + timedelta(minutes=1)):
            later(minutes=1)

        assert not transmitter.waiting
        assert transmitter.acknowledged[-1] == last

    def test_refuses_a_key_that_is_still_unknown_after_a_minute(
        self, ada: Person, polled: TransmitterStream, transmitter: Transmitter
    ) -> None:
        claims = transmitter.claims(REVOKED, OPAQUE)
        jti = transmitter.queue(transmitter.sign(claims, key=rsa_key("unknown")))
        later(minutes=1)
        assert not transmitter.refused

        with time_machine.travel(timezone.now() + timedelta(minutes=1)):
            later(minutes=1)

        assert transmitter.refused[jti]["err"] == "invalid_key"
        assert not transmitter.waiting

    def test_applies_nothing_twice_when_the_acknowledgment_was_lost(
        self, ada: Person, polled: TransmitterStream, transmitter: Transmitter
    ) -> None:
        token = transmitter.sign(transmitter.claims(REVOKED, OPAQUE))
        transmitter.queue(token, "one")
        later(minutes=1)
        transmitter.queue(token, "one")

        later(minutes=3)

        assert transmitter.acknowledged == ["one", "one"]
        with tenancy.use(polled.tenant_id):
            assert ReceivedSignal.objects.count() == 1

    def test_fetches_more_than_fit_into_one_answer(
        self, ada: Person, polled: TransmitterStream, transmitter: Transmitter
    ) -> None:
        for _ in range(45):
            transmitter.queue(transmitter.sign(transmitter.claims(REVOKED, OPAQUE)))

        later(minutes=1)

        assert len(transmitter.acknowledged) == 45
        with tenancy.use(polled.tenant_id):
            assert ReceivedSignal.objects.count() == 45

    def test_fetches_large_ones_singly(
        self, ada: Person, polled: TransmitterStream, transmitter: Transmitter
    ) -> None:
        for _ in range(10):
            claims = transmitter.claims(REVOKED, OPAQUE, {"reason_admin": "x" * 30_000})
            transmitter.queue(transmitter.sign(claims))

        later(minutes=1)

        assert len({*transmitter.acknowledged}) == 10

    def test_is_verified(
        self, corp: IdentityProvider, polled: TransmitterStream, transmitter: Transmitter
    ) -> None:
        [asked] = transmitter.verifications
        transmitter.queue(transmitter.verification(asked))

        later(minutes=1)

        assert stream_of(corp).verified_at

    def test_is_created_again_when_it_is_lost(
        self, client: Client, ada: Person, polled: TransmitterStream, transmitter: Transmitter
    ) -> None:
        transmitter.streams.clear()
        later(minutes=1)
        transmitter.queue(transmitter.sign(transmitter.claims(REVOKED, OPAQUE)))

        later(minutes=3)

        assert not is_in(client)

    def test_takes_no_push(self, polled: TransmitterStream, corp: IdentityProvider) -> None:
        path = f"/sign-in/acme/{corp.pk}/signals/{polled.key}/"

        assert Client().post(path, b"x", content_type="application/secevent+jwt").status_code == 404

    def test_waits_its_turn_behind_nobody_who_fails(
        self, client: Client, ada: Person, polled: TransmitterStream, transmitter: Transmitter
    ) -> None:
        """A transmitter of another company that refuses everything takes one turn."""
        other = core.tenant(slug="other")
        failing = Transmitter()
        with tenancy.use(other):
            eve = core.owner()
        theirs = connected(other, transmitter_provider(failing))
        page = f"/tenants/other/auth-providers/{theirs.pk}/signals/"
        assert signed_in(eve).post(page, stream_form(failing, delivery="poll")).status_code == 302
        failing.instead["/poll"] = (500, {})
        transmitter.queue(transmitter.sign(transmitter.claims(REVOKED, OPAQUE)))

        assert later(minutes=1) == 2

        failing.stop()
        assert not is_in(client)


def transmitter_provider(transmitter: Transmitter) -> Any:
    """Return what `connected` needs of a provider."""
    return type("Provider", (), {"url": transmitter.issuer})()


def test_of_another_company_cannot_reach_people_here(
    client: Client, ada: Person, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    """Its tokens are valid, but for its own stream only."""
    other = core.tenant(slug="other")
    hostile = Transmitter(
        deliver=transmitter.deliver,
        audience=transmitter.audience,
        keys=[FOREIGN_RSA],
        key=FOREIGN_RSA,
    )
    with tenancy.use(other):
        eve = core.owner()
    theirs = connected(other, transmitter_provider(hostile))
    signed_in(eve).post(f"/tenants/other/auth-providers/{theirs.pk}/signals/", stream_form(hostile))
    subject = {"format": "iss_sub", "iss": pushed.provider.settings["issuer"], "sub": "ada"}
    claims = hostile.claims(REVOKED, subject)

    assert hostile.push(hostile.sign(claims))[0] == 202
    assert hostile.send(REVOKED, OPAQUE)[0] == 202
    # With its tokens at the other stream, and with its keys for the other issuer.
    assert transmitter.push(hostile.sign(claims))[0] == 400
    assert transmitter.push(hostile.sign(claims | {"iss": transmitter.issuer}))[0] == 400
    hostile.stop()
    assert is_in(client)


def test_shows_how_late_its_signals_are(
    owner: Client, page: str, pushed: TransmitterStream, transmitter: Transmitter
) -> None:
    claims = transmitter.claims(f"{SSF}verification", None) | {"iat": int(time.time()) - 90}
    transmitter.push(transmitter.sign(claims))

    assert "Lag of the last signal" in text_of(owner.get(page))
