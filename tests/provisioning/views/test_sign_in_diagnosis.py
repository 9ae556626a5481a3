"""Access diagnosis of sign-ins."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Person, Tenant
from people.operations import people
from people.operations.roles.group_mappings import Author
from people.presentation.diagnosis import diagnose
from people.values import Actor
from provisioning.claims import UNKNOWN, Claims, Groups
from provisioning.group_roles import mappings
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.models.attempt import UNSUCCESSFUL
from provisioning.passwords import lockout
from provisioning.passwords.login import person_with_password
from provisioning.sign_in import fresh_sign_in
from provisioning.sign_in.attempt_log import Outcome, log_attempt
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import SignInContext, sign_in
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support import sign_in_flow
from tests.support.sign_in_flow import claims, groups

pytestmark = pytest.mark.django_db

ADA = "ada@corp.example"
OLGA = Actor("person", "olga@acme.example")


@pytest.fixture
def owner(in_acme: None) -> Person:
    return core.owner(email="olga@acme.example", password="correct horse")


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def corp(in_acme: None) -> IdentityProvider:
    return sign_in_flow.provider(settings=sign_in_flow.OIDC)


Seed = Callable[[IdentityProvider], None]


def refused_sign_in(
    corp: IdentityProvider, given_claims: Claims, context: SignInContext | None = None
) -> None:
    with pytest.raises(SignInRefused):
        sign_in(corp, given_claims, context or SignInContext())


def here(corp: IdentityProvider, given_groups: Groups = UNKNOWN) -> Person:
    person = sign_in(corp, claims(groups=given_groups)).person
    assert person
    return person


def address_is_taken(corp: IdentityProvider) -> None:
    core.person(email="bob@corp.example")
    refused_sign_in(corp, claims("eve", email="bob@corp.example"))


def no_subject(corp: IdentityProvider) -> None:
    refused_sign_in(corp, claims("", email=ADA))


def no_address(corp: IdentityProvider) -> None:
    refused_sign_in(corp, claims("ada", email=""))


def invalid_address(corp: IdentityProvider) -> None:
    refused_sign_in(corp, claims("ada", email="ada at corp"))


def unverified_address(corp: IdentityProvider) -> None:
    refused_sign_in(corp, claims(is_email_verified=False))


def unknown_account(corp: IdentityProvider) -> None:
    corp.provisions_people = False
    corp.save()
    refused_sign_in(corp, claims())


def scim_person_not_paired(corp: IdentityProvider) -> None:
    scim = Provider(scim_connection("entra"))
    scim.add()
    ada = Person.objects.get(email="ada@example.com")
    refused_sign_in(corp, claims(email="ada@example.com"), SignInContext(person=ada))


def linked_to_another_account(corp: IdentityProvider) -> None:
    ada = here(corp)
    refused_sign_in(corp, claims("ada2", email=ADA), SignInContext(person=ada))


def account_of_another_person(corp: IdentityProvider) -> None:
    here(corp)
    refused_sign_in(corp, claims(), SignInContext(person=core.person(email="bob@corp.example")))


def tenant_was_suspended(corp: IdentityProvider) -> None:
    Tenant.objects.filter(pk=corp.tenant_id).update(is_active=False)
    corp.refresh_from_db()
    refused_sign_in(corp, claims())


def provider_failed(corp: IdentityProvider) -> None:
    SignInAttempt.objects.create(
        tenant_id=corp.tenant_id,
        provider=corp,
        outcome="failed",
        reason="certificate",
        detail="The certificate of https://id.example is not good.",
        email=ADA,
        at=timezone.now(),
    )


def locked_out(corp: IdentityProvider) -> None:
    with tenancy.across_tenants():
        for _ in range(lockout.FREE_TRIES):
            lockout.check(ADA)


def has_to_sign_in_again(corp: IdentityProvider) -> None:
    fresh_sign_in.require(here(corp), corp, since=timezone.now(), because="account disabled")


def person_deactivated(corp: IdentityProvider) -> None:
    people.deactivate_person(here(corp), actor=OLGA)
    refused_sign_in(corp, claims())


def provider_removed(corp: IdentityProvider) -> None:
    here(corp)
    IdentityProvider.objects.update(removed_at=timezone.now(), is_enabled=False)


def provider_disabled(corp: IdentityProvider) -> None:
    here(corp)
    IdentityProvider.objects.update(is_enabled=False)


def passwords_are_off(corp: IdentityProvider) -> None:
    core.person(email=ADA, password="correct horse")
    Tenant.objects.filter(pk=corp.tenant_id).update(allows_passwords=False)


def correct_password_refused(corp: IdentityProvider) -> None:
    passwords_are_off(corp)
    with pytest.raises(SignInRefused):
        person_with_password(ADA, "correct horse")


def groups_unknown(corp: IdentityProvider) -> None:
    sign_in_flow.mapping(corp, "Sales", Person.Role.BOOKKEEPER)
    here(corp)


def too_many_groups(corp: IdentityProvider) -> None:
    sign_in_flow.mapping(corp, "Sales", Person.Role.BOOKKEEPER)
    here(corp, groups("Others"))
    here(corp, Groups(because="too many groups for the token"))


def no_mappings(corp: IdentityProvider) -> None:
    here(corp, groups("Sales"))


def mapping_matches_no_group(corp: IdentityProvider) -> None:
    sign_in_flow.mapping(corp, "sales", Person.Role.BOOKKEEPER)
    here(corp, groups("Sales"))


def in_no_group(corp: IdentityProvider) -> None:
    sign_in_flow.mapping(corp, "Sales", Person.Role.BOOKKEEPER)
    here(corp, groups())


def mapping_is_a_draft(corp: IdentityProvider) -> None:
    here(corp, groups("Sales"))
    mappings.add_draft(corp, "Sales", Person.Role.BOOKKEEPER, author=Author(actor=OLGA))


def signed_in_with_a_password(corp: IdentityProvider) -> None:
    core.person(email=ADA, password="correct horse")


def never_signed_in(corp: IdentityProvider) -> None:
    core.person(email=ADA)


def never_tried(corp: IdentityProvider) -> None:
    """There is no attempt of this account."""


def active_with_a_mapped_role(corp: IdentityProvider) -> None:
    sign_in_flow.mapping(corp, "Sales", Person.Role.BOOKKEEPER)
    here(corp, groups("Sales"))


@dataclass(frozen=True)
class Case:
    seed: Seed
    code: str
    sentence: str
    who: str = ADA


CASES = [
    Case(address_is_taken, "email-taken", "their email address is already in use", who="eve"),
    Case(no_subject, "no-subject", "Corp did not identify ada@corp.example"),
    Case(no_address, "no-email", "Corp sent no email address", who="ada"),
    Case(invalid_address, "invalid-email", "sent an invalid email address", who="ada"),
    Case(unverified_address, "unverified-email", "Corp has not verified"),
    Case(unknown_account, "unknown-person", "Corp does not add people"),
    Case(scim_person_not_paired, "not-paired", "Corp is not paired", who="ada@example.com"),
    Case(linked_to_another_account, "linked-otherwise", "linked to another account of Corp"),
    Case(account_of_another_person, "somebody-else", "is linked to another person"),
    Case(tenant_was_suspended, "tenant-inactive", "while the company was suspended"),
    Case(provider_failed, "certificate", "through Corp, but the sign-in failed"),
    Case(locked_out, "locked-out", "Too many incorrect passwords"),
    Case(has_to_sign_in_again, "fresh-sign-in-required", "has to sign in at Corp again"),
    Case(person_deactivated, "deactivated-by-hand", "deactivated Ada Lovelace"),
    Case(provider_removed, "provider-removed", "signed in through Corp, which was removed"),
    Case(provider_disabled, "provider-disabled", "through Corp, which is disabled"),
    Case(passwords_are_off, "passwords-off", "only Owners can sign in"),
    Case(correct_password_refused, "password-refused", "although the password was correct"),
    Case(groups_unknown, "groups-unknown", "Corp did not send their groups"),
    Case(too_many_groups, "groups-unknown", "Corp did not send their groups"),
    Case(no_mappings, "no-mapping", "Corp has no group mappings"),
    Case(mapping_matches_no_group, "mapping-matches-nothing", "their groups (“Sales”)"),
    Case(in_no_group, "in-no-group", "not in any group"),
    Case(mapping_is_a_draft, "mapping-is-draft", "is only a draft"),
    Case(signed_in_with_a_password, "came-with-password", "so they are not a provisioned member"),
    Case(never_signed_in, "never-signed-in", "has never signed in through a provider"),
    Case(never_tried, "never-tried", "Nobody has tried to sign in as ada@corp.example"),
    Case(active_with_a_mapped_role, "here", "Ada Lovelace has been active in Ramp"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.seed.__name__)
def test_each_cause_has_its_own_verdict(client: Client, corp: IdentityProvider, case: Case) -> None:
    case.seed(corp)

    verdict = diagnose(case.who).verdict

    assert verdict
    assert verdict.code == case.code
    assert case.sentence in verdict.sentence
    assert verdict.advice


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.seed.__name__)
def test_links_of_each_diagnosis_open(client: Client, corp: IdentityProvider, case: Case) -> None:
    case.seed(corp)
    found = diagnose(case.who)
    Tenant.objects.update(is_active=True)

    assert found.verdict
    links = [found.verdict.link.url] if found.verdict.link else []
    for address in [*links, *(one.url for one in found.evidence if one.url)]:
        assert client.get(address).status_code == 200, address


def code_of(who: str) -> str:
    verdict = diagnose(who).verdict
    assert verdict
    return verdict.code


def test_evidence_lists_the_attempts(client: Client, corp: IdentityProvider) -> None:
    unverified_address(corp)

    page = text_of(client.get("/people/why/", {"who": ADA}))

    assert "Sign-in attempt through Corp, refused: unverified-email" in page


@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in UNSUCCESSFUL])
def test_latest_successful_attempt_is_no_failed_sign_in(
    client: Client, corp: IdentityProvider, outcome: Outcome
) -> None:
    ada = here(corp)
    log_attempt(outcome, corp, person=ada, email=ADA)

    verdict = diagnose(ADA).verdict

    assert verdict is None or verdict.code != "sign-in-failed"


@pytest.mark.parametrize("who", ["Dora", "Dora Newman"])
def test_account_whose_login_is_the_given_name_is_not_matched(
    client: Client, corp: IdentityProvider, who: str
) -> None:
    """Attempts of an account without an address are logged under its login name."""
    core.person(email="newman@acme.example", given_name="Dora", family_name="Newman")
    log_attempt(Outcome.REFUSED, corp, subject="s-1", email="dora", reason="wrong-password")
    for _ in range(lockout.FREE_TRIES + 1):
        with suppress(lockout.GuessedTooOften):
            lockout.check("dora")

    assert code_of(who) == "never-signed-in"


def test_empty_addresses_are_not_matched(client: Client, corp: IdentityProvider) -> None:
    core.person(email="", given_name="Dora", family_name="Newman")
    log_attempt(Outcome.REFUSED, corp, reason="no-email")

    assert code_of("Dora Newman") == "never-signed-in"


def test_attempts_of_another_tenant_are_not_used(client: Client, corp: IdentityProvider) -> None:
    with core.in_another_tenant():
        refused_sign_in(sign_in_flow.provider("Theirs"), claims(is_email_verified=False))

    verdict = diagnose(ADA).verdict

    assert verdict
    assert verdict.code == "never-tried"


def test_page_needs_few_queries(client: Client, corp: IdentityProvider) -> None:
    too_many_groups(corp)

    assert len(queries_of(client, f"/people/why/?who={ADA}")) < 45
