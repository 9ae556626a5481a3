"""The errors of the API in its OpenAPI schema."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from people.api.pagination import INVALID_CURSOR
from people.api.query_params import EMPTY_VALUE
from people.api.serializers import ErrorSerializer

WHERE: Final = "on the API tokens page of Ramp."


@dataclass(frozen=True)
class ApiError:
    """The status of an error, and an example of its message."""

    status: int
    message: str
    # The parameter that the message concerns.
    field: str = ""

    def body(self, code: str) -> dict[str, Any]:
        if not self.field:
            return {"code": code, "message": self.message}
        message = f"{self.field}: {self.message}"
        return {"code": code, "message": message, "fields": {self.field: self.message}}

    def example(self, code: str) -> OpenApiExample:
        return OpenApiExample(
            code, value=self.body(code), response_only=True, status_codes=[self.status]
        )


# The codes in the table of docs/api.md, and the codes of docs/errors.md that an operation raises.
ERRORS: Final = {
    "invalid": ApiError(400, "Unknown query parameter. This endpoint takes none.", field="tenant"),
    "parse-error": ApiError(400, "The request body cannot be read: it is empty."),
    "authentication-failed": ApiError(
        401,
        f"Send a valid token as “Authorization: Bearer …”. Administrators create tokens {WHERE}",
    ),
    "token-expired": ApiError(
        401, f"This token expired on 2026-11-30 10:00 UTC. Create a new one {WHERE}"
    ),
    "permission-denied": ApiError(403, "The owner of this token is no longer an administrator."),
    "insufficient-scope": ApiError(
        403,
        f"This request needs a token with the scope people:read. Create one {WHERE}",
    ),
    "person-above-rank": ApiError(
        403, "Olga Owner is an Owner, so only an Owner can change this account."
    ),
    "not-found": ApiError(404, "Not found."),
    "terminated": ApiError(
        409, "Ada Lovelace was terminated, which cannot be undone. Add them as a new person."
    ),
    "last-owner": ApiError(
        409, "Olga Owner is the last active Owner. Make another person Owner first."
    ),
    "last-administrator": ApiError(
        409,
        "Alan Turing is the last administrator of this company. Give another person the role "
        "Owner, Admin or IT Admin first.",
    ),
    "no-address": ApiError(
        409,
        "The email address of Ada Lovelace now belongs to another person. Change their address "
        "first, then reactivate them.",
    ),
    "idempotency-key-reused": ApiError(
        409,
        "This Idempotency-Key was used for another purchase. Use a new key for a new purchase.",
    ),
    "too-large": ApiError(413, "The request body is too large. Send less data."),
    "unsupported-media-type": ApiError(415, "Unsupported media type “text/plain” in request."),
    "throttled": ApiError(429, "Request was throttled. Expected available in 12 seconds."),
    "unavailable": ApiError(
        503, "Ramp is temporarily unavailable. Nothing was changed. Try again."
    ),
}
DESCRIPTIONS: Final = {
    400: "The request contains invalid values, or parameters that the operation does not know.",
    401: "The token is missing, unknown, revoked or expired.",
    403: "The token or its person may not do this.",
    404: "Your company has no object with this id.",
    409: "A rule forbids the change.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    429: "The rate limit was reached.",
    503: "The database did not answer. Nothing was changed.",
}
# What every operation may answer: each checks its query parameters and the token.
GENERAL: Final = (
    *("invalid", "authentication-failed", "token-expired"),
    *("permission-denied", "insufficient-scope", "throttled", "unavailable"),
)
# What an operation may answer that reads a body.
BODY: Final = ("parse-error", "too-large", "unsupported-media-type")
# The headers of error responses, by status.
WAIT: Final = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "Wait this number of seconds."}
}
CHALLENGE: Final = {
    "WWW-Authenticate": {"schema": {"type": "string"}, "description": "Names the scheme, Bearer."}
}
SCOPES: Final = {
    "WWW-Authenticate": {
        "schema": {"type": "string"},
        "description": "With insufficient-scope: the scopes of which the token needs one.",
    }
}
HEADERS: Final = {"401": CHALLENGE, "403": SCOPES, "429": WAIT, "503": WAIT}
# The codes of operations that do not list theirs.
USUAL: Final = {404: ("not-found",), 413: BODY, 415: BODY}


def refusals(
    *statuses: int, codes: tuple[str, ...] = (), is_limited: bool = True
) -> dict[int, OpenApiResponse]:
    """Return the schema of error responses: these statuses and codes, and those of every view.

    :param is_limited: whether the rate limit applies to the operation.
    """
    examples: dict[int, list[OpenApiExample]] = defaultdict(list)
    for status in statuses:
        examples[status] = []
    listed = [code for status in statuses for code in USUAL.get(status, ())]
    for code in dict.fromkeys((*GENERAL, *listed, *codes)):
        if is_limited or code != "throttled":
            examples[ERRORS[code].status].append(ERRORS[code].example(code))
    return {
        status: OpenApiResponse(ErrorSerializer, DESCRIPTIONS[status], examples=examples[status])
        for status in sorted(examples)
    }


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add what drf-spectacular cannot say for all operations at once, to its finished schema."""
    for item in result["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    row = parameter["name"].removesuffix("_id")
                    parameter["description"] = f"The id of the {row}."
            responses = operation["responses"]
            for status, response in responses.items():
                response["description"] = response["description"] or "The request succeeded."
                if status in HEADERS:
                    response["headers"] = HEADERS[status]
            _add_parameter_errors(operation, responses["400"])
    bodies = result["components"]["schemas"]
    for name in ("DeactivationReasonRequest", "PurchaseRequest"):
        bodies[name]["additionalProperties"] = False
    # A serializer cannot say that exactly one of two fields is required. Generators would make two
    # classes of `oneOf`.
    bodies["PurchaseRequest"] |= {
        "if": {"required": ["card"]},
        "then": {"not": {"required": ["fund"]}},
        "else": {"required": ["fund"]},
    }
    return result


def _add_parameter_errors(operation: dict[str, Any], response: dict[str, Any]) -> None:
    """Show how the operation refuses each kind of wrong query parameter."""
    parameters = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    if "page_size" not in parameters:
        return
    filters = [name for name in parameters if name not in ("cursor", "page_size")]
    wrong = {"page_size": "Send an integer greater than 0.", "cursor": INVALID_CURSOR}
    wrong |= dict.fromkeys(filters[:1], EMPTY_VALUE)
    # Instead of the example of an operation without parameters.
    shown = response["content"]["application/json"]["examples"] = {}
    for name, message in wrong.items():
        body = ApiError(400, message, field=name).body("invalid")
        shown[f"Invalid {name}"] = {"value": body, "summary": f"invalid: {name}"}
