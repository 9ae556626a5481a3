"""The API for receivers of security events (Shared Signals)."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from people.models import ApiToken, Event, Person, Scope, SignalStream
from people.operations import api_tokens, people
from people.operations.signals import streams
from people.operations.signals.event_types import SignalType
from people.operations.signals.streams import MAX_STREAMS, StreamSettings
from people.operations.webhooks import sending
from tests.clients.signals import POLL, PUSH, ReceiverClient
from tests.clients.spend import Api
from tests.factories import core
from tests.people.signals.conftest import read_jwks
from tests.people.webhooks.conftest import Clock
from tests.services.signal_receiver import SignalReceiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(owner: Person) -> ReceiverClient:
    return ReceiverClient(owner)


def pushed(api: ReceiverClient, url: str, **more: Any) -> Any:
    """Request a stream that is pushed to the URL."""
    delivery = {"method": PUSH, "endpoint_url": url} | more
    wanted = [SignalType.SESSION_REVOKED.value]
    body = {"delivery": delivery, "events_requested": wanted, "description": "Expenses"}
    return api.ask("post", "configuration", body)


def added(api: ReceiverClient, **body: Any) -> dict[str, Any]:
    """Add a stream that is polled."""
    answer = api.ask("post", "configuration", body)
    assert answer.status_code == 201
    found: dict[str, Any] = answer.json()
    return found


class TestMetadata:
    def test_is_at_the_well_known_url_of_the_issuer(
        self, api: ReceiverClient, owner: Person
    ) -> None:
        issuer = f"{settings.PUBLIC_BASE_URL}/signals/{owner.tenant.slug}"

        assert api.metadata == {
            "spec_version": "1_0",
            "issuer": issuer,
            "jwks_uri": f"{issuer}/jwks.json",
            "delivery_methods_supported": [PUSH, POLL],
            "configuration_endpoint": f"{issuer}/stream",
            "status_endpoint": f"{issuer}/status",
            "verification_endpoint": f"{issuer}/verify",
            "authorization_schemes": [
                {"spec_urn": "urn:ietf:rfc:6749"},
                {"spec_urn": "urn:ietf:rfc:6750"},
            ],
            "default_subjects": "ALL",
        }

    def test_protected_resource_metadata_names_the_scope(self, api: ReceiverClient) -> None:
        """RFC 9728 defines this document."""
        found = Client().get(f"/.well-known/oauth-protected-resource/signals/{api.slug}")

        assert found.json() == {
            "resource": api.metadata["issuer"],
            "scopes_supported": ["signals:manage"],
            "bearer_methods_supported": ["header"],
            "jwks_uri": api.metadata["jwks_uri"],
        }

    @pytest.mark.parametrize("name", ["ssf-configuration", "oauth-protected-resource"])
    def test_is_not_found_for_unknown_or_suspended_companies(
        self, owner: Person, name: str
    ) -> None:
        tenant = owner.tenant
        assert Client().get(f"/.well-known/{name}/signals/nobody").status_code == 404
        tenant.is_active = False
        tenant.save(update_fields=["is_active"])

        page = Client().get(f"/.well-known/{name}/signals/{tenant.slug}")

        assert page.status_code == 404


class TestStreamConfiguration:
    def test_can_be_added_read_changed_and_deleted(
        self, api: ReceiverClient, receiver: SignalReceiver
    ) -> None:
        made = pushed(api, receiver.url)
        assert made.status_code == 201
        stream = made.json()
        assert stream["iss"] == api.metadata["issuer"]
        assert stream["delivery"] == {"method": PUSH, "endpoint_url": receiver.url}
        assert stream["events_delivered"] == [SignalType.SESSION_REVOKED]
        assert stream["events_supported"] == SignalType.values
        own = {"stream_id": stream["stream_id"]}
        assert api.ask("get", "configuration", **own).json() == stream
        assert api.ask("get", "configuration").json() == [stream]

        changed = api.ask("patch", "configuration", own | {"events_requested": ["urn:unknown"]})
        assert changed.json() == stream | {
            "events_requested": ["urn:unknown"],
            "events_delivered": [],
        }
        body = own | {"delivery": stream["delivery"], "iss": stream["iss"]}
        replaced = api.ask("put", "configuration", body).json()
        assert replaced["events_requested"] == []
        assert "description" not in replaced

        assert api.ask("delete", "configuration", **own).status_code == 204
        assert api.ask("get", "configuration", **own).status_code == 404
        assert api.ask("get", "configuration").json() == []
        events = Event.objects.filter(kind=Event.Kind.SIGNAL_STREAM_CHANGED).order_by("pk")
        assert [event.facts["what"].split()[0] for event in events] == [
            *("added", "changed", "changed", "deleted")
        ]

    def test_default_delivery_method_is_poll(self, api: ReceiverClient) -> None:
        stream = added(api)

        url = f"{api.metadata['issuer']}/poll/{stream['stream_id']}"
        assert stream["delivery"] == {"method": POLL, "endpoint_url": url}

    def test_subject_format_is_chosen_by_the_receiver(self, api: ReceiverClient) -> None:
        assert added(api)["format"] == "email"
        stream = added(api, format="iss_sub")

        assert stream["format"] == "iss_sub"
        assert SignalStream.objects.get(pk=stream["stream_id"]).subject_format == "iss_sub"
        assert api.ask("post", "configuration", {"format": "phone_number"}).status_code == 400

    def test_keeps_its_authorization_header_until_another_one_is_sent(
        self, api: ReceiverClient, receiver: SignalReceiver
    ) -> None:
        stream = pushed(api, receiver.url, authorization_header="Bearer one").json()
        own = {"stream_id": stream["stream_id"]}
        assert "one" not in str(stream)

        api.ask("patch", "configuration", own | {"description": "Travel"})
        assert SignalStream.objects.get().endpoint.secret
        api.ask("put", "configuration", own | {"delivery": stream["delivery"]})

        assert not SignalStream.objects.get().endpoint.secret

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"iss": "https://elsewhere.example"}, "iss"),
            ({"events_delivered": ["urn:other"]}, "events_delivered"),
            ({"delivery": {"method": POLL}}, "delivery"),
            ({"delivery": {"method": PUSH}}, "delivery"),
            ({"delivery": {"method": "urn:fax"}}, "delivery"),
            ({"events_requested": "all"}, "events_requested"),
            ({"format": "iss_sub"}, "format"),
        ],
    )
    def test_refuses_invalid_values(
        self, api: ReceiverClient, receiver: SignalReceiver, values: dict[str, Any], field: str
    ) -> None:
        stream = pushed(api, receiver.url).json()

        answer = api.ask("patch", "configuration", {"stream_id": stream["stream_id"]} | values)

        assert answer.status_code == 400
        assert field in answer.json()["fields"]
        assert api.ask("get", "configuration").json() == [stream]

    @pytest.mark.parametrize("body", [[], "text", {"stream_id": "nonsense"}, {}])
    def test_refuses_a_body_that_names_no_stream(self, api: ReceiverClient, body: Any) -> None:
        for method, endpoint in (
            *(("patch", "configuration"), ("put", "configuration")),
            *(("post", "status"), ("post", "verification")),
        ):
            assert api.ask(method, endpoint, body).status_code == 400
        assert api.ask("delete", "configuration").status_code == 400
        assert api.ask("get", "status").status_code == 400

    def test_refuses_push_urls_in_private_networks(
        self, api: ReceiverClient, settings: Settings
    ) -> None:
        settings.OUTBOUND_ALLOW = []

        answer = pushed(api, "https://169.254.169.254/latest")

        assert answer.status_code == 400
        assert "private address" in answer.json()["message"]
        assert not SignalStream.objects.exists()

    def test_refuses_more_than_16_streams(self, api: ReceiverClient) -> None:
        for _ in range(MAX_STREAMS):
            added(api)

        answer = api.ask("post", "configuration", {})

        assert (answer.status_code, answer.json()["code"]) == (409, "too-many-signal-streams")


class TestStatus:
    def test_can_be_read_and_set(self, api: ReceiverClient) -> None:
        own = {"stream_id": added(api)["stream_id"]}
        assert api.ask("get", "status", **own).json() == own | {"status": "enabled"}

        for status in ("paused", "disabled", "enabled", "enabled"):
            answer = api.ask("post", "status", own | {"status": status, "reason": "Maintenance"})
            assert answer.json() == own | {"status": status}
            assert api.ask("get", "status", **own).json()["status"] == status

        assert api.ask("post", "status", own | {"status": "asleep"}).status_code == 400


class TestVerification:
    def test_state_is_returned_in_the_verification_event(
        self, api: ReceiverClient, receiver: SignalReceiver, owner: Person, clock: Clock
    ) -> None:
        own = {"stream_id": pushed(api, receiver.url).json()["stream_id"]}
        receiver.keys = read_jwks(owner.tenant)

        assert api.ask("post", "verification", own | {"state": "xyz"}).status_code == 204
        sending.send_due(as_of=clock.now)

        [event] = receiver.accepted
        assert event["sub_id"] == {"format": "opaque", "id": own["stream_id"]}
        [(uri, payload)] = event["events"].items()
        assert uri == "https://schemas.openid.net/secevent/ssf/event-type/verification"
        assert payload == {"state": "xyz"}

    def test_is_limited_to_one_request_per_interval(
        self, api: ReceiverClient, clock: Clock
    ) -> None:
        stream = added(api)
        own = {"stream_id": stream["stream_id"]}
        api.ask("post", "verification", own)

        answer = api.ask("post", "verification", own)

        assert answer.status_code == 429
        assert answer["Retry-After"] == str(stream["min_verification_interval"])
        clock.jump(timedelta(seconds=31))
        assert api.ask("post", "verification", own).status_code == 204


class TestToken:
    def test_needs_the_scope(self, owner: Person, api: ReceiverClient) -> None:
        stream = added(api)
        others = [scope for scope in Scope if scope != Scope.MANAGE_SIGNALS]
        stranger = ReceiverClient(owner, scopes=others)

        for method, endpoint in REQUESTS:
            answer = stranger.ask(method, _address(endpoint, stream), {})
            assert answer.status_code == 403
            assert answer.json()["code"] == "insufficient-scope"
            assert answer["WWW-Authenticate"] == (
                'Bearer realm="Ramp API", error="insufficient_scope", scope="signals:manage"'
            )
        assert Client().get(f"/signals/{api.slug}/stream").status_code == 401

    def test_is_accepted_only_in_the_authorization_header(self, owner: Person) -> None:
        """RFC 6750 section 2.3 describes tokens in the address, which logs would contain."""
        token = Api(owner, scopes=[Scope.MANAGE_SIGNALS]).token

        address = f"/signals/{owner.tenant.slug}/stream"

        assert Client().get(f"{address}?access_token={token}").status_code == 401
        assert Client().post(address, {"access_token": token}).status_code == 401

    def test_reaches_only_its_own_company(self, owner: Person, api: ReceiverClient) -> None:
        stream = added(api)
        with core.in_another_tenant():
            theirs = ReceiverClient(core.owner())
        own = {"stream_id": stream["stream_id"]}

        for method, endpoint in REQUESTS:
            address = api.metadata.get(f"{endpoint}_endpoint", _address(endpoint, stream))
            assert theirs.ask(method, address, own).status_code == 404
        for method, endpoint in REQUESTS:
            if method != "get" and endpoint != "poll":
                values = own | {"status": "paused"}
                query = own if method == "delete" else {}
                answer = theirs.ask(method, endpoint, values, **query)
                assert answer.status_code == 404 or answer.json()["iss"] != stream["iss"]
        assert api.ask("get", "configuration").json() == [stream]

    def test_reaches_only_the_streams_that_it_added(
        self, owner: Person, api: ReceiverClient
    ) -> None:
        stream = added(api)
        other = ReceiverClient(owner)

        assert other.ask("get", "configuration").json() == []
        for method, endpoint in REQUESTS:
            own, is_query = stream["stream_id"], method in ("get", "delete")
            body = None if is_query else {"stream_id": own, "status": "paused"}
            if (method, endpoint) != ("post", "configuration"):
                address, query = _address(endpoint, stream), own if is_query else None
                answer = other.ask(method, address, body, stream_id=query)
                assert answer.status_code == 404, (method, endpoint)
        assert api.ask("get", "configuration").json() == [stream]

    def test_reaches_the_streams_of_a_token_that_was_revoked(
        self, owner: Person, api: ReceiverClient
    ) -> None:
        stream = added(api)
        other = ReceiverClient(owner)
        [first, _] = ApiToken.objects.order_by("pk")

        api_tokens.revoke_api_token(first, actor=owner.actor)

        assert other.ask("get", "configuration").json() == [stream]

    def test_reaches_the_streams_that_administrators_added(
        self, owner: Person, api: ReceiverClient
    ) -> None:
        settings = StreamSettings(url="", events_requested=[])
        stream = streams.add_stream(owner, settings, actor=owner.actor)

        [found] = api.ask("get", "configuration").json()

        assert found["stream_id"] == str(stream.pk)

    def test_is_invalid_after_deactivation_of_its_person(self, owner: Person) -> None:
        helper = core.owner()
        api = ReceiverClient(helper)
        people.deactivate_person(helper, actor=owner.actor)

        assert api.ask("get", "configuration").status_code == 401


REQUESTS = [
    *[(method, "configuration") for method in ("get", "post", "patch", "put", "delete")],
    *[("get", "status"), ("post", "status"), ("post", "verification"), ("post", "poll")],
]


def _address(endpoint: str, stream: dict[str, Any]) -> str:
    address: str = stream["delivery"]["endpoint_url"] if endpoint == "poll" else endpoint
    return address
