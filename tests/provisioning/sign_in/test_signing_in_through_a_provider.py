"""Signing in through an identity provider, whatever its protocol …"""

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
    provider: IdentityProvider, said: Claims, context: SignInContext = NOTHING
) -> SignInAttempt:
    """Try to sign in, and return the line of the log; nobody and nothing came of it."""
    before = Person.objects.count(), Identity.objects.count(), Event.objects.count()
    with pytest.raises(SignInRefused):
        sign_in(provider, said, context)
    assert (Person.objects.count(), Identity.objects.count(), Event.objects.count()) == before
    line = SignInAttempt.objects.latest("pk")
    assert line.outcome == SignInAttempt.Outcome.REFUSED
    return line


class TestTheFirstTime:
    def test_adds_the_person_who_is_in_from_then_on(self, corp: IdentityProvider) -> None:
        attempt = sign_in(corp, claims("ada"))

        ada = person_of(attempt)
        assert attempt.outcome == SignInAttempt.Outcome.CREATED
        assert (ada.full_name, ada.email) == ("Ada Lovelace", "ada@corp.example")
        assert (ada.state, ada.role) == (Person.State.ACTIVE, Person.Role.CARDHOLDER)
        assert not ada.has_usable_password()
        assert not Invite.objects.filter(person=ada).exists()

    def test_remembers_the_provider_and_the_time(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))

        identity = Identity.objects.get(person=ada)
        assert (identity.provider, identity.subject, identity.how) == (corp, "ada", "created")
        assert timezone.now() - timedelta(minutes=1) < identity.first_seen_at < timezone.now()

    def test_says_in_the_history_who_added_them(self, corp: IdentityProvider) -> None:
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
    )
    def test_makes_the_best_of_an_incomplete_name(
        self, corp: IdentityProvider, given: str, family: str, more: dict[str, Any], name: str
    ) -> None:
        said = claims("ada", given_name=given, family_name=family, **more)

        assert person_of(sign_in(corp, said)).full_name == name

    def test_adds_nobody_where_the_provider_may_not(self, corp: IdentityProvider) -> None:
        corp.provisions_people = False

        line = refused(corp, claims("ada"))

        assert line.reason == "unknown-person"
        assert "Invite them" in line.detail

    def test_adds_nobody_whose_address_somebody_has(self, corp: IdentityProvider) -> None:
        core.person(email="ada@corp.example")

        line = refused(corp, claims("other", email="ADA@corp.example"))

        assert line.reason == "email-taken"
        assert line.email == "ADA@corp.example"

    def test_adds_nobody_beside_somebody_who_was_deactivated(self, corp: IdentityProvider) -> None:
        core.person(
            email="ada@corp.example", state=Person.State.INACTIVE, deactivated_by="scim:okta"
        )

        with pytest.raises(SignInRefused, match=r"\(Okta\)\. Ask your administrator"):
            sign_in(corp, claims("other", email="ada@corp.example"))

    @pytest.mark.parametrize(
        "email", ["ada", "a@b@c", "ada@corp.example,eve@corp.example", "\0@x.y"]
    )
    def test_adds_nobody_with_what_is_no_address(self, corp: IdentityProvider, email: str) -> None:
        assert refused(corp, claims("ada", email=email)).reason == "invalid-email"

    def test_adds_nobody_where_the_company_is_switched_off(self, corp: IdentityProvider) -> None:
        corp.tenant.is_active = False

        assert refused(corp, claims("ada")).reason == "tenant-inactive"

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("racers", [8], indirect=True)
    def test_adds_one_person_however_many_windows_are_open(
        self, corp: IdentityProvider, racers: Racers
    ) -> None:
        came = racers(*[lambda: sign_in(corp, claims("ada")).person_id] * 8)

        assert len(set(came)) == 1
        assert Person.objects.filter(email_key="ada@corp.example").count() == 1


