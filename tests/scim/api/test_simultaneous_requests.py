"""Simultaneous SCIM requests."""

from functools import partial
from itertools import count, cycle, islice

import pytest
from django.utils import timezone

from people.models import Department, Event, Invite, Location, Person
from scim.models import Connection, RequestLog, ScimGroup, ScimUser, SyncError
from tests.clients.scim import ENT, RAMP, Answer, Provider, mail, managed_by, someone
from tests.factories import core
from tests.scim.conftest import Connect
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 8
_rounds = count(1)


def simultaneous(number: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("racers", [number], indirect=True)


def spellings(text: str, number: int) -> list[str]:
    """Return this many spellings of the name, in different case."""
    return list(islice(cycle([text, text.upper(), text.title(), text.swapcase()]), number))


def statuses(answers: list[Answer]) -> list[int]:
    return sorted(answer.status for answer in answers)


def count_people() -> int:
    number: int = Person.objects.exclude(role=Person.Role.OWNER).count()
    return number


@simultaneous(20)
def test_identical_posts_create_one_person(scim: Provider, racers: Racers) -> None:
    bodies = [someone() | {"userName": name} for name in spellings("ada@example.com", 20)]

    answers = racers(*[partial(scim, "POST", "/Users", body) for body in bodies])

    assert statuses(answers) == [201] + [409] * 19
    refused = [answer for answer in answers if answer.status == 409]
    assert {answer.body["scimType"] for answer in refused} == {"uniqueness"}
    assert ScimUser.objects.count() == count_people() == Invite.objects.count() == 1
    assert Event.objects.filter(kind="person.added").count() == 1
    assert RequestLog.objects.count() == 20
    refusals = SyncError.objects.get()
    assert (refusals.reason, refusals.times) == ("uniqueness", 19)


@simultaneous(10)
def test_posts_with_the_same_external_id_all_succeed(scim: Provider, racers: Racers) -> None:
    bodies = [someone(f"p{number}", externalId="X-1") for number in range(10)]

    answers = racers(*[partial(scim, "POST", "/Users", body) for body in bodies])

    assert statuses(answers) == [201] * 10
    assert ScimUser.objects.count() == count_people() == 10


@simultaneous(10)
def test_posts_with_the_same_email_create_one_person(scim: Provider, racers: Racers) -> None:
    bodies = [someone() | {"userName": f"p{number}"} for number in range(10)]

    answers = racers(*[partial(scim, "POST", "/Users", body) for body in bodies])

    assert statuses(answers) == [201] + [400] * 9
    assert ScimUser.objects.count() == count_people() == 1
    assert SyncError.objects.filter(reason="duplicate-email").count() == 9


@simultaneous(6)
def test_posts_restore_a_deleted_user_once(scim: Provider, racers: Racers) -> None:
    for _ in range(3):
        name = f"ada{next(_rounds)}"
        scim_id = scim.add(name)
        scim("DELETE", f"/Users/{scim_id}")

        answers = racers(*[partial(scim, "POST", "/Users", someone(name))] * 6)

        assert statuses(answers) == [201] + [409] * 5
        [created] = [answer for answer in answers if answer.status == 201]
        assert created.id == scim_id
        assert Person.objects.get(email=f"{name}@example.com").is_active


@simultaneous(8)
def test_new_department_and_location_are_created_once(scim: Provider, racers: Racers) -> None:
    cases = zip(spellings("legal", 8), spellings("rome", 8), strict=True)
    bodies = [
        someone(f"p{number}", **{ENT: {"department": department}, RAMP: {"location": location}})
        for number, (department, location) in enumerate(cases)
    ]

    answers = racers(*[partial(scim, "POST", "/Users", body) for body in bodies])

    assert statuses(answers) == [201] * 8
    assert Department.objects.get().people.count() == Location.objects.get().people.count() == 8


@simultaneous(2)
def test_two_connections_create_one_person(connect: Connect, racers: Racers) -> None:
    okta, entra = connect(), connect("entra")
    for _ in range(ROUNDS):
        sent = someone(f"ada{next(_rounds)}")

        answers = racers(
            partial(okta, "POST", "/Users", sent), partial(entra, "POST", "/Users", sent)
        )

        assert statuses(answers) == [201, 400]
        assert Person.objects.get(email=sent["emails"][0]["value"]).scim_users.count() == 1


@simultaneous(2)
def test_two_connections_link_an_existing_person_once(connect: Connect, racers: Racers) -> None:
    okta, entra = connect(), connect("entra")
    for _ in range(ROUNDS):
        sent = someone(f"ada{next(_rounds)}")
        ada = core.person(email=sent["emails"][0]["value"])

        answers = racers(
            partial(okta, "POST", "/Users", sent), partial(entra, "POST", "/Users", sent)
        )

        assert statuses(answers) == [201, 400]
        assert ada.scim_users.count() == 1


@pytest.mark.parametrize("racers", [2, 3], ids=["pairs", "triangles"], indirect=True)
def test_manager_changes_cannot_close_a_circle(scim: Provider, racers: Racers) -> None:
    for _ in range(ROUNDS):
        ring = [scim.add(f"p{next(_rounds)}") for _ in range(racers.number)]
        bosses = [*ring[1:], ring[0]]

        answers = racers(
            *[
                partial(scim.replace, report, f"{ENT}:manager", boss)
                for report, boss in zip(ring, bosses, strict=True)
            ]
        )

        assert statuses(answers) == [200] * (racers.number - 1) + [400]
        chosen = Person.objects.filter(scim_users__scim_id__in=ring)
        assert chosen.filter(manager=None).count() == 1
        assert SyncError.objects.filter(reason="circular-manager").count() == 1
        SyncError.objects.all().delete()


@simultaneous(6)
def test_changes_of_different_attributes_are_all_stored(scim: Provider, racers: Racers) -> None:
    scim_id = scim.add()
    changes = {
        "title": "Countess",
        "nickName": "A",
        "name.familyName": "King",
        f"{ENT}:department": "Legal",
        "locale": "en-GB",
        f"{RAMP}:location": "Rome",
    }

    answers = racers(
        *[partial(scim.replace, scim_id, path, value) for path, value in changes.items()]
    )

    assert statuses(answers) == [200] * 6
    text = scim.read(scim_id)
    assert (text["title"], text["nickName"], text["locale"]) == ("Countess", "A", "en-GB")
    assert text["name"] == {"givenName": "Ada", "familyName": "King"}
    assert (text[ENT]["department"], text[RAMP]["location"]) == ("Legal", "Rome")
    assert text["meta"]["version"] == 'W/"7"'
    profile = Person.objects.get(email="ada@example.com").profile
    assert (profile.family_name, profile.department, profile.location) == ("King", "Legal", "Rome")


@simultaneous(8)
def test_only_one_change_of_the_same_version_succeeds(scim: Provider, racers: Racers) -> None:
    scim_id = scim.add()
    change = {"op": "replace", "path": "title"}

    answers = racers(
        *[
            partial(scim.patch, scim_id, change | {"value": f"t{number}"}, If_Match='W/"1"')
            for number in range(8)
        ]
    )

    assert statuses(answers) == [200] + [412] * 7


@simultaneous(2)
def test_user_name_is_given_to_one_user(scim: Provider, racers: Racers) -> None:
    for _ in range(ROUNDS):
        name = f"new{next(_rounds)}"
        pair = [scim.add(f"p{next(_rounds)}") for _ in range(2)]

        answers = racers(*[partial(scim.replace, scim_id, "userName", name) for scim_id in pair])

        assert statuses(answers) == [200, 409]
        assert ScimUser.objects.filter(user_name_key=name).count() == 1


@simultaneous(2)
def test_last_owner_cannot_be_deactivated(scim: Provider, racers: Racers) -> None:
    Connection.objects.update(may_assign_owner=True)
    for _ in range(ROUNDS):
        Person.objects.update(role=Person.Role.CARDHOLDER)
        pair = [scim.add(f"p{next(_rounds)}", roles="BUSINESS_OWNER") for _ in range(2)]
        Person.objects.filter(role=Person.Role.OWNER).update(
            state=Person.State.ACTIVE, joined_at=timezone.now()
        )

        answers = racers(
            partial(scim.replace, pair[0], "active", value=False),
            partial(scim, "DELETE", f"/Users/{pair[1]}"),
        )

        assert statuses(answers)[1] == 403
        assert Person.objects.active_owners().count() == 1
        assert SyncError.objects.get().reason == "last-owner"
        SyncError.objects.all().delete()


@simultaneous(8)
def test_all_new_members_of_a_group_are_stored(scim: Provider, racers: Racers) -> None:
    ids = [scim.add(f"p{number}") for number in range(8)]
    path = f"/Groups/{scim.add_group('Editors')}"
    bodies = [
        {"Operations": [{"op": "add", "path": "members", "value": [{"value": scim_id}]}]}
        for scim_id in ids
    ]

    answers = racers(*[partial(scim, "PATCH", path, body) for body in bodies])

    assert statuses(answers) == [204] * 8
    assert ScimGroup.objects.get().members.count() == 8


@simultaneous(2)
def test_deactivation_and_reactivation_leave_a_consistent_state(
    scim: Provider, racers: Racers
) -> None:
    scim_id = scim.add()
    for _ in range(ROUNDS):
        answers = racers(
            *[partial(scim.replace, scim_id, "active", value=value) for value in (False, True)]
        )

        assert statuses(answers) == [200, 200]
        ada = Person.objects.get(email="ada@example.com")
        assert scim.read(scim_id)["active"] is ada.is_active
        assert Invite.objects.open().count() == int(ada.is_active)


@simultaneous(2)
def test_manager_and_report_can_be_created_together(scim: Provider, racers: Racers) -> None:
    for _ in range(ROUNDS):
        boss, report = f"b{next(_rounds)}", f"r{next(_rounds)}"

        answers = racers(
            partial(scim, "POST", "/Users", someone(report, **managed_by(f"{boss}@example.com"))),
            partial(scim, "POST", "/Users", someone(boss)),
        )

        assert statuses(answers) == [201, 201]


@simultaneous(2)
def test_delete_and_update_cause_no_server_error(scim: Provider, racers: Racers) -> None:
    for _ in range(ROUNDS):
        scim_id = scim.add(f"p{next(_rounds)}")

        answers = racers(
            partial(scim, "DELETE", f"/Users/{scim_id}"),
            partial(scim.replace, scim_id, "title", "Countess"),
        )

        assert statuses(answers) in ([200, 204], [204, 404])
        assert scim("GET", f"/Users/{scim_id}").status == 404


@simultaneous(2)
@pytest.mark.parametrize(("provider", "second"), [("okta", 400), ("generic", 200)])
def test_email_is_given_to_one_person(
    connect: Connect, racers: Racers, provider: str, second: int
) -> None:
    scim = connect(provider)
    for _ in range(ROUNDS):
        pair = [scim.add(f"p{next(_rounds)}") for _ in range(2)]
        wanted = f"new{next(_rounds)}@example.com"

        answers = racers(
            *[partial(scim.replace, scim_id, "emails", [mail(wanted)]) for scim_id in pair]
        )

        # A connection that holds stores the second value and lists it.
        assert statuses(answers) == [200, second]
        assert Person.objects.filter(email=wanted).count() == 1
        assert SyncError.objects.open().get().reason == "duplicate-email"
        SyncError.objects.all().delete()
