"""Erasing a person …"""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from people.models import Event, Person
from people.operations.erasure import identifiers
from people.presentation.audit_log import audit_entries
from provisioning.models import Identity
from scim.models import RequestLog, ScimUser
from tests.clients.scim import Provider, someone
from tests.factories import core
from tests.support import personal_data
from tests.support.personal_data import ADDRESS, EXTERNAL_ID, FAMILY, GIVEN, TRACES, places_with

pytestmark = pytest.mark.django_db

# Columns that refer to a person who did something, or whose row is about somebody else.
ABOUT_OTHERS = {
    "people.Tenant.owner",
    "people.Person.manager",
    "people.Delegation.delegate",
    "people.WebhookEndpoint.created_by",
    "people.Step.approver",
    "provisioning.TransmitterStream.configured_by",
    # Django's own log, which nothing writes.
    "admin.LogEntry.user",
}


@pytest.fixture
def zoe(scim: Provider, owner: Person) -> Person:
    return personal_data.leave_traces(scim, owner)


def printed_by(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def erase(person: Person) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(
        printed_by("erase_person", str(person.pk), "--yes", "--json")
    )
    return answer


class TestLeaves:
    def test_no_trace_in_any_column(self, zoe: Person) -> None:
        before = places_with(*TRACES)
        assert len(before) > 30

        erase(zoe)

        assert places_with(*TRACES) == set()

    def test_every_row_of_the_history(self, zoe: Person) -> None:
        before = personal_data.history()

        erase(zoe)

        assert personal_data.history() == before | {"Event": before["Event"] + 1}

    def test_an_event_that_names_the_pseudonym(self, zoe: Person) -> None:
        pseudonym = erase(zoe)["pseudonym"]

        event = Event.objects.filter(person=zoe).latest("pk")
        assert (event.kind, event.actor) == ("person.erased", "command:erase_person")
        assert event.changes["email"] == {"from": pseudonym, "to": None}
        zoe.refresh_from_db()
        [row] = audit_entries([event])
        assert zoe.full_name in row.entry.sentence
        assert zoe.full_name == f"Erased {pseudonym.partition('-')[2]}"

    def test_what_others_did_and_are(self, scim: Provider, zoe: Person) -> None:
        scim_id = scim.add("iris")
        other = ScimUser.objects.get(scim_id=scim_id).person
        assert other
        before = personal_data.everything_of(other)

        erase(zoe)

        assert personal_data.everything_of(other) == before

    def test_a_request_that_cannot_be_retried(self, zoe: Person) -> None:
        pseudonym = erase(zoe)["pseudonym"]

        bodies = set(RequestLog.objects.exclude(body="").values_list("body", flat=True))
        assert pseudonym in bodies


class TestSpares:
    def test_somebody_of_the_same_name(self, scim: Provider, zoe: Person) -> None:
        namesake = core.person(given_name=GIVEN, family_name=FAMILY, email="other@example.com")
        event = Event.objects.create(
            tenant_id=namesake.tenant_id,
            kind=Event.Kind.PERSON_ADDED,
            person=namesake,
            actor="command:tests",
            changes={"given_name": {"from": None, "to": GIVEN}},
            facts={"what": f"for {GIVEN} {FAMILY}"},
            happened_at=namesake.created_at,
        )
        before = personal_data.everything_of(namesake)

        erase(zoe)

        assert personal_data.everything_of(namesake) == before
        event.refresh_from_db()
        assert event.facts == {"what": f"for {GIVEN} {FAMILY}"}
        zoe.refresh_from_db()
        assert zoe.given_name == "Erased"

    def test_the_next_holder_of_the_address(self, scim: Provider, zoe: Person) -> None:
        heir = core.person(given_name="Iris", family_name="Heir", email=ADDRESS)
        before = personal_data.everything_of(heir)

        erase(zoe)

        assert personal_data.everything_of(heir) == before
        assert ADDRESS not in str(personal_data.everything_of(zoe))

    def test_a_longer_address(self, zoe: Person) -> None:
        others = [f"m{ADDRESS}", f"{ADDRESS}.au", f"x.{ADDRESS}"]
        people = [core.person(given_name="Iris", email=address) for address in others]

        erase(zoe)

        for person, address in zip(people, others, strict=True):
            person.refresh_from_db()
            assert person.email == address

    def test_another_company(self, zoe: Person) -> None:
        with core.in_another_tenant():
            same = core.person(given_name=GIVEN, family_name=FAMILY, email=ADDRESS)
            before = personal_data.everything_of(same)

            erase(zoe)

            assert personal_data.everything_of(same) == before


class TestIsRefused:
    def test_for_somebody_who_is_not_terminated(self, owner: Person) -> None:
        ada = core.person()

        with pytest.raises(CommandError, match="is not terminated"):
            erase(ada)

    def test_for_an_address_of_several(self, zoe: Person) -> None:
        core.person(given_name="Iris", email=ADDRESS)

        with pytest.raises(CommandError, match=f"{zoe.pk} \\(terminated, "):
            printed_by("erase_person", ADDRESS, "--yes")


class TestAfterwards:
    def test_asking_again_changes_nothing(self, zoe: Person) -> None:
        erase(zoe)
        count = Event.objects.count()

        assert not erase(zoe)["erased"]

        assert Event.objects.count() == count

    def test_the_provider_adds_a_new_person(self, scim: Provider, zoe: Person) -> None:
        erase(zoe)

        again = someone("zoequill", **personal_data.ZOE)
        answer = scim("POST", "/Users", again)

        assert answer.status == 201
        person = ScimUser.objects.get(scim_id=answer.id).person
        assert person
        assert (person.pk != zoe.pk, person.given_name) == (True, GIVEN)

    def test_the_provider_no_longer_finds_the_resource(self, scim: Provider, zoe: Person) -> None:
        scim_id = ScimUser.objects.get(person=zoe).scim_id

        erase(zoe)

        assert scim("GET", f"/Users/{scim_id}").status == 404
        assert scim.find(f'externalId eq "{EXTERNAL_ID}"').body["totalResults"] == 0
        assert not Identity.objects.exists()


class TestAnExport:
    def test_has_what_is_stored(self, zoe: Person) -> None:
        found = printed_by("export_person", str(zoe.pk))

        titles = {section["title"] for section in json.loads(found)["sections"]}
        assert {"People", "History", "Own actions", "Mails", "SCIM users"} <= titles
        for text in (GIVEN, ADDRESS, EXTERNAL_ID, personal_data.PHONE, personal_data.SUBJECT):
            assert text in found

    def test_has_no_secret(self, zoe: Person) -> None:
        found = printed_by("export_person", str(zoe.pk))

        for secret in (zoe.password, "a secret of the second factor", "Y3JlZA"):
            assert secret not in found

    def test_has_nothing_of_others(self, zoe: Person, owner: Person) -> None:
        assert owner.email not in printed_by("export_person", str(zoe.pk)).replace(
            f"person:{owner.email}", ""
        )

    def test_is_an_event(self, zoe: Person) -> None:
        printed_by("export_person", str(zoe.pk))

        event = Event.objects.latest("pk")
        assert (event.kind, event.actor) == ("data.exported", "command:export_person")
        assert str(zoe.pk) in event.facts["what"]

    def test_goes_to_a_file_that_nobody_else_reads(self, zoe: Person, tmp_path: Path) -> None:
        file = tmp_path / "zoe.json"
        printed_by("export_person", str(zoe.pk), "--output", str(file))

        assert GIVEN in file.read_text()
        assert file.stat().st_mode & 0o077 == 0
        with pytest.raises(CommandError, match="exists"):
            printed_by("export_person", str(zoe.pk), "--output", str(file))


def test_every_reference_to_a_person_is_declared() -> None:
    declared = {
        f"{data.model._meta.label}.{lookup.partition('__')[0]}"
        for data in identifiers.personal_data()
        for lookup in data.of
    }
    references = {
        f"{model._meta.label}.{column.name}"
        for model in apps.get_models(include_auto_created=True)
        for column in model._meta.concrete_fields
        if column.related_model in (Person, ScimUser, Identity)
    }

    assert references - declared == ABOUT_OTHERS


@pytest.mark.slow
def test_leaves_no_trace_on_sqlite() -> None:
    test = f"{Path(__file__)}::TestLeaves::test_no_trace_in_any_column"
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", test],
        env=os.environ | {"TESTS_DATABASE_URL": "sqlite://:memory:"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
