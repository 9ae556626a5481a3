"""An administrator on the pages that set a connection up, and the provider that answers."""

import re
from contextvars import copy_context
from typing import Any

from django.test import Client
from django.utils import timezone

from people import events, tenancy
from people.models import Person
from people.tokens import token_digest
from scim.jobs import initial_import, match_report
from scim.models import Connection, ScimUser, Token
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider


class Wizard:
    """Goes through the steps of one provider as somebody."""

    def __init__(self, person: Person, provider: str = "okta") -> None:
        self.client: Client = signed_in(person)
        self.provider = provider

    def address(self, step: str = "") -> str:
        return f"/integrations/{self.provider}/setup/{step and f'{step}/'}"

    def get(self, step: str, **query: Any) -> str:
        response = self.client.get(self.address(step), query)
        assert response.status_code == 200, response
        return text_of(response)

    def post(self, step: str, **values: Any) -> Any:
        return self.client.post(self.address(step), values)

    def make_token(self, **values: Any) -> str:
        """Start, or make a new token, and return the one that is shown."""
        return shown_token(self.post("token", after=newest(), **values))

    def connect(self, **values: Any) -> Provider:
        """Start, and return the provider with the token that was shown."""
        token = self.make_token(**values)
        with tenancy.across_tenants():
            return Holder(Token.objects.get(digest=token_digest(token)).connection, token)

    def choose(self, **values: Any) -> Any:
        return self.client.post(self.address("review/choose"), values, follow=True)

    def activate(self) -> None:
        """Click, and have the jobs done."""
        assert self.post("activate").status_code == 302
        run_jobs()


class Holder(Provider):
    """A provider that was given its token by hand."""

    def __init__(self, connection: Connection, token: str) -> None:
        self.connection, self.token = connection, token


def shown_token(response: Any) -> str:
    found = re.search(r'id="token"[^>]*value="([^"]+)"', response.content.decode())
    assert found, response
    return found[1]


def newest() -> int:
    return Token.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def run_jobs() -> None:
    """Do what a worker would do, without the tenant of whoever clicked."""

    def work() -> None:
        initial_import.import_batch(initial_import.unfinished_connections(), seconds=60)
        events.dispatch_all(as_of=timezone.now())

    copy_context().run(work)


def outcomes(connection: Connection) -> dict[str, str]:
    """Return what becomes of each resource, by its userName before the @."""
    names = dict(ScimUser.objects.values_list("pk", "scim_username"))
    return {
        names[one.user_id].partition("@")[0]: str(one.outcome)
        for one in match_report.report(connection).results
    }
