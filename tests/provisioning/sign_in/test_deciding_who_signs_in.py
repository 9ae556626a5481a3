"""The decision table of sign-in, without a database."""

from typing import Any

import pytest

from people.models import Person
from provisioning.claims import Claims
from provisioning.sign_in.decide import (
    Create,
    Decision,
    How,
    Link,
    LinkCandidate,
    Refusal,
    Refuse,
    SignIn,
    SignInFacts,
    decide,
)

State = Person.State


def a_person(state: str = State.ACTIVE) -> Person:
    return Person(given_name="Ada", family_name="Lovelace", email="ada@example.com", state=state)


ADA, BOB = a_person(), a_person()
INVITED, INACTIVE, TERMINATED = (
    a_person(State.INVITED),
    a_person(State.INACTIVE),
    a_person(State.TERMINATED),
)


def found(person: Person, how: How = How.PAIRED, **values: Any) -> LinkCandidate:
    return LinkCandidate(person=person, how=how, **values)


def facts(**values: Any) -> SignInFacts:
    return SignInFacts(**values)


PAIRED = {"paired": found(ADA), "is_paired_known": True}
INVITE = found(INVITED, How.INVITED)


@pytest.mark.parametrize(
    ("rows", "decision"),
    [
        pytest.param(facts(identity=ADA), SignIn(ADA), id="known identity"),
        pytest.param(
            facts(identity=ADA, same_email=BOB),
            SignIn(ADA),
            id="known identity, address of another person",
        ),
        pytest.param(
            facts(identity=ADA, may_create=False),
            SignIn(ADA),
            id="known identity, provider adds no people",
        ),
        pytest.param(
            facts(identity=INACTIVE),
            Refuse(Refusal.DEACTIVATED, INACTIVE),
            id="identity of an inactive person",
        ),
        pytest.param(
            facts(identity=TERMINATED),
            Refuse(Refusal.TERMINATED, TERMINATED),
            id="identity of a terminated person",
        ),
        pytest.param(
            facts(identity=TERMINATED, paired=found(ADA), is_paired_known=True),
            Link(ADA, How.PAIRED),
            id="terminated person, paired with a new person",
        ),
        pytest.param(
            facts(identity=TERMINATED, paired=found(TERMINATED), is_paired_known=True),
            Refuse(Refusal.TERMINATED, TERMINATED),
            id="terminated person, paired with the same person",
        ),
        pytest.param(
            facts(identity=ADA, candidate_of_visitor=found(BOB, How.LINKED)),
            Refuse(Refusal.SOMEBODY_ELSE, ADA),
            id="identity of another person than the visitor",
        ),
        pytest.param(
            facts(identity=ADA, is_identity_disowned=True),
            Refuse(Refusal.NOT_PAIRED, ADA),
            id="known identity that the owning connection does not confirm",
        ),
        pytest.param(facts(**PAIRED), Link(ADA, How.PAIRED), id="paired"),
        pytest.param(
            facts(**PAIRED, same_email=BOB),
            Link(ADA, How.PAIRED),
            id="paired, address of another person",
        ),
        pytest.param(
            facts(paired=found(INACTIVE), is_paired_known=True),
            Refuse(Refusal.DEACTIVATED, INACTIVE),
            id="paired with an inactive person",
        ),
        pytest.param(
            facts(paired=found(ADA, is_linked_otherwise=True), is_paired_known=True),
            Refuse(Refusal.LINKED_OTHERWISE, ADA),
            id="paired with a person who has another subject",
        ),
        pytest.param(
            facts(paired=found(ADA, is_provisioned=True), is_paired_known=True),
            Link(ADA, How.PAIRED),
            id="paired with a person of the connection",
        ),
        pytest.param(
            facts(is_paired_known=True),
            Refuse(Refusal.NOT_PROVISIONED),
            id="paired with an incomplete SCIM user",
        ),
        pytest.param(
            facts(candidate_of_visitor=INVITE),
            Link(INVITED, How.INVITED),
            id="visitor with an invite",
        ),
        pytest.param(
            facts(candidate_of_visitor=INVITE, may_create=False),
            Link(INVITED, How.INVITED),
            id="visitor with an invite, provider adds no people",
        ),
        pytest.param(
            facts(candidate_of_visitor=found(INVITED, How.INVITED, is_provisioned=True)),
            Refuse(Refusal.NOT_PAIRED, INVITED),
            id="visitor with an invite of a SCIM person, not paired",
        ),
        pytest.param(
            facts(candidate_of_visitor=found(ADA, How.LINKED)),
            Link(ADA, How.LINKED),
            id="signed-in visitor",
        ),
        pytest.param(
            facts(candidate_of_visitor=found(ADA, How.LINKED, is_provisioned=True)),
            Refuse(Refusal.NOT_PAIRED, ADA),
            id="signed-in SCIM person, not paired",
        ),
        pytest.param(
            facts(candidate_of_visitor=found(ADA, How.LINKED, is_linked_otherwise=True)),
            Refuse(Refusal.LINKED_OTHERWISE, ADA),
            id="signed-in visitor with another subject",
        ),
        pytest.param(facts(), Create(), id="unknown account"),
        pytest.param(
            facts(may_create=False),
            Refuse(Refusal.UNKNOWN_PERSON),
            id="unknown account, provider adds no people",
        ),
        pytest.param(
            facts(same_email=ADA),
            Refuse(Refusal.EMAIL_TAKEN, ADA),
            id="address of an existing person",
        ),
        pytest.param(
            facts(same_email=INACTIVE),
            Refuse(Refusal.EMAIL_TAKEN, INACTIVE),
            id="address of an inactive person",
        ),
    ],
)
def test_decision_follows_the_table(rows: SignInFacts, decision: Decision) -> None:
    assert decide(Claims(subject="42", email="ada@example.com"), rows) == decision


@pytest.mark.parametrize(
    ("values", "decision"),
    [
        pytest.param({"subject": ""}, Refuse(Refusal.NO_SUBJECT), id="no subject"),
        pytest.param({"subject": "  "}, Refuse(Refusal.NO_SUBJECT), id="a blank subject"),
        pytest.param({"email": ""}, Refuse(Refusal.NO_EMAIL), id="no address"),
        pytest.param(
            {"is_email_verified": False},
            Refuse(Refusal.UNVERIFIED_EMAIL),
            id="an unverified address",
        ),
        pytest.param({"is_email_verified": True}, Create(), id="a verified address"),
        pytest.param(
            {"is_email_verified": None}, Create(), id="an address without verification status"
        ),
    ],
)
def test_subject_and_verified_address_are_required_to_add_a_person(
    values: dict[str, Any], decision: Decision
) -> None:
    claims = Claims(**{"subject": "42", "email": "ada@example.com"} | values)

    assert decide(claims, facts()) == decision


@pytest.mark.parametrize("verified", [True, False, None])
def test_address_alone_never_links_a_person(verified: bool | None) -> None:
    claims = Claims(subject="42", email="ada@example.com", is_email_verified=verified)

    assert decide(claims, facts(same_email=ADA)) == Refuse(Refusal.EMAIL_TAKEN, ADA)
