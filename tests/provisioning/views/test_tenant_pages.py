"""The pages of a tenant: provisioned members, group mappings and provider log."""

from dataclasses import replace

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Event, Person
from people.operations import people
from people.operations.roles.group_mappings import Author
from people.values import Actor
from provisioning.claims import UNKNOWN, Groups
from provisioning.group_roles import mappings
from provisioning.models import GroupMapping, Identity, IdentityProvider, SignInAttempt
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import sign_in
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core
from tests.support import sign_in_flow
from tests.support.sign_in_flow import again, claims, come_in, groups, roles_of

pytestmark = pytest.mark.django_db


def member_page(person: Person) -> str:
    identity = Identity.objects.get(person=person)
    return f"/tenants/acme/provisioned-members/{identity.pk}/"


MEMBERS = "/tenants/acme/provisioned-members/"
MAPPINGS = "/tenants/acme/mappings/"
LOG = "/tenants/acme/log/"


# Provisioned members


def test_members_have_provider_and_status(client: Client, ada: Person) -> None:
    page = text_of(client.get(MEMBERS))

    for value in ("Ada Lovelace", "ada@corp.example", "<bdi>Corp</bdi>", "just now", "Active"):
        assert value in page


def test_person_with_a_password_is_not_listed(client: Client, ada: Person) -> None:
    page = client.get(MEMBERS)

    assert [member.person for member in page.context["members"]] == [ada]


def test_search_members_by_name_provider_and_status(
    client: Client, corp: IdentityProvider, ada: Person
) -> None:
    other = sign_in_flow.provider("Other", settings=sign_in_flow.OIDC)
    bob = sign_in(other, claims("bob", given_name="Bob")).person
    assert bob
    people.deactivate_person(bob, actor=Actor("person", "olga@acme.example"))

    for query, found in (
        ("q=ada", "Ada"),
        ("q=bob@corp", "Bob"),
        (f"provider={corp.pk}", "Ada"),
        (f"provider={other.pk}", "Bob"),
        ("status=active", "Ada"),
        ("status=inactive", "Bob"),
    ):
        page = text_of(client.get(f"{MEMBERS}?{query}"))
        assert {name for name in ("Ada", "Bob") if f"<bdi>{name} Lovelace" in page} == {found}


def test_member_list_needs_the_same_queries_for_any_number(
    client: Client, corp: IdentityProvider
) -> None:
    come_in(corp)
    few = len(queries_of(client, MEMBERS))
    for number in range(12):
        come_in(corp, f"somebody-{number}")

    assert len(queries_of(client, MEMBERS)) == few


@pytest.mark.parametrize(
    ("has_provider", "query", "text"),
    [
        (False, "", "No identity provider yet"),
        (True, "", "Nobody has signed in yet"),
        (True, "?q=xyzzy", "No members match"),
    ],
)
def test_empty_member_list_is_explained(
    client: Client, has_provider: bool, query: str, text: str
) -> None:
    if has_provider:
        sign_in_flow.provider(settings=sign_in_flow.OIDC)

    page = text_of(client.get(MEMBERS + query))

    assert text in page
    assert ("Someone signed in but is not listed?" in page) is has_provider


@pytest.mark.parametrize(
    ("given_groups", "text"),
    [(groups("Sales"), "<bdi>Sales</bdi>"), (groups(), ">None.<"), (UNKNOWN, ">Unknown.<")],
    ids=["present", "none", "unknown"],
)
def test_member_page_shows_groups_none_or_unknown(
    client: Client, olga: Person, corp: IdentityProvider, given_groups: Groups, text: str
) -> None:
    ada = come_in(corp, given_groups=given_groups)

    assert text in text_of(client.get(member_page(ada)))


def test_member_page_names_the_mapping_of_a_role(
    client: Client, olga: Person, corp: IdentityProvider
) -> None:
    sign_in_flow.mapping(corp, "Sales", sign_in_flow.role("Auditor"))
    ada = come_in(corp, given_groups=groups("Sales"))

    assert "Auditor</strong> · from the group “Sales” of Corp" in text_of(
        client.get(member_page(ada))
    )


