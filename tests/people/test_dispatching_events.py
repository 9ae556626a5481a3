"""Dispatching events …"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import current_app
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from people import events, operations, tasks, tenancy
from people.models import Event, Tenant
from people.values import Actor, Profile
from tests import make

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Post:
    """Takes what is delivered, and notes it."""

    def __init__(self) -> None:
        self.delivered: list[tuple[str, int]] = []

    def __call__(self, task: str, event_id: int) -> None:
        self.delivered.append((task, event_id))


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture(autouse=True)
def subscribers(settings: Settings) -> None:
    settings.EVENT_SUBSCRIBERS = {"person.added": ["greet", "count"]}


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """Note which events a task of ours was run for, and under which tenant."""
    ids: list[int] = []

    @current_app.task(name="greet")
    def greet(*, event_id: int, **_: Any) -> None:
        ids.append(event_id)

    @current_app.task(name="count")
    def count(**_: Any) -> None:
        pass

    yield ids
    for name in ("greet", "count"):
        current_app.tasks.unregister(name)


def add(email: str = "") -> Event:
    profile = Profile(given_name="Ada", family_name="L", email=email or f"{make.number()}@x.test")
    person = operations.add_person(profile, actor=OKTA)
    return person.events.get(kind=Event.Kind.PERSON_ADDED)


def test_tells_every_subscriber_of_each_event_oldest_first(tenant: Tenant, post: Post) -> None:
    first, second = add(), add()

    assert events.dispatch(deliver=post) == 2

    assert post.delivered == [
        (task, event.pk) for event in (first, second) for task in ("greet", "count")
    ]


def test_tells_them_once(tenant: Tenant, post: Post) -> None:
    add()
    events.dispatch(deliver=post)

    assert events.dispatch(deliver=post) == 0

    assert len(post.delivered) == 2
    assert not Event.objects.pending().exists()


def test_reaches_all_tenants(tenant: Tenant, post: Post) -> None:
    add()
    with make.in_another_tenant():
        add()

    assert events.dispatch(deliver=post) == 2


def test_takes_no_more_than_it_is_asked(tenant: Tenant, post: Post) -> None:
    for _ in range(3):
        add()

    assert events.dispatch(deliver=post, limit=2) == 2

    assert Event.objects.pending().count() == 1


def test_leaves_everything_pending_when_the_broker_fails(tenant: Tenant) -> None:
    add()

    def fail(task: str, event_id: int) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        events.dispatch(deliver=fail)

    assert Event.objects.pending().count() == 1


def test_goes_on_until_nothing_is_pending(
    tenant: Tenant, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        add()
    dispatch = events.dispatch
    monkeypatch.setattr(events, "dispatch", lambda: dispatch(deliver=post, limit=2))

    tasks.dispatch_events()

    assert len(post.delivered) == 10


def test_here_and_now_runs_the_tasks(tenant: Tenant, heard: list[int]) -> None:
    event = add()

    assert events.dispatch_all(as_of=NOW) == 1

    assert heard == [event.pk]


def test_is_asked_for_when_the_change_is_committed(
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    woken: list[bool] = []
    monkeypatch.setattr(events.waker, "wake", lambda: woken.append(True))

    with django_capture_on_commit_callbacks(execute=True):
        person = add().person
        assert person
        assert not woken
        operations.deactivate_person(person, actor=OKTA)

    assert woken == [True]


def test_leaves_the_tenant_in_force_as_it_was(tenant: Tenant, post: Post) -> None:
    add()

    events.dispatch(deliver=post)

    assert tenancy.current_id() == tenant.pk
