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


def somebody(state: str = State.ACTIVE) -> Person:
    return Person(given_name="Ada", family_name="Lovelace", email="ada@example.com", state=state)


ADA, BOB = somebody(), somebody()
INVITED, INACTIVE, GONE = (
    somebody(State.INVITED),
    somebody(State.INACTIVE),
    somebody(State.TERMINATED),
)


def found(person: Person, how: How = How.PAIRED, **said: Any) -> LinkCandidate:
    return LinkCandidate(person=person, how=how, **said)


def known(**said: Any) -> SignInFacts:
    return SignInFacts(**said)


PAIRED = {"paired": found(ADA), "is_paired_known": True}
INVITE = found(INVITED, How.INVITED)


@pytest.mark.parametrize(
    ("rows", "decision"),
    [
        pytest.param(known(identity=ADA), SignIn(ADA), id="the identity is known"),
        pytest.param(known(identity=ADA, same_email=BOB), SignIn(ADA), id="whatever the address"),
        pytest.param(known(identity=ADA, may_create=False), SignIn(ADA), id="and adds nobody"),
        pytest.param(
            known(identity=INACTIVE), Refuse(Refusal.DEACTIVATED, INACTIVE), id="but is inactive"
        ),
        pytest.param(known(identity=GONE), Refuse(Refusal.TERMINATED, GONE), id="but has left"),
        pytest.param(
            known(identity=GONE, paired=found(ADA), is_paired_known=True),
            Link(ADA, How.PAIRED),
            id="has left and come back as somebody new",
        ),
        pytest.param(
            known(identity=GONE, paired=found(GONE), is_paired_known=True),
            Refuse(Refusal.TERMINATED, GONE),
            id="has left, and SCIM means the same",
        ),
        pytest.param(
            known(identity=ADA, candidate_of_visitor=found(BOB, How.LINKED)),
            Refuse(Refusal.SOMEBODY_ELSE, ADA),
            id="somebody else asks to link it",
        ),
        pytest.param(
            known(identity=ADA, is_identity_disowned=True),
            Refuse(Refusal.NOT_PAIRED, ADA),
            id="SCIM owns them by now, and does not vouch for it",
        ),
        pytest.param(known(**PAIRED), Link(ADA, How.PAIRED), id="SCIM knows them"),
        pytest.param(
            known(**PAIRED, same_email=BOB), Link(ADA, How.PAIRED), id="by the claim alone"
        ),
        pytest.param(
            known(paired=found(INACTIVE), is_paired_known=True),
            Refuse(Refusal.DEACTIVATED, INACTIVE),
            id="SCIM deactivated them",
        ),
        pytest.param(
            known(paired=found(ADA, is_linked_otherwise=True), is_paired_known=True),
            Refuse(Refusal.LINKED_OTHERWISE, ADA),
            id="SCIM means somebody with another subject",
        ),
        pytest.param(
            known(paired=found(ADA, is_provisioned=True), is_paired_known=True),
            Link(ADA, How.PAIRED),
            id="SCIM owns them",
        ),
        pytest.param(
            known(is_paired_known=True),
            Refuse(Refusal.NOT_PROVISIONED),
            id="SCIM has them as incomplete",
        ),
        pytest.param(
            known(candidate_of_visitor=INVITE),
            Link(INVITED, How.INVITED),
            id="they opened an invite",
        ),
        pytest.param(
            known(candidate_of_visitor=INVITE, may_create=False),
            Link(INVITED, How.INVITED),
            id="and adds nobody ",
        ),
        pytest.param(
            known(candidate_of_visitor=found(INVITED, How.INVITED, is_provisioned=True)),
            Refuse(Refusal.NOT_PAIRED, INVITED),
            id="the invited come from SCIM, unpaired",
        ),
        pytest.param(
            known(candidate_of_visitor=found(ADA, How.LINKED)),
            Link(ADA, How.LINKED),
            id="they are signed in",
        ),
        pytest.param(
            known(candidate_of_visitor=found(ADA, How.LINKED, is_provisioned=True)),
            Refuse(Refusal.NOT_PAIRED, ADA),
            id="who is signed in comes from SCIM, unpaired",
        ),
        pytest.param(
            known(candidate_of_visitor=found(ADA, How.LINKED, is_linked_otherwise=True)),
            Refuse(Refusal.LINKED_OTHERWISE, ADA),
            id="who is signed in has another subject",
        ),
        pytest.param(known(), Create(), id="nobody knows them"),
        pytest.param(
            known(may_create=False), Refuse(Refusal.UNKNOWN_PERSON), id="and nobody is added"
        ),
        pytest.param(
            known(same_email=ADA), Refuse(Refusal.EMAIL_TAKEN, ADA), id="somebody has the address"
        ),
        pytest.param(
            known(same_email=INACTIVE),
            Refuse(Refusal.EMAIL_TAKEN, INACTIVE),
            id="somebody inactive has the address",
        ),
    ],
)
def test_decision_follows_the_table(rows: SignInFacts, decision: Decision) -> None:
    assert decide(Claims(subject="42", email="ada@example.com"), rows) == decision


@pytest.mark.parametrize(
    ("said", "decision"),
    [
        pytest.param({"subject": ""}, Refuse(Refusal.NO_SUBJECT), id="no subject"),
        pytest.param({"subject": "  "}, Refuse(Refusal.NO_SUBJECT), id="a blank subject"),
        pytest.param({"email": ""}, Refuse(Refusal.NO_EMAIL), id="no address"),
        pytest.param(
            {"is_email_verified": False}, Refuse(Refusal.UNVERIFIED_EMAIL), id="an unproven address"
        ),
        pytest.param({"is_email_verified": True}, Create(), id="a proven address"),
        pytest.param({"is_email_verified": None}, Create(), id="an address"),
    ],
)
def test_subject_and_verified_address_are_required_to_add_a_person(
    said: dict[str, Any], decision: Decision
) -> None:
    claims = Claims(**{"subject": "42", "email": "ada@example.com"} | said)

    assert decide(claims, known()) == decision


@pytest.mark.parametrize("verified", [True, False, None])
def test_address_alone_never_links_a_person(verified: bool | None) -> None:
    claims = Claims(subject="42", email="ada@example.com", is_email_verified=verified)

    assert decide(claims, known(same_email=ADA)) == Refuse(Refusal.EMAIL_TAKEN, ADA)