def test_deactivates_and_reactivates_a_member(client: Client, ada: Person) -> None:
    visitor = signed_in(ada)
    assert visitor.get("/home/").status_code == 200

    page = client.post(member_page(ada), {"status": "inactive"}, follow=True)
    assert "Ada Lovelace can no longer sign in" in text_of(page)
    assert again(ada).state == Person.State.INACTIVE
    assert visitor.get("/home/").status_code == 302

    client.post(member_page(ada), {"status": "active"})
    assert again(ada).state == Person.State.ACTIVE


def test_last_owner_cannot_be_deactivated(olga: Person, ada: Person) -> None:
    Person.objects.filter(pk=ada.pk).update(role=Person.Role.OWNER)
    Person.objects.filter(pk=olga.pk).update(role=Person.Role.ADMIN)

    page = signed_in(ada).post(member_page(ada), {"status": "inactive"}, follow=True)

    assert "Ada Lovelace is the last active Owner." in text_of(page)
    assert again(ada).is_active


def test_grants_and_revokes_a_custom_role(client: Client, ada: Person) -> None:
    auditor = sign_in_flow.role("Auditor")

    client.post(member_page(ada), {"grant": "yes", "role": auditor.pk})
    assert roles_of(ada) == ["Auditor"]

    client.post(member_page(ada), {"withdraw": ada.grants.get().pk})
    assert roles_of(ada) == []


class TestBaseRole:
    def test_is_changed_on_the_member_page(self, client: Client, ada: Person) -> None:
        assert '<option value="IT_ADMIN"' in text_of(client.get(member_page(ada)))

        page = text_of(client.post(member_page(ada), {"base_role": "IT_ADMIN"}, follow=True))

        assert "Ada Lovelace now has the base role IT Admin." in page
        assert again(ada).role == Person.Role.IT_ADMIN
        assert again(ada).role_source == "person:olga@acme.example"
        changed = Event.objects.filter(person=ada, changes__has_key="role").last()
        assert changed
        assert changed.actor == "person:olga@acme.example"

    def test_changes_no_other_field(self, client: Client, ada: Person) -> None:
        Person.objects.filter(pk=ada.pk).update(pending_email="new@acme.example")
        before = again(ada).profile

        client.post(member_page(ada), {"base_role": "BUSINESS_BOOKKEEPER"})

        assert again(ada).profile == replace(before, role="BUSINESS_BOOKKEEPER")
        assert again(ada).pending_email == "new@acme.example"

    def test_same_role_changes_nothing(self, client: Client, ada: Person) -> None:
        sent = {"base_role": again(ada).role}

        page = text_of(client.post(member_page(ada), sent, follow=True))

        assert "Ada Lovelace already has the role Cardholder." in page
        assert not Event.objects.filter(person=ada, kind=Event.Kind.PERSON_REVISED).exists()

    @pytest.mark.parametrize("role", ["", "GUEST_USER", "EMPEROR"])
    def test_invalid_role_is_refused(self, client: Client, ada: Person, role: str) -> None:
        page = text_of(client.post(member_page(ada), {"base_role": role}, follow=True))

        assert "Choose a base role." in page
        assert again(ada).role == Person.Role.CARDHOLDER

    def test_role_of_a_terminated_person_cannot_change(self, client: Client, ada: Person) -> None:
        now = timezone.now()
        Person.objects.filter(pk=ada.pk).update(state="terminated", terminated_at=now)

        page = text_of(client.post(member_page(ada), {"base_role": "IT_ADMIN"}, follow=True))

        assert "was terminated and cannot get roles." in page
        assert again(ada).role == Person.Role.CARDHOLDER

    def test_last_owner_stays_owner(self, olga: Person, ada: Person) -> None:
        Person.objects.filter(pk=ada.pk).update(role=Person.Role.OWNER)
        Person.objects.filter(pk=olga.pk).update(role=Person.Role.ADMIN)

        sent = {"base_role": "BUSINESS_USER"}
        page = signed_in(ada).post(member_page(ada), sent, follow=True)

        assert "Ada Lovelace is the last active Owner." in text_of(page)
        assert again(ada).role == Person.Role.OWNER

    def test_page_warns_that_a_connection_manages_the_role(
        self, client: Client, ada: Person
    ) -> None:
        marks = {"role": {"by": "scim:okta", "at": timezone.now().isoformat()}}
        Person.objects.filter(pk=ada.pk).update(managed_fields=marks)

        page = text_of(client.get(member_page(ada)))
        after = text_of(client.post(member_page(ada), {"base_role": "IT_ADMIN"}, follow=True))

        assert "Managed by Okta. A change made here is overwritten within 5 minutes." in page
        assert "Okta manages the role. This change will be overwritten within 5 minutes." in after

    def test_roles_above_the_rank_are_not_offered(self, olga: Person, ada: Person) -> None:
        Person.objects.filter(pk=ada.pk).update(role=Person.Role.OWNER)
        Person.objects.filter(pk=olga.pk).update(role=Person.Role.IT_ADMIN)

        page = text_of(signed_in(olga).get(member_page(again(ada))))
        assert 'name="base_role"' not in page
        Person.objects.filter(pk=ada.pk).update(role=Person.Role.CARDHOLDER)
        core.owner()
        page = text_of(signed_in(olga).get(member_page(again(ada))))
        assert 'name="base_role"' in page
        assert '<option value="BUSINESS_OWNER"' not in page
        assert '<option value="BUSINESS_ADMIN"' not in page