class TestAgain:
    def test_is_the_same_person_whatever_the_address_is_by_now(
        self, corp: IdentityProvider
    ) -> None:
        ada = person_of(sign_in(corp, claims("ada")))

        again = sign_in(corp, claims("ada", email="countess@corp.example"))

        assert person_of(again) == ada
        assert again.outcome == SignInAttempt.Outcome.SIGNED_IN

    def test_holds_a_new_address_until_it_is_confirmed(self, corp: IdentityProvider) -> None:
        sign_in(corp, claims("ada"))

        ada = person_of(sign_in(corp, claims("ada", email="countess@corp.example")))

        assert (ada.email, ada.pending_email) == ("ada@corp.example", "countess@corp.example")

    def test_takes_over_a_new_name(self, corp: IdentityProvider) -> None:
        sign_in(corp, claims("ada"))

        assert person_of(sign_in(corp, claims("ada", family_name="King"))).family_name == "King"

    def test_leaves_what_was_changed_here_until_the_provider_changes_it(
        self, corp: IdentityProvider
    ) -> None:
        ada = person_of(sign_in(corp, claims("ada")))
        Person.objects.filter(pk=ada.pk).update(given_name="Augusta")

        assert person_of(sign_in(corp, claims("ada"))).given_name == "Augusta"

    def test_goes_well_though_somebody_has_the_new_address(self, corp: IdentityProvider) -> None:
        sign_in(corp, claims("ada"))
        core.person(email="countess@corp.example")

        again = sign_in(corp, claims("ada", email="countess@corp.example"))

        assert person_of(again).email == "ada@corp.example"
        assert "already associated with another employee" in again.warnings[0]

    def test_is_somebody_else_at_another_provider(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))

        other = sign_in(provider("Other"), claims("ada", email="ada@other.example"))

        assert person_of(other) != ada

    @pytest.mark.parametrize("subject", ["ADA", "ada ", "Ada", "ａｄａ"])
    def test_is_somebody_else_under_a_similar_subject(
        self, corp: IdentityProvider, subject: str
    ) -> None:
        ada = person_of(sign_in(corp, claims("ada")))

        assert person_of(sign_in(corp, claims(subject, email="eve@corp.example"))) != ada


class TestAfterDeactivation:
    def test_is_refused_and_revives_nobody(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))
        people.deactivate_person(ada, actor=OLGA)

        line = refused(corp, claims("ada"))

        assert (line.reason, line.person) == ("person-deactivated", ada)
        assert Person.objects.get(pk=ada.pk).state == Person.State.INACTIVE

    def test_says_which_identity_provider_did_it(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))
        people.deactivate_person(ada, actor=Actor("scim", "entra"))

        with pytest.raises(SignInRefused, match="Microsoft Entra"):
            sign_in(corp, claims("ada"))

    def test_is_refused_for_good_to_whoever_left(self, corp: IdentityProvider) -> None:
        ada = person_of(sign_in(corp, claims("ada")))
        people.deactivate_person(ada, actor=OLGA)
        terminate.terminate_person(ada, handover_plan.default_handover(ada), actor=OLGA)

        assert refused(corp, claims("ada")).reason == "person-terminated"


