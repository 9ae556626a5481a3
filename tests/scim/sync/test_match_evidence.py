"""Evidence that a deleted resource and a new one are the same person."""

import pytest

from scim.sync.match_evidence import Strength, Traits, compare

GONE = Traits(external_id="X-1", user_name="ada", email="ada@example.com", full_name="Ada Lovelace")
OTHER = {
    "external_id": "X-2",
    "user_name": "byron",
    "email": "byron@example.com",
    "full_name": "Ada Byron",
}


def now(**values: str) -> Traits:
    return Traits(**OTHER | values)


@pytest.mark.parametrize(
    ("traits", "strength"),
    [
        (now(external_id="X-1", user_name="ada"), Strength.USER_NAME_AND_ID),
        (now(external_id="X-1", user_name="ADA"), Strength.USER_NAME_AND_ID),
        (now(external_id="X-1", email="Ada@Example.com"), Strength.EMAIL),
        (now(external_id="", user_name="ada"), Strength.USER_NAME),
        (now(external_id="X-1", full_name="ADA LOVELACE"), Strength.FULL_NAME),
    ],
)
def test_agreeing_identifiers_mean_the_same_person(traits: Traits, strength: Strength) -> None:
    evidence = compare(GONE, traits)

    assert evidence.strength == strength
    assert evidence.is_same


@pytest.mark.parametrize(
    "traits",
    [
        now(external_id="X-1"),
        now(external_id="X-1", full_name="Ada"),
        now(user_name="ada"),
        now(user_name="ada", email="ada@example.com", full_name="Ada Lovelace"),
        now(email="ada@example.com"),
        now(external_id="", email="ada@example.com", full_name="Ada Lovelace"),
    ],
)
def test_partly_agreeing_identifiers_mean_possibly_the_same_person(traits: Traits) -> None:
    evidence = compare(GONE, traits)

    assert evidence.strength == Strength.POSSIBLE
    assert not evidence.is_same


@pytest.mark.parametrize(
    "traits",
    [
        now(),
        now(full_name="Ada Lovelace"),
        now(external_id="x-1"),
        now(user_name="ａda", email="ａda@example.com"),
        Traits(user_name="byron"),
    ],
)
def test_no_agreeing_identifier_means_no_match(traits: Traits) -> None:
    assert compare(GONE, traits).strength == Strength.NOTHING


def test_empty_values_do_not_agree() -> None:
    assert compare(Traits(user_name="ada"), Traits(user_name="bob")).agrees == ()


def test_evidence_names_agreeing_and_differing_attributes() -> None:
    evidence = compare(GONE, now(external_id="", user_name="ada"))

    assert evidence.agrees == ("user_name",)
    assert evidence.differs == ("email", "full_name")