@pytest.mark.parametrize(
    "posted", [{}, {"status": "king"}, {"withdraw": "x"}, {"withdraw": "9"}], ids=str
)
def test_invalid_post_changes_nothing(client: Client, ada: Person, posted: dict[str, str]) -> None:
    assert client.post(member_page(ada), posted).status_code in (302, 404)
    assert again(ada).is_active


def test_member_page_shows_sign_ins(client: Client, corp: IdentityProvider, ada: Person) -> None:
    people.deactivate_person(ada, actor=Actor("person", "olga@acme.example"))
    with pytest.raises(SignInRefused):
        sign_in(corp, claims())

    page = text_of(client.get(member_page(ada)))

    assert "Added and signed in" in page
    assert "person-deactivated" in page


# IdP group mappings


def test_mapping_is_drafted_previewed_and_applied(
    client: Client, corp: IdentityProvider, ada: Person
) -> None:
    auditor = sign_in_flow.role("Auditor")
    come_in(corp, given_groups=groups("Sales"))

    client.post(MAPPINGS, {"group": "Sales", "role": f"role:{auditor.pk}"})
    assert roles_of(ada) == []
    assert "1 draft:" in text_of(client.get(MAPPINGS))

    apply = f"{MAPPINGS}{corp.pk}/apply/"
    page = client.get(apply)
    assert "gains Auditor" in text_of(page)
    assert roles_of(ada) == []

    client.post(apply, {"seen": page.context["seen"]})
    assert roles_of(ada) == ["Auditor"]


def test_hint_to_custom_roles_is_shown_only_without_any(
    client: Client, corp: IdentityProvider
) -> None:
    assert "no custom roles yet" in text_of(client.get(MAPPINGS))

    sign_in_flow.role("Auditor")

    assert "no custom roles yet" not in text_of(client.get(MAPPINGS))


def test_outdated_preview_is_not_applied(
    client: Client, corp: IdentityProvider, ada: Person
) -> None:
    mappings.add_draft(
        corp, "Sales", sign_in_flow.role("Auditor"), author=Author(actor=Actor("person", "x"))
    )
    apply = f"{MAPPINGS}{corp.pk}/apply/"
    seen = client.get(apply).context["seen"]
    come_in(corp, given_groups=groups("Sales"))

    page = client.post(apply, {"seen": seen})

    assert "Something changed since you opened this page" in text_of(page)
    assert roles_of(ada) == []


def test_removal_can_be_canceled_and_discarded(client: Client, corp: IdentityProvider) -> None:
    made = sign_in_flow.mapping(corp, "Sales", Person.Role.ADMIN)
    toggle = f"{MAPPINGS}{made.pk}/remove/"

    client.post(toggle)
    assert "To be removed" in text_of(client.get(MAPPINGS))
    client.post(toggle)
    assert GroupMapping.objects.get().draft == ""
    client.post(toggle)
    client.post(f"{MAPPINGS}{corp.pk}/discard/")
    assert GroupMapping.objects.get().draft == ""


@pytest.mark.parametrize(
    ("typed", "how"),
    [
        ("sales team", "different capitalization"),
        ("Sales  Team", "different spaces"),
        ("salesteam", "different spaces and capitalization"),
        ("Sales Teams", "a similar name"),
    ],
)
def test_similar_group_names_are_suggested(
    client: Client, olga: Person, corp: IdentityProvider, typed: str, how: str
) -> None:
    come_in(corp, given_groups=groups("Sales Team", "Finance"))
    sign_in_flow.mapping(corp, typed, Person.Role.ADMIN)

    page = text_of(client.get(MAPPINGS))

    assert "No members of this group have been seen yet" in page
    assert f"<bdi>Sales Team</bdi></a>? ({how})" in page
    assert "<bdi>Finance</bdi></a>?" not in page


