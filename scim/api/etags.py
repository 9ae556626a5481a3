"""Conditional requests, RFC 7644 section 3.14 and RFC 9110 section 13.1."""

from django.utils.http import parse_etags
from scim2_models import PreconditionFailedException

from scim.api.request import ScimRequest


def check_match(request: ScimRequest, version: int) -> None:
    """Check the If-Match header, if the client sends one.

    RFC 9110 section 13.1.1 requires a strong comparison for If-Match. The comparison here is weak,
    because ETags are weak in the examples of RFC 7644 section 3.14, and in ours.

    :raises PreconditionFailedException: if the header names other versions only.
    """
    if request.if_match and not _matches(request.if_match, version):
        raise PreconditionFailedException(
            detail="The resource has changed since you read it. Read it again first."
        )


def is_known(request: ScimRequest, version: int) -> bool:
    """Tell whether the If-None-Match header names this version."""
    known = request.http.META.get("HTTP_IF_NONE_MATCH")
    return bool(known) and _matches(known or "", version)


def _matches(header: str, version: int) -> bool:
    tags = parse_etags(header)
    return "*" in tags or f'"{version}"' in {tag.removeprefix("W/") for tag in tags}
