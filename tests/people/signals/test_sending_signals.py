"""Sending security events to signal streams."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from jwt.algorithms import RSAAlgorithm

from people import tenancy
from people.models import Event, Mail, Person, SignalStream, WebhookDelivery
from people.operations import (
    email_changes,
    passkeys,
    passwords,
    people,
    second_factors,
    sessions,
)
from people.operations.offboarding.handover_plan import HandoverPlan
from people.operations.offboarding.terminate import terminate_person
from people.operations.signals import keys, streams
from people.operations.signals.event_types import SignalType
from people.operations.signals.streams import Status
from tests.factories import core
from tests.people.signals.conftest import Stream, read_jwks
from tests.people.webhooks.changes import HELPDESK
from tests.people.webhooks.conftest import Clock
from tests.services.signal_receiver import SignalReceiver, type_of
from tests.support import sign_in_flow

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
State = WebhookDelivery.State


def payload_of(claims: dict[str, Any]) -> dict[str, Any]:
    [payload] = claims["events"].values()
    found: dict[str, Any] = payload
    return found


class TestSecurityEvent:
    def test_deactivation_sends_account_disabled_and_session_revoked(
        self, stream: Stream, receiver: SignalReceiver, ada: Person
    ) -> None:
        people.deactivate_person(ada, actor=HELPDESK, reason="A secret reason")

        assert stream.send() == 2

        assert receiver.types == ["account-disabled", "session-revoked"]
        disabled, revoked = receiver.accepted
        assert revoked["iss"] == f"{settings.PUBLIC_BASE_URL}/signals/{ada.tenant.slug}"
        assert revoked["aud"] == f"{revoked['iss']}/streams/{stream.stream.pk}"
        assert revoked["sub_id"] == {"format": "email", "email": ada.email}
        assert revoked["txn"] == disabled["txn"]
        assert revoked["jti"] != disabled["jti"]
        assert payload_of(revoked) == {
            "event_timestamp": int(stream.clock.now.timestamp()),
            "initiating_entity": "system",
            "reason_admin": {"en": "All sessions of the person were ended."},
        }
        assert not any("secret" in token for token in map(json.dumps, receiver.accepted))
        assert receiver.headers[0]["content-type"] == "application/secevent+jwt"
        assert "authorization" not in receiver.headers[0]

    def test_types_sent_for_each_change_of_access(
        self, stream: Stream, receiver: SignalReceiver, ada: Person
    ) -> None:
        sent: dict[str, list[str]] = {}
        ways: dict[str, Callable[[], object]] = {
            "signed out": partial(sessions.sign_out, ada, actor=HELPDESK, reason="Lost laptop"),
            "signed out by themselves": partial(sessions.sign_out_everywhere, ada, actor=ada.actor),
            "deactivated": partial(people.deactivate_person, ada, actor=HELPDESK),
            "reactivated": partial(people.reactivate_person, ada, actor=HELPDESK),
            "new password": partial(passwords.change_password, ada, "new horse", actor=ada.actor),
            "mailed a link": partial(passwords.mail_reset, ada, actor=HELPDESK),
        }
        for what, do in ways.items():
            receiver.accepted.clear()
            do()
            stream.send_after(MINUTE)
            sent[what] = receiver.types

        assert sent == {
            "signed out": ["session-revoked"],
            "signed out by themselves": ["session-revoked"],
            "deactivated": ["account-disabled", "session-revoked"],
            "reactivated": ["account-enabled"],
            "new password": ["credential-change", "session-revoked"],
            "mailed a link": [],
        }

    def test_credential_change_names_type_and_initiator(
        self, stream: Stream, receiver: SignalReceiver, owner: Person, ada: Person
    ) -> None:
        codes: dict[str, Any] = {
            "secret": "sealed",
            "step": 1,
            "recovery_digests": [],
            "may_replace": True,
        }
        second_factors.set_up_second_factor(ada, **codes, actor=ada.actor)
        key: dict[str, Any] = {"credential_id": "one", "credential": b"one", "sign_count": 0}
        passkeys.add_passkey(ada, "Phone", **key, actor=ada.actor)
        second_factors.remove_second_factor(ada, actor=owner.actor)

        stream.send()

        changes = [one for one in receiver.accepted if type_of(one) == "credential-change"]
        assert [
            (value["credential_type"], value["change_type"], value["initiating_entity"])
            for value in map(payload_of, changes)
        ] == [("app", "create", "user"), ("passkey", "create", "user"), ("app", "revoke", "admin")]
        reason = {"en": "A credential of the person was changed."}
        assert all(payload_of(one)["reason_admin"] == reason for one in changes)
        assert receiver.types[-1] == "session-revoked"

    def test_termination_sends_account_purged(
        self, stream: Stream, receiver: SignalReceiver, ada: Person
    ) -> None:
        terminate_person(ada, HandoverPlan(), actor=HELPDESK)

        stream.send()

        assert receiver.types == ["account-purged", "session-revoked"]

    def test_address_change_contains_old_and_new_address(
        self, stream: Stream, receiver: SignalReceiver, ada: Person
    ) -> None:
        old = ada.email
        email_changes.propose_address(ada, "augusta@example.com", actor=HELPDESK)
        mail = Mail.objects.get(kind=Mail.Kind.CONFIRM_ADDRESS)
        email_changes.confirm_address(mail, actor=ada.actor)

        stream.send()

        [changed] = receiver.accepted
        assert changed["sub_id"] == {"format": "email", "email": old}
        assert payload_of(changed) == {"new-value": "augusta@example.com"}

    def test_only_requested_types_are_sent(
        self, receiver: SignalReceiver, clock: Clock, owner: Person, ada: Person
    ) -> None:
        unknown = "https://schemas.openid.net/secevent/caep/event-type/risk-level-change"
        stream = Stream(
            receiver, clock, owner, events_requested=[SignalType.SESSION_REVOKED, unknown]
        )
        nothing = Stream(receiver, clock, owner, events_requested=[unknown])
        people.deactivate_person(ada, actor=HELPDESK)

        stream.send()

        assert receiver.types == ["session-revoked"]
        assert not nothing.deliveries

    def test_is_not_sent_to_another_company(
        self, stream: Stream, receiver: SignalReceiver, ada: Person
    ) -> None:
        with core.in_another_tenant() as other:
            people.deactivate_person(core.person(), actor=HELPDESK)

        assert stream.send() == 0

        assert Client().get(f"/signals/{other.slug}/jwks.json").json() == {"keys": []}
        with tenancy.use(other):
            assert not WebhookDelivery.objects.exists()

    def test_request_has_the_configured_authorization_header(
        self, receiver: SignalReceiver, clock: Clock, owner: Person, ada: Person
    ) -> None:
        stream = Stream(receiver, clock, owner, authorization="Bearer of their choice")
        sessions.sign_out(ada, actor=HELPDESK, reason="")

        stream.send()

        assert receiver.headers[0]["authorization"] == "Bearer of their choice"
        assert "of their choice" not in stream.row.endpoint.secret


class TestFailedDelivery:
    def test_is_retried_with_the_same_jti_before_later_events(
        self, stream: Stream, receiver: SignalReceiver, ada: Person, grace: Person
    ) -> None:
        receiver.status_of = lambda value: 500 if value["sub_id"]["email"] == ada.email else 202
        people.deactivate_person(ada, actor=HELPDESK)
        people.deactivate_person(grace, actor=HELPDESK)
        stream.send()
        people.reactivate_person(ada, actor=HELPDESK)
        stream.send()
        receiver.status_of = lambda _: 202

        stream.send_after(MINUTE)

        about_ada = [one for one in receiver.accepted if one["sub_id"]["email"] == ada.email]
        assert list(map(type_of, about_ada)) == [
            *("account-disabled", "session-revoked"),
            "account-enabled",
        ]
        tries = [one["jti"] for one in receiver.received if type_of(one) == "account-disabled"]
        assert len(tries) == 3
        assert len(set(tries)) == 2

    def test_pauses_the_stream_after_three_days_without_loss(
        self, stream: Stream, receiver: SignalReceiver, owner: Person, ada: Person
    ) -> None:
        receiver.status_of = lambda _: 500
        sessions.sign_out(ada, actor=HELPDESK, reason="")
        stream.send()
        stream.send_after(timedelta(days=3, hours=1))
        assert stream.row.status == Status.PAUSED
        people.deactivate_person(ada, actor=HELPDESK)
        receiver.status_of, before = (lambda _: 202), len(receiver.received)
        assert stream.send_after(MINUTE) == 0
        assert len(receiver.received) == before

        streams.set_status(stream.row, Status.ENABLED, actor=owner.actor, is_told=True)
        stream.send_after(MINUTE)

        assert set(receiver.types) == {"account-disabled", "session-revoked", "stream-updated"}


class TestStoppedStream:
    def test_paused_stream_keeps_events(
        self, stream: Stream, receiver: SignalReceiver, owner: Person, ada: Person
    ) -> None:
        streams.set_status(stream.row, Status.PAUSED, actor=owner.actor, is_told=False)
        people.deactivate_person(ada, actor=HELPDESK)
        assert stream.send() == 0

        streams.set_status(stream.row, Status.ENABLED, actor=owner.actor, is_told=False)

        assert stream.send() == 2
        assert receiver.types == ["account-disabled", "session-revoked"]

    def test_disabled_stream_drops_events(
        self, stream: Stream, receiver: SignalReceiver, owner: Person, ada: Person, grace: Person
    ) -> None:
        receiver.status_of = lambda _: 500
        people.deactivate_person(grace, actor=HELPDESK)
        stream.send()
        receiver.status_of = lambda _: 202
        streams.set_status(stream.row, Status.DISABLED, actor=owner.actor, is_told=False)
        people.deactivate_person(ada, actor=HELPDESK)
        stream.clock.jump(MINUTE)
        streams.set_status(stream.row, Status.ENABLED, actor=owner.actor, is_told=False)

        assert stream.send_after(MINUTE) == 0

        assert {one.state for one in stream.deliveries} == {State.GIVEN_UP}


class TestKey:
    def test_key_is_rsa_of_2048_bits_for_rs256(self, stream: Stream, owner: Person) -> None:
        [key] = read_jwks(owner.tenant)["keys"]

        assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
        assert RSAAlgorithm.from_jwk(key).key_size == 2048

    def test_older_key_is_published_for_a_week_after_rotation(
        self, stream: Stream, receiver: SignalReceiver, owner: Person, ada: Person
    ) -> None:
        sessions.sign_out(ada, actor=HELPDESK, reason="")
        stream.send()
        keys.rotate_key(owner.tenant_id, actor=owner.actor)
        receiver.keys = read_jwks(owner.tenant)
        assert len(receiver.keys["keys"]) == 2
        sessions.sign_out(ada, actor=HELPDESK, reason="")

        stream.send_after(MINUTE)

        assert len(receiver.accepted) == 2
        stream.clock.jump(timedelta(days=8))
        assert len(read_jwks(owner.tenant)["keys"]) == 1
        assert not {"d", "p", "q"} & set(receiver.keys["keys"][0])
        assert Event.objects.filter(kind=Event.Kind.SIGNAL_STREAM_CHANGED).count() == 2


def test_iss_sub_stream_uses_provider_subject_or_email(
    receiver: SignalReceiver, clock: Clock, owner: Person, ada: Person, grace: Person
) -> None:
    provider = sign_in_flow.provider(settings=sign_in_flow.OIDC)
    sign_in_flow.identity(provider, ada)
    stream = Stream(receiver, clock, owner, subject_format=SignalStream.SubjectFormat.ISS_SUB)
    people.deactivate_person(ada, actor=HELPDESK)
    people.deactivate_person(grace, actor=HELPDESK)

    stream.send()

    subjects = [one["sub_id"] for one in receiver.accepted]
    named = {"format": "iss_sub", "iss": "https://id.example", "sub": f"subject of {ada.email}"}
    assert named in subjects
    assert {"format": "email", "email": grace.email} in subjects
