"""Sign-in through a provider of any protocol."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from people import tenancy
from people.models import Event, Invite, Person, Tenant
from people.operations import people
from people.operations.invites import lifecycle
from people.operations.offboarding import handover_plan, terminate
from people.values import Actor
from provisioning.claims import Claims
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import NOTHING, SignInContext, sign_in
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support.concurrency import Racers
from tests.support.sign_in_flow import claims, provider

pytestmark = pytest.mark.django_db

OLGA = Actor("person", "olga@acme.example")


@pytest.fixture(autouse=True)
def in_acme(acme: Tenant) -> Iterator[None]:
    with tenancy.use(acme):
        core.owner(email="olga@acme.example")
        yield


@pytest.fixture
def corp(acme: Tenant) -> IdentityProvider:
    with tenancy.use(acme):
        return provider()


@pytest.fixture
def scim(acme: Tenant) -> Provider:
    with tenancy.use(acme):
        return Provider(scim_connection("entra"))


def person_of(attempt: SignInAttempt) -> Person:
    assert attempt.person
    person: Person = Person.objects.get(pk=attempt.person.pk)
    return person


def refused(
    provider: IdentityProvider, given_claims: Claims, context: SignInContext = NOTHING
) -> SignInAttempt:
    """Check that the sign-in is refused without any change, and return the logged attempt."""
    before = Person.objects.count(), Identity.objects.count(), Event.objects.count()
    with pytest.raises(SignInRefused):
        sign_in(provider, given_claims, context)
    assert (Person.objects.count(), Identity.objects.count(), Event.objects.count()) == before
    line = SignInAttempt.objects.latest("pk")
    assert line.outcome == SignInAttempt.Outcome.REFUSED
    return line


class TestFirstSignIn:
    def test_adds_an_active_person_without_password_or_invite(self, corp: IdentityProvider) -> None:
        attempt = sign_in(corp, claims("ada"))

        ada = person_of(attempt)
        assert attempt.outcome == SignInAttempt.Outcome.CREATED
        assert (ada.full_name, ada.email) == ("Ada Lovelace", "ada@corp.example")
        assert (ada.state, ada.role) == (Person.State.ACTIVE, Person.Role.CARDHOLDER)
        assert not ada.has_usable_password()
        assert not Invite.objects.filter(person=ada).exists()

    def test_identity_has_provider_subject_and_time(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))

        identity = Identity.objects.get(person=ada)
        assert (identity.provider, identity.subject, identity.how) == (corp, "ada", "created")
        assert timezone.now() - timedelta(minutes=1) < identity.first_seen_at < timezone.now()

    def test_history_names_the_provider_as_actor(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))

        kinds = list(ada.events.order_by("pk").values_list("kind", "actor"))
        assert kinds == [("person.added", "oidc:Corp"), ("person.joined", "oidc:Corp")]

    @pytest.mark.parametrize(
        ("given", "family", "more", "name"),
        [
            ("", "", {"name": "Grace Brewster Hopper"}, "Grace Brewster Hopper"),
            ("", "", {"email": "grace.hopper@x.example"}, "Grace Hopper"),
            ("Grace", "", {"name": "Grace"}, "Grace Ada"),
            ("42", "Hopper", {"name": "G Hopper"}, "G Hopper"),
        ],
        ids=str,
    )
    def test_incomplete_name_is_completed(
        self, corp: IdentityProvider, given: str, family: str, more: dict[str, Any], name: str
    ) -> None:
        given_claims = claims("ada", given_name=given, family_name=family, **more)

        assert person_of(sign_in(corp, given_claims)).full_name == name

    def test_provider_that_may_not_add_people_refuses(self, corp: IdentityProvider) -> None:
        corp.provisions_people = False

        line = refused(corp, claims("ada"))

        assert line.reason == "unknown-person"
        assert "Invite them" in line.detail

    def test_address_of_an_existing_person_is_refused(self, corp: IdentityProvider) -> None:
        core.person(email="ada@corp.example")

        line = refused(corp, claims("other", email="ADA@corp.example"))

        assert line.reason == "email-taken"
        assert line.email == "ADA@corp.example"

    def test_address_of_a_deactivated_person_is_refused(self, corp: IdentityProvider) -> None:
        core.person(
            email="ada@corp.example", state=Person.State.INACTIVE, deactivated_by="scim:okta"
        )

        with pytest.raises(SignInRefused, match=r"\(Okta\)\. Ask your administrator"):
            sign_in(corp, claims("other", email="ada@corp.example"))

    @pytest.mark.parametrize(
        "email", ["ada", "a@b@c", "ada@corp.example,eve@corp.example", "\0@x.y"]
    )
    def test_invalid_address_is_refused(self, corp: IdentityProvider, email: str) -> None:
        assert refused(corp, claims("ada", email=email)).reason == "invalid-email"

    def test_suspended_tenant_refuses(self, corp: IdentityProvider) -> None:
        corp.tenant.is_active = False

        assert refused(corp, claims("ada")).reason == "tenant-inactive"

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("racers", [8], indirect=True)
    def test_simultaneous_sign_ins_add_one_person(
        self, corp: IdentityProvider, racers: Racers
    ) -> None:
        came = racers(*[lambda: sign_in(corp, claims("ada")).person_id] * 8)

        assert len(set(came)) == 1
        assert Person.objects.filter(email_key="ada@corp.example").count() == 1


class TestRepeatedSignIn:
    def test_subject_with_a_new_address_is_the_same_person(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))

        again = sign_in(corp, claims("ada", email="countess@corp.example"))

        assert person_of(again) == ada
        assert again.outcome == SignInAttempt.Outcome.SIGNED_IN

    def test_new_address_is_pending_until_confirmed(self, corp: IdentityProvider) -> None:
        sign_in(corp, claims("ada"))

        ada = person_of(sign_in(corp, claims("ada", email="countess@corp.example")))

        assert (ada.email, ada.pending_email) == ("ada@corp.example", "countess@corp.example")

    def test_new_name_is_stored(self, corp: IdentityProvider) -> None:
        sign_in(corp, claims("ada"))

        assert person_of(sign_in(corp, claims("ada", family_name="King"))).family_name == "King"

    def test_local_change_stays_if_the_claim_is_unchanged(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))
        Person.objects.filter(pk=ada.pk).update(given_name="Augusta")

        assert person_of(sign_in(corp, claims("ada"))).given_name == "Augusta"

    def test_new_address_of_another_person_is_ignored_with_a_warning(
        self, corp: IdentityProvider
    ) -> None:
        sign_in(corp, claims("ada"))
        core.person(email="countess@corp.example")

        again = sign_in(corp, claims("ada", email="countess@corp.example"))

        assert person_of(again).email == "ada@corp.example"
        assert "already associated with another employee" in again.warnings[0]

    def test_same_subject_at_another_provider_is_another_person(
        self, corp: IdentityProvider
    ) -> None:
        ada = person_of(sign_in(corp, claims("ada")))

        other = sign_in(provider("Other"), claims("ada", email="ada@other.example"))

        assert person_of(other) != ada

    @pytest.mark.parametrize("subject", ["ADA", "ada ", "Ada", "ａｄａ"])
    def test_similar_subject_is_another_person(self, corp: IdentityProvider, subject: str) -> None:
        ada = person_of(sign_in(corp, claims("ada")))

        assert person_of(sign_in(corp, claims(subject, email="eve@corp.example"))) != ada


class TestAfterDeactivation:
    def test_sign_in_is_refused_and_does_not_reactivate(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))
        people.deactivate_person(ada, actor=OLGA)

        line = refused(corp, claims("ada"))

        assert (line.reason, line.person) == ("person-deactivated", ada)
        assert Person.objects.get(pk=ada.pk).state == Person.State.INACTIVE

    def test_refusal_names_the_identity_provider(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))
        people.deactivate_person(ada, actor=Actor("scim", "entra"))

        with pytest.raises(SignInRefused, match="Microsoft Entra"):
            sign_in(corp, claims("ada"))

    def test_terminated_person_is_refused(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))
        people.deactivate_person(ada, actor=OLGA)
        terminate.terminate_person(ada, handover_plan.default_handover(ada), actor=OLGA)

        assert refused(corp, claims("ada")).reason == "person-terminated"


class TestSignInWithAnInvite:
    def invited(self) -> Person:
        bob = core.person(email="bob@acme.example", state=Person.State.INVITED)
        lifecycle.issue_invite(bob, actor=OLGA)
        return bob

    def test_links_the_invited_person_and_accepts_the_invite(self, corp: IdentityProvider) -> None:
        bob = self.invited()

        attempt = sign_in(corp, claims("bob"), SignInContext(invite=bob.invites.get()))

        assert (attempt.outcome, person_of(attempt)) == (SignInAttempt.Outcome.LINKED, bob)
        assert person_of(attempt).state == Person.State.ACTIVE
        assert bob.invites.get().accepted_at

    def test_used_invite_is_refused(self, corp: IdentityProvider) -> None:
        bob = self.invited()
        context = SignInContext(invite=bob.invites.get())
        sign_in(corp, claims("bob"), context)

        assert refused(corp, claims("eve"), context).reason == "invite-used"

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("racers", [4], indirect=True)
    def test_simultaneous_sign_ins_use_the_invite_once(
        self, corp: IdentityProvider, racers: Racers
    ) -> None:
        bob = self.invited()

        def come(subject: str) -> bool:
            invite = Invite.objects.select_related("person__tenant").get(person=bob)
            try:
                sign_in(corp, claims(subject), SignInContext(invite=invite))
            except SignInRefused:
                return False
            return True

        assert sum(racers(*[partial(come, f"eve-{number}") for number in range(4)])) == 1
        assert Identity.objects.filter(person=bob).count() == 1

    def test_invite_of_a_scim_person_needs_a_pairing(
        self, corp: IdentityProvider, scim: Provider
    ) -> None:
        scim.add("bob")
        invite = Invite.objects.get()

        line = refused(corp, claims("bob"), SignInContext(invite=invite))

        assert line.reason == "not-paired"


class TestPairedWithScim:
    @pytest.fixture
    def paired(self, corp: IdentityProvider, scim: Provider) -> IdentityProvider:
        corp.paired_connection = str(scim.connection.pk)
        corp.paired_claim, corp.paired_attribute = "oid", "externalId"
        corp.save()
        return corp

    def test_sign_in_links_the_scim_person_and_accepts_the_invite(
        self, paired: IdentityProvider, scim: Provider
    ) -> None:
        scim.add("bob", externalId="oid-of-bob")

        attempt = sign_in(paired, claims("x", text_claims={"oid": "oid-of-bob"}))

        bob = person_of(attempt)
        assert (bob.email, bob.state) == ("bob@example.com", Person.State.ACTIVE)
        assert Invite.objects.get().accepted_at
        assert not Person.objects.filter(email_key="x@corp.example").exists()

    def test_claims_do_not_change_fields_managed_by_scim(
        self, paired: IdentityProvider, scim: Provider
    ) -> None:
        scim.add("bob", externalId="oid-of-bob")

        bob = person_of(sign_in(paired, claims("x", text_claims={"oid": "oid-of-bob"})))

        assert (bob.given_name, bob.pending_email) != ("Ada", "x@corp.example")

    def test_user_name_is_matched_case_insensitively(
        self, paired: IdentityProvider, scim: Provider
    ) -> None:
        scim.add("bob")
        paired.paired_claim, paired.paired_attribute = "preferred_username", "userName"

        attempt = sign_in(
            paired, claims("x", text_claims={"preferred_username": "BOB@example.com"})
        )

        assert person_of(attempt).email == "bob@example.com"

    @pytest.mark.parametrize("value", ["OID-OF-BOB", "oid-of-bob ", "", "bob@example.com"])
    def test_external_id_is_matched_exactly(
        self, paired: IdentityProvider, scim: Provider, value: str
    ) -> None:
        scim.add("bob", externalId="oid-of-bob")

        line = refused(paired, claims("x", email="bob@example.com", text_claims={"oid": value}))

        assert line.reason == "email-taken"

    def test_second_subject_with_the_same_claim_is_refused(
        self, paired: IdentityProvider, scim: Provider
    ) -> None:
        scim.add("bob", externalId="oid-of-bob")
        sign_in(paired, claims("x", text_claims={"oid": "oid-of-bob"}))

        assert (
            refused(paired, claims("y", text_claims={"oid": "oid-of-bob"})).reason
            == "linked-otherwise"
        )

    def test_person_deleted_by_scim_is_refused(
        self, paired: IdentityProvider, scim: Provider
    ) -> None:
        scim("DELETE", f"/Users/{scim.add('bob', externalId='oid-of-bob')}")

        line = refused(paired, claims("x", text_claims={"oid": "oid-of-bob"}))

        assert line.reason == "person-deactivated"

    def test_incomplete_scim_user_is_refused(self, paired: IdentityProvider) -> None:
        scim = Provider(scim_connection("generic"))
        paired.paired_connection = str(scim.connection.pk)
        scim("POST", "/Users", {"userName": "bob", "externalId": "oid-of-bob"})

        line = refused(paired, claims("x", text_claims={"oid": "oid-of-bob"}))

        assert line.reason == "scim-incomplete"


class TestSignInWhileSignedIn:
    def test_links_the_provider_to_the_signed_in_person(self, corp: IdentityProvider) -> None:
        bob = core.person(email="bob@acme.example")

        attempt = sign_in(corp, claims("bob"), SignInContext(person=bob))

        assert (person_of(attempt), attempt.outcome) == (bob, SignInAttempt.Outcome.LINKED)
        assert person_of(sign_in(corp, claims("bob"))) == bob

    def test_account_linked_to_another_person_is_refused(self, corp: IdentityProvider) -> None:
        sign_in(corp, claims("ada"))
        bob = core.person(email="bob@acme.example")

        assert refused(corp, claims("ada"), SignInContext(person=bob)).reason == "somebody-else"


def test_identity_cannot_change_its_person(corp: IdentityProvider) -> None:
    sign_in(corp, claims("ada"))
    eve = core.person(email="eve@corp.example")

    with pytest.raises(IntegrityError), transaction.atomic():
        Identity.objects.filter(subject="ada").update(person=eve)