def test_mapping_shows_the_number_of_members(
    client: Client, olga: Person, corp: IdentityProvider
) -> None:
    come_in(corp, given_groups=groups("Sales"))
    come_in(corp, "bob", groups("Sales"))
    sign_in_flow.mapping(corp, "Sales", Person.Role.ADMIN)

    assert "2 people" in text_of(client.get(MAPPINGS))


@pytest.mark.parametrize(
    ("posted", "text"),
    [
        (
            {"group": "", "role": "BUSINESS_ADMIN"},
            "Enter the group name exactly as at the provider",
        ),
        ({"group": "Sales", "role": ""}, "This field is required"),
        ({"group": "Sales", "role": "GUEST_USER"}, "is not one of the available choices"),
        ({"group": "Sales", "role": "BUSINESS_OWNER"}, "Select the checkbox to confirm"),
    ],
    ids=str,
)
def test_invalid_mapping_is_explained(
    client: Client, corp: IdentityProvider, posted: dict[str, str], text: str
) -> None:
    assert text in text_of(client.post(MAPPINGS, posted))
    assert not GroupMapping.objects.exists()


def test_only_an_owner_can_map_to_owner(corp: IdentityProvider, olga: Person) -> None:
    admin = signed_in(core.administrator())
    owner = {"group": "Board", "role": "BUSINESS_OWNER", "is_owner_confirmed": "on"}

    assert "BUSINESS_OWNER" not in text_of(admin.get(MAPPINGS))
    assert admin.post(MAPPINGS, owner).status_code == 403
    assert not GroupMapping.objects.exists()

    signed_in(olga).post(MAPPINGS, owner)
    refused = admin.get(f"{MAPPINGS}{corp.pk}/apply/", follow=True)
    assert "You cannot grant or remove a role above your own" in text_of(refused)


# Provider log


def test_log_shows_the_reason_and_advice_of_each_attempt(
    client: Client, corp: IdentityProvider, ada: Person
) -> None:
    with pytest.raises(SignInRefused):
        sign_in(corp, claims("eve", email="ada@corp.example"))

    page = text_of(client.get(LOG))

    assert "email-taken" in page
    assert "or have them link it on their profile" in page
    assert "Roles from groups did not change" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("outcome=bad", {"eve"}),
        ("outcome=created", {"ada"}),
        ("outcome=warned", {"ada"}),
        ("q=eve", {"eve"}),
        ("q=Lovelace", {"ada"}),
        ("provider=password", set()),
        ("since=2020-01-01", {"ada", "eve"}),
        ("until=2020-01-01", set()),
        ("since=nonsense", {"ada", "eve"}),
    ],
)
def test_log_is_filtered(
    client: Client, corp: IdentityProvider, ada: Person, query: str, found: set[str]
) -> None:
    with pytest.raises(SignInRefused):
        sign_in(corp, claims("eve", email="eve@corp.example", is_email_verified=False))

    page = text_of(client.get(f"{LOG}?{query}"))

    assert {name for name in ("ada", "eve") if f"subject {name}" in page} == found


def test_log_links_to_the_request(client: Client, olga: Person) -> None:
    invited = core.person(state=Person.State.INVITED, password="correct horse")
    values = {"email": invited.email, "password": "correct horse"}
    assert Client().post("/sign-in/acme/", values).status_code == 302

    page = client.get(f"{LOG}?provider=password")

    request_id = SignInAttempt.objects.get().request_id
    address = f"/people/requests/{request_id}/"
    assert f'href="{address}"' in text_of(page)
    assert client.get(address).status_code == 200


def test_log_has_pages(client: Client, corp: IdentityProvider, ada: Person) -> None:
    for _ in range(55):
        come_in(corp)

    first = client.get(LOG)
    second = client.get(f"{LOG}?before={first.context['older_than']}")

    assert len(first.context["attempts"]) == 50
    assert len(second.context["attempts"]) == SignInAttempt.objects.count() - 50
    assert len(queries_of(client, LOG)) == len(queries_of(client, f"{LOG}?q=ada"))
