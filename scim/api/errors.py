"""What a request that failed is refused for."""

import logging

from django.db import IntegrityError, OperationalError
from scim2_models import SCIMException

from people.operations.person_fields import DuplicateEmail
from people.values import PeopleError
from scim.api.request import Call, Taken, Unavailable

log = logging.getLogger(__name__)

Refusal = SCIMException | PeopleError


class Unexpected(SCIMException):
    status = 500

    def __init__(self, call: Call) -> None:
        super().__init__(
            detail=(
                f"An internal error occurred. Contact Ramp with the request ID {call.request_id}."
            )
        )


def refusal_for(call: Call, error: Exception) -> Refusal:
    """Return what the client is told about the error; what it cannot cause is logged."""
    match error:
        case SCIMException() | PeopleError():
            return error
        case IntegrityError() if "scim_" in str(error):
            # What must be unique in our tables is what the provider gave.
            return Taken(str(error))
        case IntegrityError() if "email" in str(error):
            return DuplicateEmail()
        case OperationalError():
            log.error("The database did not answer request %s: %s", call.request_id, error)
            return Unavailable()
    log.error("Request %s failed.", call.request_id, exc_info=error)
    return Unexpected(call)