class TestWithAnInvite:
    def invited(self) -> Person:
        bob = core.person(email="bob@acme.example", state=Person.State.INVITED)
        lifecycle.issue_invite(bob, actor=OLGA)
        return bob

    def test_links_the_invited_and_consumes_the_invite(self, corp: IdentityProvider) -> None:
        bob = self.invited()

        attempt = sign_in(corp, claims("bob"), SignInContext(invite=bob.invites.get()))

        assert (attempt.outcome, person_of(attempt)) == (SignInAttempt.Outcome.LINKED, bob)
        assert person_of(attempt).state == Person.State.ACTIVE
        assert bob.invites.get().accepted_at

    def test_lets_nobody_use_it_twice(self, corp: IdentityProvider) -> None:
        bob = self.invited()
        context = SignInContext(invite=bob.invites.get())
        sign_in(corp, claims("bob"), context)

        assert refused(corp, claims("eve"), context).reason == "invite-used"

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("racers", [4], indirect=True)
    def test_links_one_of_those_who_race_for_it(
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

    def test_is_in_vain_for_a_person_of_scim_where_nothing_is_paired(
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

    def test_is_one_person_not_two_and_consumes_the_invite(
        self, paired: IdentityProvider, scim: Provider
    ) -> None:
        scim.add("bob", externalId="oid-of-bob")

        attempt = sign_in(paired, claims("x", text_claims={"oid": "oid-of-bob"}))

        bob = person_of(attempt)
        assert (bob.email, bob.state) == ("bob@example.com", Person.State.ACTIVE)
        assert Invite.objects.get().accepted_at
        assert not Person.objects.filter(email_key="x@corp.example").exists()

    def test_takes_over_nothing_that_scim_owns(
        self, paired: IdentityProvider, scim: Provider
    ) -> None:
        scim.add("bob", externalId="oid-of-bob")

        bob = person_of(sign_in(paired, claims("x", text_claims={"oid": "oid-of-bob"})))

        assert (bob.given_name, bob.pending_email) != ("Ada", "x@corp.example")

    def test_finds_by_user_name_in_any_case(self, paired: IdentityProvider, scim: Provider) -> None:
        scim.add("bob")
        paired.paired_claim, paired.paired_attribute = "preferred_username", "userName"

        attempt = sign_in(
            paired, claims("x", text_claims={"preferred_username": "BOB@example.com"})
        )

        assert person_of(attempt).email == "bob@example.com"

    @pytest.mark.parametrize("value", ["OID-OF-BOB", "oid-of-bob ", "", "bob@example.com"])
    def test_finds_nobody_by_anything_but_the_very_external_id(
        self, paired: IdentityProvider, scim: Provider, value: str
    ) -> None:
        scim.add("bob", externalId="oid-of-bob")

        line = refused(paired, claims("x", email="bob@example.com", text_claims={"oid": value}))

        assert line.reason == "email-taken"

    def test_is_refused_to_a_second_subject_with_the_same_claim(
        self, paired: IdentityProvider, scim: Provider
    ) -> None:
        scim.add("bob", externalId="oid-of-bob")
        sign_in(paired, claims("x", text_claims={"oid": "oid-of-bob"}))

        assert (
            refused(paired, claims("y", text_claims={"oid": "oid-of-bob"})).reason
            == "linked-otherwise"
        )

    def test_adds_nobody_whom_scim_has_deleted(
        self, paired: IdentityProvider, scim: Provider
    ) -> None:
        scim("DELETE", f"/Users/{scim.add('bob', externalId='oid-of-bob')}")

        line = refused(paired, claims("x", text_claims={"oid": "oid-of-bob"}))

        assert line.reason == "person-deactivated"

    def test_adds_nobody_of_whom_scim_has_not_sent_enough(self, paired: IdentityProvider) -> None:
        scim = Provider(scim_connection("generic"))
        paired.paired_connection = str(scim.connection.pk)
        scim("POST", "/Users", {"userName": "bob", "externalId": "oid-of-bob"})

        line = refused(paired, claims("x", text_claims={"oid": "oid-of-bob"}))

        assert line.reason == "scim-incomplete"


class TestWhileSignedIn:
    def test_links_the_provider_to_oneself(self, corp: IdentityProvider) -> None:
        bob = core.person(email="bob@acme.example")

        attempt = sign_in(corp, claims("bob"), SignInContext(person=bob))

        assert (person_of(attempt), attempt.outcome) == (bob, SignInAttempt.Outcome.LINKED)
        assert person_of(sign_in(corp, claims("bob"))) == bob

    def test_does_not_take_what_is_linked_to_somebody_else(self, corp: IdentityProvider) -> None:
        sign_in(corp, claims("ada"))
        bob = core.person(email="bob@acme.example")

        assert refused(corp, claims("ada"), SignInContext(person=bob)).reason == "somebody-else"


def test_keeps_an_identity_with_its_person_for_ever(corp: IdentityProvider) -> None:
    sign_in(corp, claims("ada"))
    eve = core.person(email="eve@corp.example")

    with pytest.raises(IntegrityError), transaction.atomic():
        Identity.objects.filter(subject="ada").update(person=eve)
