"""What a refusal looks like, and where it is remembered."""

from scim.models import RequestLog
from tests.clients.scim import Answer


def assert_refused(answer: Answer, status: int, scim_type: str | None, *words: str) -> None:
    """See that it is told as RFC 7644 section 3.12 wants it, and is in the request log."""
    assert (answer.status, answer.body.get("scimType")) == (status, scim_type), answer.content
    assert answer.headers["Content-Type"] == "application/scim+json"
    assert set(answer.body) <= {"schemas", "status", "scimType", "detail"}
    for word in words:
        assert word in answer.detail
    row = RequestLog.objects.get(pk=answer.request_id)
    assert (row.status, row.answer) == (status, answer.content.decode())
