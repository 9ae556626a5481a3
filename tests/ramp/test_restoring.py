"""After a restore from a backup …"""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from people import tenancy
from people.mail import signed_links
from people.mail.invite_links import invite_link
from people.models import ApiToken, Event, Installation, Invite, Mail, Person, Scope, Tenant
from people.operations import api_tokens, people, restores
from people.tasks import send_mails
from people.values import Actor, Profile
from tests.clients.pages import signed_in, text_of
from tests.conftest import StartServer
from tests.factories import core
from tests.services.db import connect
from tests.services.postgres_redis_smtp import Postgres, Smtp, as_ramp
from tests.services.process import within
from tests.services.server import ROOT, Server

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
DEFAULTS = ("--default-department", "Sales", "--default-location", "Rome")


@pytest.fixture
def tenant() -> Any:
    tenant = core.tenant()
    with tenancy.use(tenant):
        yield tenant


@pytest.fixture
def owner(tenant: Tenant) -> Person:
    return core.owner()


@pytest.fixture
def bob(owner: Person) -> Person:
    """Invite Bob; his mail waits in the backup."""
    profile = Profile(given_name="Bob", family_name="Babbage", email="bob@example.com")
    return people.add_person(profile, actor=OKTA)


def restored(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("restored", *arguments, "--yes", "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


class TestTheCommand:
    def test_asks_before_it_ends_anything(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", StringIO(""))

        with pytest.raises(CommandError, match="--yes"):
            call_command("restored")
        assert Installation.current().held_since is None

    def test_ends_sessions(self, owner: Person) -> None:
        client = signed_in(owner)
        assert client.get("/people/").status_code == 200

        restored()

        assert client.get("/people/").status_code == 302
        assert signed_in(owner).get("/people/").status_code == 200

    def test_ends_tokens(self, owner: Person) -> None:
        api_tokens.create_api_token(owner, "Export", scopes=[Scope.values[0]], actor=owner.actor)

        restored()

        assert not ApiToken.objects.active().exists()

    def test_keeps_tokens_if_told_to(self, owner: Person) -> None:
        api_tokens.create_api_token(owner, "Export", scopes=[Scope.values[0]], actor=owner.actor)

        restored("--keep-tokens")

        assert ApiToken.objects.active().exists()

    def test_ends_mailed_links(self, bob: Person) -> None:
        link = invite_link(Invite.objects.get(person=bob))
        path = link.removeprefix("http://127.0.0.1:8000")

        restored()

        token = path.strip("/").rpartition("/")[2]
        with pytest.raises(signed_links.ForgedLink):
            signed_links.unsign("invite", token)
        assert invite_link(Invite.objects.get(person=bob)) != link

    def test_holds_mails(self, bob: Person, smtp: Smtp) -> None:
        restored()

        send_mails.apply()

        assert smtp.received == []
        assert Mail.objects.waiting().count() == 1

    def test_refuses_to_run_what_is_due(self) -> None:
        restored()

        with pytest.raises(CommandError, match="restored --release"):
            call_command("run_due", stdout=StringIO())

    def test_tells_each_company(self, owner: Person) -> None:
        restored()

        event = Event.objects.get(kind=Event.Kind.ORGANIZATION_CHANGED)
        assert event.actor == "command:restored"
        assert "restored Ramp from a backup" in text_of(signed_in(owner).get("/audit-log/"))

    def test_says_what_waits(self, bob: Person) -> None:
        answer = restored()

        assert answer["mails"] == {"invite": 1}
        assert answer["held_since"]

    def test_ends_nothing_if_the_database_was_only_moved(self, owner: Person, bob: Person) -> None:
        client = signed_in(owner)
        Installation.objects.create(pk=Installation.ONLY, database="another server")
        with pytest.raises(restores.OtherDatabase):
            restores.check_database()

        assert restored("--moved")["held_since"] is None

        restores.check_database()
        assert client.get("/people/").status_code == 200


class TestTheRelease:
    def test_needs_a_decision_about_the_mails(self, bob: Person) -> None:
        restored()

        with pytest.raises(CommandError, match=r"1 invite\. .*--drop-mails or --send-mails"):
            restored("--release")
        assert Installation.current().held_since

    def test_drops_them(self, bob: Person, smtp: Smtp) -> None:
        restored()

        assert restored("--release", "--drop-mails")["held_since"] is None

        send_mails.apply()
        assert smtp.received == []
        assert "backup" in Mail.objects.get().problem

    def test_sends_them(self, bob: Person, smtp: Smtp) -> None:
        restored()

        restored("--release", "--send-mails")

        send_mails.apply()
        assert [mail.to for mail in smtp.received] == ["bob@example.com"]

    def test_sends_what_was_enqueued_since(self, bob: Person, smtp: Smtp) -> None:
        restored()
        profile = Profile(given_name="Eve", family_name="Eden", email="eve@example.com")
        people.add_person(profile, actor=OKTA)

        restored("--release", "--drop-mails")

        send_mails.apply()
        assert [mail.to for mail in smtp.received] == ["eve@example.com"]

    @pytest.mark.parametrize(
        "values", [["--drop-mails"], ["--send-mails"], ["--release", "--keep-tokens"]]
    )
    def test_refuses_options_that_do_not_belong_together(self, values: list[str]) -> None:
        with pytest.raises(CommandError, match="Nothing was changed"):
            restored(*values)

        assert not Installation.objects.exists()

    def test_is_refused_if_nothing_is_held(self) -> None:
        with pytest.raises(CommandError, match="nothing to release"):
            restored("--release")


def create_user(server: Server, token: str, name: str) -> int:
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "name": {"givenName": "Given", "familyName": "Family"},
        "emails": [{"value": name, "primary": True}],
        "active": True,
    }
    request = urllib.request.Request(
        f"{server.scim_url}/Users",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)


@pytest.mark.django_db(transaction=True)
def test_nothing_leaves_and_nobody_enters_until_the_release(
    start_server: StartServer, postgres: Postgres, smtp_service: Smtp
) -> None:
    """A backup is taken while mails wait; afterwards they are sent, and the token is replaced."""
    smtp_service.empty()
    smtp_service.verdict = "451 Try again later"
    settings = {"EMAIL_URL": smtp_service.url, "SECRET_KEY": "a key of the tests"}
    service = start_server("postgresql", "serve", **settings)
    acme = connect(service, "--incomplete", "fill", *DEFAULTS, provider="okta")
    for number in range(3):
        assert create_user(service, acme.token, f"person{number}@example.com") == 201
    url = postgres.dump_and_restore(service.database_url, "restored_copy")
    old = acme.token
    service.end()

    # The copy does not start by itself.
    environment = service.environment | {"DATABASE_URL": as_ramp(url)}
    refused = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "manage.py restored" in refused.stderr
    assert "Traceback" not in refused.stderr

    smtp_service.empty()
    service.database_url = url
    service.environment = environment
    service.manage("restored", "--yes")
    service.start()
    assert create_user(service, old, "late@example.com") == 401
    new = json.loads(service.manage("rotate_token", acme.tenant, "--json"))["token"]
    assert create_user(service, new, "new@example.com") == 201
    assert smtp_service.received == []

    service.manage("restored", "--release", "--drop-mails")

    within(60, lambda: bool(smtp_service.to("new@example.com")))
    assert {mail.to for mail in smtp_service.received} == {"new@example.com"}
