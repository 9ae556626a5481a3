"""The page that edits the attribute mapping of a connection."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Department, Event, Mail, Person
from scim.jobs import mapping_coverage, reapply_preview
from scim.models import Connection, ScimUser, SyncError
from scim.views.settings.attribute_mapping_form import FIELDS
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import ENT, RAMP, Provider, someone
from tests.factories.large_companies import crowd
from tests.scim.conftest import Connect
from tests.support.scim_mapping import (
    COST_CENTER,
    address_of,
    centred,
    custom_field,
    cycle,
    mapping,
    person,
    send,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


class TestPage:
    def test_shows_default_attributes_of_each_field(self, client: Client, scim: Provider) -> None:
        custom_field()

        page = text_of(client.get(address_of(scim)))

        assert "If empty: department of the enterprise extension, or a bare department." in page
        assert "If empty: costCenter or cost_center of the Ramp extension." in page
        for label in ("First name", "Last name", "Location", "Manager", "Role", "Cost centre"):
            assert label in page

    def test_shows_attributes_of_unknown_extensions_that_were_sent(
        self, client: Client, scim: Provider
    ) -> None:
        larch = "urn:ietf:params:scim:schemas:extension:larch:2.0:User"
        scim.add("ada", **{larch: {"unit": "Legal", "desk": 12}})
        scim.add("bea", **{larch: {"unit": "Sales"}})

        page = text_of(client.get(address_of(scim)))

        assert f'<option value="{larch}:desk">' in page
        assert f"{larch}:unit</code> in 2 of the newest 2 users" in page
        assert f"{larch}:desk</code> in 1 of the newest 2 users" in page
        assert page.count('list="extension-paths"') == len(FIELDS)
        assert f"{ENT}:" not in page[page.index("<datalist") : page.index("</datalist>")]
        send(client, scim, "save", department=f"{larch}:unit")
        cycle()
        assert person("ada").profile.department == "Legal"

    def test_has_no_section_for_unknown_extensions_if_none_were_sent(
        self, client: Client, scim: Provider
    ) -> None:
        scim.add("ada")

        assert "Attributes of other extensions" not in text_of(client.get(address_of(scim)))

    def test_shows_the_saved_mapping(self, client: Client, connect: Connect) -> None:
        scim = connect(mapping={"department": COST_CENTER})

        assert f'value="{COST_CENTER}"' in text_of(client.get(address_of(scim)))


class TestSave:
    def test_path_is_saved_and_audited(self, client: Client, scim: Provider) -> None:
        scim.add("ada", **centred())

        page = send(client, scim, "save", department=COST_CENTER)

        assert mapping() == {"department": COST_CENTER}
        assert "The mapping was saved." in page
        event = Event.objects.get(kind=Event.Kind.CONNECTION_CHANGED)
        assert event.changes == {"source of department": {"from": None, "to": COST_CENTER}}

    def test_saved_path_applies_to_the_next_request(self, client: Client, scim: Provider) -> None:
        scim.add("ada", **centred())
        send(client, scim, "save", department=COST_CENTER)

        scim.add("bob", **centred("CC-2"))

        assert str(person("bob").department) == "CC-2"

    def test_next_cycle_applies_the_mapping_to_everybody(
        self, client: Client, scim: Provider
    ) -> None:
        scim.add("ada", **centred())
        page = send(client, scim, "save", department=COST_CENTER)
        assert "applies it to everyone the provider has sent" in page
        assert str(person("ada").department) == "Research"

        cycle()

        assert str(person("ada").department) == "CC-1"
        assert Connection.objects.get().reapply_cursor is None

    def test_empty_field_restores_the_default_attributes(
        self, client: Client, connect: Connect
    ) -> None:
        scim = connect(mapping={"department": COST_CENTER})
        scim.add("ada", **centred())

        send(client, scim, "save")
        cycle()

        assert mapping() == {}
        assert str(person("ada").department) == "Research"

    def test_custom_field_can_be_mapped(self, client: Client, scim: Provider) -> None:
        custom_field("office")
        scim.add("ada", **centred())

        send(client, scim, "save", office=COST_CENTER)
        cycle()

        assert person("ada").custom_values == {"office": "CC-1"}

    def test_unchanged_mapping_is_not_audited(self, client: Client, scim: Provider) -> None:
        assert "Nothing has changed." in send(client, scim, "save")
        assert not Event.objects.filter(kind=Event.Kind.CONNECTION_CHANGED).exists()

    def test_mapping_of_disconnected_connection_cannot_be_changed(
        self, client: Client, connect: Connect
    ) -> None:
        scim = connect(disconnected_at=timezone.now())

        page = send(client, scim, "save", department=COST_CENTER)

        assert mapping() == {}
        assert "Save mapping" not in page

    def test_mapping_before_activation_is_not_reapplied(
        self, client: Client, connect: Connect
    ) -> None:
        scim = connect(activated_at=None)
        scim("POST", "/Users", someone("ada", **centred()))

        send(client, scim, "save", department=COST_CENTER)

        assert mapping() == {"department": COST_CENTER}
        assert Connection.objects.get().reapply_cursor is None


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("nonsense", "A User has no attribute “nonsense”."),
            ("name.nickname", "A User has no attribute “name.nickname”."),
            ("urn:example:x", "A User has no attribute “urn:example:x”."),
            (ENT, "is a schema, not an attribute."),
            ("emails[type eq", "cannot be read"),
            ('userName[type eq "x"]', "filters values, but the attribute has a single value."),
            ('emails[colour eq "red"].value', "colour"),
            ("name", "has sub-attributes. Choose one of them: name.formatted, name.familyName"),
            ("addresses", "has sub-attributes. Choose one of them: addresses.formatted"),
            ("active", "is not a text value that a provider can send."),
            ("password", "is not a text value that a provider can send."),
            ("id", "is not a text value that a provider can send."),
            ("groups", "is not a text value that a provider can send."),
            ("a\x00b", "Null characters are not allowed."),
            ("x" * 501, "at most 500 characters"),
            ("(" * 400, "The path"),
        ],
    )
    def test_invalid_path_is_refused_with_a_reason(
        self, client: Client, scim: Provider, path: str, text: str
    ) -> None:
        page = send(client, scim, "save", department=path).replace("&quot;", '"')

        assert text in page.replace("&#x27;", "'")
        assert "Nothing was saved. Correct the fields marked below." in page
        assert mapping() == {}

    def test_fields_that_cannot_be_mapped_are_ignored(self, client: Client, scim: Provider) -> None:
        send(client, scim, "save", state="userName", is_operator="userName")

        assert mapping() == {}


class TestWarnings:
    def test_unused_path_is_saved_only_after_confirmation(
        self, client: Client, scim: Provider
    ) -> None:
        scim.add("ada", **centred())
        scim.add("bob")

        page = send(client, scim, "save", department=f"{ENT}:division")

        assert "None of the last 2 people that Okta sent has anything at" in page
        assert "Save anyway" in page
        assert mapping() == {}

    def test_confirmed_path_is_not_warned_about_again(self, client: Client, scim: Provider) -> None:
        scim.add()

        send(client, scim, "save_anyway", department=f"{ENT}:division")

        assert mapping() == {"department": f"{ENT}:division"}
        page = send(client, scim, "save", department=f"{ENT}:division")
        assert "Nothing has changed." in page

    def test_warns_that_no_user_was_sent_yet(self, client: Client, scim: Provider) -> None:
        page = send(client, scim, "preview", department=COST_CENTER)

        assert "Okta has not sent anybody yet" in page

    def test_used_path_causes_no_warning(self, client: Client, scim: Provider) -> None:
        scim.add("ada", **centred())
        scim.add("bob")

        assert "ramp-notice-warning" not in send(client, scim, "preview", department=COST_CENTER)

    def test_only_the_newest_users_are_examined(
        self, client: Client, scim: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mapping_coverage, "COVERAGE_SAMPLE", 3)
        scim.add("ada", **centred())
        for name in ("bob", "cy", "dan"):
            scim.add(name)

        assert "None of the last 3 people" in send(client, scim, "save", department=COST_CENTER)


class TestPreview:
    def test_shows_changed_people_with_old_and_new_values(
        self, client: Client, scim: Provider
    ) -> None:
        scim.add("ada", **centred())
        scim.add("bob", **centred("Research"))

        page = send(client, scim, "preview", department=COST_CENTER)

        assert "Previewed with the 2 people received most recently. Nothing was saved." in page
        assert "1 would not change." in page
        row = page.partition("<bdi>ada@example.com</bdi>")[2].partition("</tr>")[0]
        assert "Department" in row
        assert "<bdi>Research</bdi>" in row
        assert "<bdi>CC-1</bdi>" in row

    def test_writes_nothing(self, client: Client, scim: Provider) -> None:
        custom_field("office")
        scim.add("ada", **centred())
        scim.add("bob", title="Rome", **centred())
        before = snapshot()

        send(client, scim, "preview", department=COST_CENTER, office=COST_CENTER, location="title")

        assert snapshot() == before

    def test_equals_the_result_of_saving(self, client: Client, connect: Connect) -> None:
        scim = connect("generic")
        custom_field("office")
        scim.add("ada", **centred("CC-1"))
        scim.add("bob", **{ENT: {"costCenter": "CC-2"}})
        scim.add("cy", **{ENT: {"department": "Legal"}})
        paths = {"department": COST_CENTER, "office": "userName", "location": f"{RAMP}:location"}
        connection = Connection.objects.get()
        connection.mapping = paths
        foreseen = {
            outcome.user.scim_username: outcome
            for outcome in reapply_preview.preview_reapply(connection)
        }

        send(client, scim, "save", **paths)
        cycle()

        for user in ScimUser.objects.all():
            assert (
                reapply_preview._person_values(user.person_id) == foreseen[user.scim_username].after
            )
        assert foreseen["bob@example.com"].is_new
        assert foreseen["ada@example.com"].after["custom.office"] == "ada@example.com"
        assert foreseen["cy@example.com"].changed == ["custom.office"]

    def test_shows_held_user_who_would_be_completed(self, client: Client, connect: Connect) -> None:
        scim = connect("generic")
        scim.add("bob", **{ENT: {"costCenter": "CC-2"}})
        assert not Person.objects.filter(email="bob@example.com").exists()

        page = send(client, scim, "preview", department=COST_CENTER)
        assert "would be added" in page
        assert not Person.objects.filter(email="bob@example.com").exists()
        send(client, scim, "save", department=COST_CENTER)
        cycle()

        assert str(person("bob").department) == "CC-2"
        assert not SyncError.objects.open().exists()

    def test_shows_values_that_would_be_refused(self, client: Client, scim: Provider) -> None:
        scim.add("ada", title="EMPEROR")

        page = send(client, scim, "preview", role="title")
        assert "User is not eligible to receive assigned role" in page
        send(client, scim, "save", role="title")
        cycle()

        assert person("ada").role == Person.Role.CARDHOLDER
        assert SyncError.objects.open().get().reason == "invalid-role-assignment"

    def test_covers_the_most_recently_changed_users(self, client: Client, scim: Provider) -> None:
        ids = [
            scim.add(f"p{number}", **centred())
            for number in range(reapply_preview.PREVIEW_SIZE + 5)
        ]
        scim.replace(ids[0], "title", "Countess")

        page = send(client, scim, "preview", department=COST_CENTER)

        assert "p0@example.com" in page
        assert "p1@example.com" not in page

    def test_is_empty_before_the_first_user(self, client: Client, scim: Provider) -> None:
        page = send(client, scim, "preview")

        assert "Nobody has been received yet" in page


def snapshot() -> list[Any]:
    """Return every row that reapplying the mapping could change."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (Person, ScimUser, Department, Event, Mail, SyncError, Connection)
    ]


def test_query_count_does_not_grow_with_people(
    client: Client, scim: Provider, django_assert_max_num_queries: Any
) -> None:
    for number in range(reapply_preview.PREVIEW_SIZE):
        scim.add(f"p{number}", **centred())
    few = len(queries_of(client, address_of(scim)))
    with django_assert_max_num_queries(400) as captured:
        send(client, scim, "preview", department=COST_CENTER)
    previewing = len(captured.captured_queries)
    crowd(scim.connection, 500)
    for number in range(reapply_preview.PREVIEW_SIZE):
        scim.add(f"q{number}", **centred())

    assert len(queries_of(client, address_of(scim))) == few
    with django_assert_max_num_queries(previewing):
        send(client, scim, "preview", department=COST_CENTER)
