"""Translate exceptions into the errors that a SCIM client receives."""

import logging

from django.db import IntegrityError, OperationalError
from scim2_models import SCIMException

from people.db.constraints import constraint_of
from people.operations.person_fields import DuplicateEmail
from people.values import PeopleError
from scim.api.request import ScimRequest, Unavailable, UniquenessConflict

log = logging.getLogger(__name__)

Refusal = SCIMException | PeopleError


class Unexpected(SCIMException):
    status = 500

    def __init__(self, request: ScimRequest) -> None:
        super().__init__(
            detail=(
                "An internal error occurred. Contact Ramp with the request ID "
                f"{request.request_id}."
            )
        )


def refusal_for(request: ScimRequest, error: Exception) -> Refusal:
    """Return the error for the client; errors that a client cannot cause are logged."""
    match error:
        case SCIMException() | PeopleError():
            return error
        case OperationalError():
            log.error("The database did not answer request %s: %s", request.request_id, error)
            return Unavailable()
        case IntegrityError():
            match constraint_of(error):
                case "person_email_taken":
                    return DuplicateEmail()
                case "scim_user_name_taken" | "scim_user_of_person" as constraint:
                    return UniquenessConflict(constraint)
    log.error("Request %s failed.", request.request_id, exc_info=error)
    return Unexpected(request)
