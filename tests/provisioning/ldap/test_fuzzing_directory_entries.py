"""Fuzzing: any directory entry of an account.

The suite tries some entries, always the same. To try 2,000 others, run this on SQLite, because
PostgreSQL ends a transaction that is idle while hypothesis thinks:
TESTS_DATABASE_URL=sqlite://:memory: DIRECTORY_FUZZ=2000 pytest <this file>
"""

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from django.db import transaction
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from people import tenancy
from people.models import Person
from provisioning.claims import Claims
from provisioning.ldap.client import Directory
from provisioning.ldap.entry import Entry, status_of
from provisioning.providers.config import LdapSettings
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import sign_in
from tests.factories import core
from tests.support.sign_in_flow import again, mapping, provider

EXAMPLES: Final = int(os.environ.get("DIRECTORY_FUZZ", "40"))
FUZZ: Final = settings(
    max_examples=EXAMPLES,
    derandomize="DIRECTORY_FUZZ" not in os.environ,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
NOW: Final = datetime(2026, 11, 29, tzinfo=UTC)
DN: Final = "CN=ada,OU=Staff,DC=corp"
GUID, SUBJECT = bytes(range(16)), "03020100-0504-0706-0809-0a0b0c0d0e0f"
ATTRIBUTES: Final = (
    *("objectGUID", "entryUUID", "givenName", "sn", "displayName", "cn", "mail", "department"),
    *("l", "uid", "sAMAccountName", "userAccountControl", "accountExpires", "nsAccountLock"),
    *("pwdAccountLockedTime", "krbPrincipalExpiration", "whenCreated", "createTimestamp"),
    *("objectSid", "memberOf", "tokenGroups"),
)
ODD: Final = (
    *(b"", b"\0", b" ", b"9" * 400, "\u00b2".encode(), "\u0663".encode(), b"\xff\xfe", b"-1"),
    *(b"0", b"512", b"514", b"9223372036854775807", b"TRUE", b"000001010000Z", b"20200101000000Z"),
    *(b"99999999999999Z", b"20261301000000.0Z", b"Lovelace, Ada", b"ada@corp.example", GUID),
    *(b"CN=finance,OU=Groups,DC=corp", b"finance", "finance-id".encode("utf-16-le")),
)
VALUES: Final = st.one_of(
    st.sampled_from(ODD),
    st.binary(max_size=40),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(str.encode),
    st.integers(-(10**30), 10**30).map(lambda number: str(number).encode()),
)
SAID: Final = st.dictionaries(
    st.sampled_from(ATTRIBUTES), st.lists(VALUES, max_size=3), max_size=12
)
# The responses of the server to the searches for groups: entries with their DNs.
DNS: Final = st.sampled_from([DN, "CN=finance,OU=Groups,DC=corp", "", "nonsense"])
ANSWERS: Final = st.lists(st.lists(st.tuples(DNS, SAID), max_size=3), max_size=6)


class AnyServer:
    """A libldap connection to a server that answers each search with the next entries."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers

    def search_ext(self, *_: Any, **__: Any) -> int:
        return 1

    def result(self, *_: Any, **__: Any) -> tuple[int, Any]:
        return 101, self.answers.pop() if self.answers else []

    def result3(self, *_: Any, **__: Any) -> tuple[int, Any, int, list[Any]]:
        return (*self.result(), 1, [])


def entry_of(fields: dict[str, list[bytes]]) -> Entry:
    return Entry(DN, {name.lower(): values for name, values in fields.items() if values})


def claims_of(values: dict[str, list[bytes]], answers: list[Any]) -> Claims:
    server = LdapSettings(uri="ldaps://dc.example", base_dn="DC=corp")
    directory = Directory(AnyServer([*answers]), server, float("inf"))
    return directory.claims(entry_of(values))


@FUZZ
@given(SAID)
def test_any_entry_has_a_status(values: dict[str, list[bytes]]) -> None:
    entry = entry_of(values)

    status_of(entry, NOW)

    assert entry.created_at is None or entry.created_at.tzinfo
    assert entry.relative_id is None or entry.relative_id >= 0


@FUZZ
@given(SAID, ANSWERS)
def test_claims_come_from_the_entry_and_groups_are_complete_or_unknown(
    values: dict[str, list[bytes]], answers: list[Any]
) -> None:
    subjects = entry_of(values).texts(["entryUUID", "objectGUID"])
    assume(len(subjects) <= 1)
    claims = claims_of(values, answers)

    entry = entry_of(values)
    texts = {text.replace("\0", "\ufffd") for name in values for text in entry.texts([name])}
    for name in ("given_name", "family_name", "name", "email", "department", "location"):
        assert getattr(claims, name) in {"", *texts}
    assert claims.groups.known is not None or claims.groups.because


@pytest.mark.django_db
def test_any_entry_changes_only_stated_fields_and_grants_no_role() -> None:
    tenant = core.tenant(slug="acme", name="Acme")
    with tenancy.use(tenant):
        corp = provider("Corp")
        mapping(corp, "finance-id", Person.Role.BOOKKEEPER)
        known: dict[str, Any] = {
            "given_name": "Ada",
            "family_name": "Lovelace",
            "email": "ada@corp.example",
        }
        ada = sign_in(corp, Claims(subject=SUBJECT, **known)).person
        assert ada

    @given(SAID, ANSWERS)
    @FUZZ
    def says(fields: dict[str, list[bytes]], answers: list[Any]) -> None:
        own = {name: values for name, values in fields.items() if name != "entryUUID"}
        claims = claims_of(own | {"objectGUID": [GUID]}, answers)
        with tenancy.use(tenant), transaction.atomic():
            with suppress(SignInRefused):
                sign_in(corp, claims)
            after = again(ada)
            assert after.role == Person.Role.CARDHOLDER
            assert not after.grants.exclude(source="").exists()
            for name in ("given_name", "family_name", "email"):
                stated = {getattr(claims, name), *claims.name.split(), claims.name}
                assert getattr(after, name) in {known[name], *stated}
            transaction.set_rollback(True)

    says()
