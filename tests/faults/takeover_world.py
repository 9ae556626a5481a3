"""One company with one victim, in which one attempt to take over an account is made."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from people import tenancy
from people.mail.reset_links import reset_link
from people.models import Mail, Person, Role
from people.operations import passwords, people
from people.operations.roles import base_roles
from people.values import Actor, normalize_key
from provisioning.claims import Claims
from provisioning.models import Identity, IdentityProvider
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import sign_in
from scim.models import ScimUser
from tests.clients.scim import Answer, Provider, mail, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.faults.takeovers import PASSWORD, SPELLINGS, Attempt, is_same_by_the_evidence
from tests.support import sign_in_flow

# The Owner of the company.
HELPDESK = Actor("person", "owner@example.com")
VICTIM = {
    "external_id": "Xa-1",
    "user_name": "ada@example.com",
    "email": "ada@example.com",
    "name": "Ada Lovelace",
}
NAMES = {"same": ("Ada", "Lovelace"), "first": ("Ada", "Byron"), "other": ("Eve", "Adams")}
# One for all attempts, since each would load the middleware anew.
BROWSER = Client()
NEW_PASSWORD = "chosen by somebody else"


class World:
    """Carries one attempt out and tells what it reached that it should not have."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt

    def breaches(self) -> list[str]:
        cache.clear()
        with transaction.atomic():
            tenant = core.tenant()
            with tenancy.use(tenant):
                core.owner(email="owner@example.com")
                found = list(self._try())
            transaction.set_rollback(True)
        return found

    def _try(self) -> Iterator[str]:
        self.old = sign_in_flow.provider("Old")
        self.scim = Provider(scim_connection())
        self.victim = self._make_victim()
        self.before = {"id": self.victim.pk, "role": self.victim.role, "state": self.victim.state}
        ways: dict[str, Callable[[], Iterator[str]]] = {
            "SCIM creates": self._create,
            "SCIM adopts": self._adopt,
            "SCIM renames": self._rename,
            "provider claims": self._claim,
            "resets": self._reset,
        }
        yield from ways[self.attempt.way]()

    # The victim.

    def _make_victim(self) -> Person:
        state, _, kind = self.attempt.victim.partition(" ")
        role = {"admin": "BUSINESS_ADMIN", "owner": "BUSINESS_OWNER"}.get(kind, "BUSINESS_USER")
        if state in ("deleted", "deactivated", "provisioned"):
            self.scim_id = self.scim.add(externalId=VICTIM["external_id"], roles=role)
            victim = self._stored()
            people.activate_person(victim, actor=HELPDESK)
        else:
            victim = core.person(email=VICTIM["email"], role=role)
        victim.set_password(PASSWORD)
        victim.save(update_fields=["password"])
        if kind == "elevated":
            elevated = Role.objects.create(
                tenant_id=victim.tenant_id, name="Signer", name_key="signer", is_elevated=True
            )
            base_roles.grant_role(victim, elevated, actor=HELPDESK)
        sign_in_flow.identity(self.old, victim)
        BROWSER.cookies.clear()
        BROWSER.force_login(victim)
        self.session = BROWSER.cookies[settings.SESSION_COOKIE_NAME].value
        self.reset = passwords.mail_reset(victim)
        match state:
            case "deleted":
                assert self.scim("DELETE", f"/Users/{self.scim_id}").status == 204
            case "deactivated":
                assert self.scim.replace(self.scim_id, "active", value=False).status == 200
            case "inactive":
                people.deactivate_person(victim, actor=HELPDESK)
        return self._stored()

    def _stored(self) -> Person:
        if hasattr(self, "victim"):
            found: Person = Person.objects.get(pk=self.victim.pk)
            return found
        victim: Person = Person.objects.get(email=VICTIM["email"])
        return victim

    @property
    def has_left(self) -> bool:
        return self.attempt.victim.split()[0] in ("deleted", "deactivated", "inactive")

    def _spelt(self, name: str) -> str:
        return SPELLINGS[self.attempt[name]](VICTIM[name])

    # The attempts.

    def _create(self) -> Iterator[str]:
        now = {name: self._spelt(name) for name in ("external_id", "user_name", "email")}
        given, family = NAMES[self.attempt["name"]]
        now["name"] = f"{given} {family}"
        answer = self._push(
            userName=now["user_name"],
            externalId=now["external_id"] or None,
            emails=[mail(now["email"])],
            name={"givenName": given, "familyName": family},
        )
        reached = self._reached(answer)
        is_deleted = self.attempt.victim.startswith("deleted")
        is_same = is_deleted and is_same_by_the_evidence(VICTIM, now)
        if is_same != (reached == self.victim.pk):
            yield "the same person" if reached == self.victim.pk else "not the same person"
        if is_deleted and not is_same and reached is None:
            yield f"a new hire was not provisioned: {answer.status} {answer.content.decode()}"
        yield from self._old_ways_in(may_be_back=is_same)

    def _adopt(self) -> Iterator[str]:
        role = self.attempt["role"]
        answer = self._push(
            userName="eve@idp.example",
            externalId="E-1",
            emails=[mail(self._spelt("email"))],
            name={"givenName": "Eve", "familyName": "Adams"},
            **({"roles": role} if role != "none" else {}),
        )
        is_reached = self._reached(answer) == self.victim.pk
        is_plain = self.attempt.victim.endswith("cardholder")
        if is_reached and not (is_plain and self.attempt["email"] in ("same", "case")):
            yield "the person was adopted"
        if self.has_left:
            yield from self._old_ways_in(may_be_back=is_reached)

    def _rename(self) -> Iterator[str]:
        eve = self.scim.add("eve", externalId="E-1")
        values = {"emails": [mail(self._spelt("email"))], "externalId": self._spelt("external_id")}
        if self.attempt["by"] == "PUT":
            answer = self.scim("PUT", f"/Users/{eve}", someone("eve", **values))
        else:
            answer = self.scim.patch(
                eve, *({"op": "replace", "path": path, "value": values[path]} for path in values)
            )
        if answer.status < 400 and Person.objects.get(scim_users__scim_id=eve) == self.victim:
            yield "the resource was renamed to the person"
        stored = self._stored()
        if (stored.email, stored.state) != (VICTIM["email"], self.before["state"]):
            yield f"the person was changed: {stored.email}, {stored.state}"

    def _claim(self) -> Iterator[str]:
        provider = self._provider()
        subject = {
            "new": "eve",
            "theirs elsewhere": self._known_subject,
            "case": self._known_subject.swapcase(),
            "width": SPELLINGS["width"](self._known_subject),
        }[self.attempt["subject"]]
        verified = {"yes": True, "no": False, "unsaid": None}[self.attempt["verified"]]
        claims = Claims(
            subject=subject,
            email=self._spelt("email"),
            is_email_verified=verified,
            given_name="Eve",
            family_name="Adams",
            text_claims={"oid": "E-1"},
        )
        try:
            reached = sign_in(provider, claims).person
        except SignInRefused:
            reached = None
        if reached == self.victim:
            yield "signed in as the person"
        yield from self._unchanged()

    def _reset(self) -> Iterator[str]:
        if self.attempt["recycled"] == "yes" and self.attempt.victim.startswith("deleted"):
            answer = self._push(userName="ada@example.com", externalId="E-1", active=True)
            assert answer.status == 201, answer.content
        if self.attempt["link"] == "after":
            BROWSER.post("/forgot-password/", {"email": self._spelt("email")})
            with tenancy.across_tenants():
                sent = Mail.objects.filter(person=self.victim.pk, kind=Mail.Kind.RESET_PASSWORD)
                if sent.exclude(pk=self.reset.pk).exists():
                    yield "a link to choose a password was mailed to somebody who left"
        values = {"password": NEW_PASSWORD, "again": NEW_PASSWORD}
        BROWSER.cookies.clear()
        BROWSER.post(reset_link(self.reset).removeprefix(settings.PUBLIC_BASE_URL), values)
        if self._stored().check_password(NEW_PASSWORD):
            yield "the password of somebody who left was replaced"
        yield from self._old_ways_in(may_be_back=False)

    def _push(self, **values: Any) -> Answer:
        """Create a user; where activity comes later, first inactive and then switched on."""
        is_later = dict(self.attempt.values).get("active") == "later"
        answer = self.scim("POST", "/Users", someone("eve", **values | {"active": not is_later}))
        if is_later and answer.status == 201:
            self.scim.replace(answer.id, "active", value=True)
        return answer

    def _reached(self, answer: Answer) -> object:
        if answer.status != 201:
            return None
        return ScimUser.objects.get(scim_id=answer.id).person_id

    def _provider(self) -> IdentityProvider:
        match self.attempt["provider"]:
            case "paired":
                return sign_in_flow.provider(
                    "New",
                    paired_connection=str(self.scim.connection.pk),
                    paired_claim="oid",
                    paired_attribute="externalId",
                )
            case "directory":
                directory = {"uri": "ldaps://ad.example", "base_dn": "dc=example"}
                return sign_in_flow.provider(
                    "New", kind=IdentityProvider.Kind.LDAP, settings=directory
                )
        return sign_in_flow.provider("New", settings={"issuer": "https://new.example"})

    @cached_property
    def _known_subject(self) -> str:
        return f"subject of {VICTIM['email']}"

    # What must not be so afterwards.

    def _old_ways_in(self, *, may_be_back: bool) -> Iterator[str]:
        """Check that nothing of before signs in somebody who left, back or not."""
        stored = self._stored()
        if not may_be_back and stored.is_active:
            yield "somebody who left is active"
        if may_be_back and stored.role == self.before["role"] != Person.Role.CARDHOLDER:
            yield "somebody is back with the elevated role of before"
        if may_be_back and stored.has_usable_password():
            yield "somebody is back with the password of before"
        if may_be_back and Identity.objects.filter(person=stored, retired_at=None).exists():
            yield "an identity of before is linked"
        yield from self._old_session_and_password(stored)
        if self._old_identity_signs_in():
            yield "the identity of before signs in"

    def _old_session_and_password(self, stored: Person) -> Iterator[str]:
        for email in {VICTIM["email"], stored.email} - {""}:
            BROWSER.cookies.clear()
            BROWSER.post("/sign-in/", {"email": email, "password": PASSWORD})
            if "_auth_user_id" in BROWSER.session:
                yield "the old password signs in"
        BROWSER.cookies[settings.SESSION_COOKIE_NAME] = self.session
        if BROWSER.get("/home/").status_code == 200:
            yield "a session of before is alive"

    def _old_identity_signs_in(self) -> bool:
        self.old.provisions_people = False
        try:
            sign_in(self.old, Claims(subject=self._known_subject, email="ada@old.example"))
        except SignInRefused:
            return False
        return True

    def _unchanged(self) -> Iterator[str]:
        stored = self._stored()
        if (stored.role, stored.state) != (self.before["role"], self.before["state"]):
            yield f"the person was changed: {stored.role}, {stored.state}"
        if normalize_key(stored.email) not in (normalize_key(VICTIM["email"]), ""):
            yield f"the person has another address: {stored.email}"
