"""Many signals, most of them wrong in some way: none has a wrong effect.

RAMP_SIGNALS=10000 sends more than the few of CI; the numbers are drawn from a fixed seed.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from people import tenancy
from people.models import Event, Person
from provisioning.models import ReceivedSignal, SignInAttempt
from tests.clients.pages import signed_in
from tests.factories import core
from tests.provisioning.shared_signals.conftest import REVOKED, Sender, choose
from tests.services.fake_openid import OpenIdProvider
from tests.services.signal_transmitter import (
    EC,
    FOREIGN_RSA,
    RISC,
    RSA,
    TOKEN,
    Transmitter,
    ec_key,
)
from tests.support.openid_flow import connected, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

COUNT = int(os.environ.get("RAMP_SIGNALS", "250"))
NAMES = [f"person-{number}" for number in range(12)]
DISABLED, ENABLED = f"{RISC}account-disabled", f"{RISC}account-enabled"
OTHER_EC = ec_key("curve")
ACCEPTED, REFUSED = 202, 400


@dataclass
class Attack:
    """What is sent next, and what it has to come to."""

    sender: Sender
    hostile: Transmitter
    random: random.Random
    sent: list[dict[str, Any]] = field(default_factory=list)
    # The time of the last event about the state of each account, and whether that is disabled.
    states: dict[str, tuple[int, bool]] = field(default_factory=dict)
    revoked: Counter[str] = field(default_factory=Counter)

    def good(self) -> tuple[bytes, int]:
        name = self.random.choice(NAMES)
        self.revoked[name] += 1
        return self._signed(self._claims(REVOKED, name)), ACCEPTED

    def reordered(self) -> tuple[bytes, int]:
        """Disable or enable an account, at a time before or after what was said before."""
        name, at = self.random.choice(NAMES), int(time.time()) - self.random.randrange(100_000)
        is_disabled = self.random.random() < 0.5
        claims = self._claims(DISABLED if is_disabled else ENABLED, name)
        [payload] = claims["events"].values()
        payload["event_timestamp"] = at
        if at >= self.states.get(name, (0, False))[0]:
            self.states[name] = (at, is_disabled)
        return self._signed(claims), ACCEPTED

    def repeated(self) -> tuple[bytes, int]:
        if not self.sent:
            return self.good()
        return self._signed(self.random.choice(self.sent), keep=False), ACCEPTED

    def about_nobody(self) -> tuple[bytes, int]:
        subject = self.random.choice(
            [
                {"format": "iss_sub", "iss": self.sender.subject["iss"], "sub": uuid4().hex},
                {"format": "iss_sub", "iss": "https://evil.example", "sub": NAMES[0]},
                {"format": "email", "email": "person-1@acme.example"},
                {"format": "opaque", "id": ["x"]},
                {"format": "complex", "tenant": {"format": "opaque", "id": "acme"}},
                {},
                [],
                "person-1",
            ]
        )
        return self._signed(self._claims(REVOKED, "") | {"sub_id": subject}), ACCEPTED

    def of_the_other_company(self) -> tuple[bytes, int]:
        """With the issuer of this transmitter or its own, signed with its own key."""
        claims = self._claims(REVOKED, self.random.choice(NAMES))
        if self.random.random() < 0.5:
            claims["iss"] = self.hostile.issuer
        return self.hostile.sign(claims, kid=self.random.choice(["one", "two"])).encode(), REFUSED

    def with_wrong_claims(self) -> tuple[bytes, int]:
        now = int(time.time())
        wrong: dict[str, Any] = self.random.choice(
            [
                {"iss": "https://evil.example"},
                {"aud": self.random.choice(["https://evil.example", [], {}, None, 7])},
                {"iat": self.random.choice([now + 10_000, now - 90 * 86400, "x", None, -1, 1e40])},
                {"exp": now + self.random.choice([-3600, 3600])},
                {"sub": NAMES[0]},
                {"jti": self.random.choice(["", None, 5, {}])},
                {"events": self.random.choice([{}, [], None, "x", {REVOKED: 1}, {"urn:x": {}}])},
                {"events": {REVOKED: {}, DISABLED: {}}},
            ]
        )
        return self._signed(self._claims(REVOKED, NAMES[0]) | wrong, keep=False), REFUSED

    def with_a_wrong_signature(self) -> tuple[bytes, int]:
        claims = self._claims(REVOKED, NAMES[0])
        sign, key = self.sender.transmitter.sign, self.random.choice([FOREIGN_RSA, OTHER_EC])
        made: Callable[[], str] = self.random.choice(
            [
                lambda: sign(claims, key=key),
                lambda: sign(claims, key=key, kid="unknown"),
                lambda: sign(claims, typ="JWT"),
                lambda: sign(claims)[:-6] + "AAAAAA",
                lambda: unsigned(sign(claims)),
                lambda: sign(claims).replace(".", "..", 1),
            ]
        )
        return made().encode(), REFUSED

    def malformed(self) -> tuple[bytes, int]:
        size = self.random.choice([0, 10, 1000, 70_000])
        made: Callable[[], bytes] = self.random.choice(
            [
                lambda: self.random.randbytes(size),
                lambda: b"." * size,
                lambda: self.sender.transmitter.sign(b"[" * size).encode(),
                lambda: self.sender.transmitter.sign(self.random.randbytes(size)).encode(),
            ]
        )
        return made(), REFUSED

    def _claims(self, event: str, name: str) -> dict[str, Any]:
        claims = self.sender.claims(event)
        return claims | {"sub_id": self.sender.subject | {"sub": name}}

    def _signed(self, claims: dict[str, Any], *, keep: bool = True) -> bytes:
        if keep:
            self.sent.append(claims)
        key = self.random.choice([RSA, EC])
        return self.sender.transmitter.sign(claims, key=key).encode()


def unsigned(token: str) -> str:
    """Return the token with the algorithm none, and without a signature."""
    content = token.split(".")[1]
    return f"eyJhbGciOiJub25lIiwidHlwIjoic2VjZXZlbnQrand0In0.{content}."


@pytest.fixture
def attack(owner: Client, page: str, sender: Sender, openid: OpenIdProvider) -> Any:
    choose(owner, page, **{"account-disabled": "deactivate", "account-enabled": "undo"})
    for name in NAMES:
        openid.user = {**openid.user, "sub": name, "email": f"{name}@acme.example"}
        sign_in(Client(), sender.provider, openid)
    hostile = Transmitter(
        deliver=sender.transmitter.deliver,
        audience=sender.transmitter.audience,
        keys=[FOREIGN_RSA],
        key=FOREIGN_RSA,
    )
    other = core.tenant(slug="other")
    with tenancy.use(other):
        eve = core.owner()
    theirs = connected(other, openid, issuer=hostile.issuer)
    values = {"issuer": hostile.issuer, "token": TOKEN, "delivery": "push"}
    signed_in(eve).post(f"/tenants/other/auth-providers/{theirs.pk}/signals/", values)
    # S311: it draws test data.
    yield Attack(sender, hostile, random.Random(18))  # noqa: S311
    hostile.stop()


def test_no_signal_has_a_wrong_effect(attack: Attack) -> None:
    kinds: list[Callable[[], tuple[bytes, int]]] = [
        *([attack.good] * 2),
        *([attack.reordered] * 2),
        attack.repeated,
        attack.about_nobody,
        attack.of_the_other_company,
        attack.with_wrong_claims,
        attack.with_a_wrong_signature,
        attack.malformed,
    ]
    push, wrong, refused = attack.sender.transmitter.push, [], 0
    for number in range(COUNT):
        if number % len(kinds) == 0:
            # Each kind comes equally often, and each time in another order.
            attack.random.shuffle(kinds)
        kind = kinds[number % len(kinds)]
        token, expected = kind()
        status, body = push(token)
        refused += status == REFUSED
        if status != expected:
            wrong.append((kind.__name__, status, body, token[:300]))

    assert not wrong
    with tenancy.use(attack.sender.provider.tenant_id):
        lines = SignInAttempt.objects.filter(reason="signal-refused")
        assert lines.count() == refused
        assert not lines.filter(detail="").exists()
        # Each token that was accepted was applied once, and nothing else was.
        received = ReceivedSignal.objects.all()
        jtis = {claims["jti"] for claims in attack.sent}
        assert received.count() == len(jtis) == len(attack.sent)
        by_name = Counter(
            received.filter(event="session-revoked", subject__in=NAMES)
            .exclude(person=None)
            .values_list("subject", flat=True)
        )
        assert by_name == attack.revoked
        people = Person.objects.filter(email__startswith="person-")
        inactive = {person.email.partition("@")[0] for person in people if not person.is_active}
        assert inactive == {name for name, (_, is_out) in attack.states.items() if is_out}
        others = Person.objects.exclude(email__startswith="person-")
        assert all(person.is_active for person in others)
    with tenancy.across_tenants():
        theirs = Event.objects.exclude(tenant_id=attack.sender.provider.tenant_id)
        assert not theirs.filter(kind=Event.Kind.SESSIONS_ENDED).exists()
