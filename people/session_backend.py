"""Ends sessions: a session is valid only while its person is active and has the same epoch."""

from typing import Final
from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from people import tenancy
from people.models import Person

# The key of a session that began with a second factor, or at a provider that decides about it.
HAS_SECOND_FACTOR: Final = "has_second_factor"


class SessionBackend(BaseBackend):
    """Loads the current row of the session's person with every request.

    Django compares the session's hash, which includes the session epoch, with this row. So a
    deactivation or a new epoch ends a session at its next request.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: str) -> None:
        """Sign nobody in: the sign-in pages authenticate people themselves."""

    def get_user(self, user_id: UUID | str) -> Person | None:
        # The session belongs to a person, who then tells the tenant.
        with tenancy.across_tenants():
            people = Person.objects.select_related("tenant", "account_settings").filter(
                tenant__is_sandbox=False
            )
            person = people.filter(pk=user_id).first()
        return person if person and person.is_active and person.tenant.is_active else None
