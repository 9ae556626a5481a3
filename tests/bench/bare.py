"""The bare view: what this stack can do when nothing is asked of it but SCIM's wire format.

A Django view with no middleware and no ORM, one SQL statement a request on a persistent
connection, a stored JSON document answered as it is. It checks nothing, keeps no history and
has no tenants: it is the reference that ours is measured against.

    BENCH_DATABASE=postgres://… granian --interface wsgi tests.bench.bare:application
"""

import json
import os
import re
from functools import cache
from typing import Any
from uuid import uuid4

import django
import psycopg
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="nothing here is secret",
    MIDDLEWARE=[],
    USE_TZ=True,
)

INSERT = "INSERT INTO bare (id, user_name, external_id, document) VALUES (%s, %s, %s, %s)"
GET = "SELECT document::text FROM bare WHERE id = %s"
FIND = {
    "userName": "SELECT document::text FROM bare WHERE user_name = lower(%s)",
    "externalId": "SELECT document::text FROM bare WHERE external_id = %s",
}
PUT = "UPDATE bare SET user_name = %s, external_id = %s, document = %s WHERE id = %s RETURNING 1"
DELETE = "DELETE FROM bare WHERE id = %s RETURNING 1"
PAGE = """
    SELECT document::text, (SELECT count(*) FROM bare)
    FROM bare ORDER BY seq OFFSET %s LIMIT %s
"""
FILTER = re.compile(r'(\w+) eq "(.*)"')
NOT_FOUND = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"}
LIST = '{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":%d,'


def users(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _create(request)
    if "filter" in request.GET:
        return _find(request.GET["filter"])
    return _page(int(request.GET.get("startIndex", 1)), int(request.GET.get("count", 100)))


def user(request: HttpRequest, user_id: str) -> HttpResponse:
    match request.method:
        case "PUT":
            return _put(request, user_id)
        case "PATCH":
            return _patch(request, user_id)
        case "DELETE":
            return _answer("", 204) if _one(DELETE, user_id) else _missing()
    return _found(_one(GET, user_id))


urlpatterns = [
    path("scim/v2/Users", users),
    path("scim/v2/Users/<uuid:user_id>", user),
    path("scim/v2/Users/<str:user_id>", lambda request, user_id: _missing()),
]


def _create(request: HttpRequest) -> HttpResponse:
    body, user_id = json.loads(request.body), str(uuid4())
    document = stored(body, user_id)
    _connection().execute(INSERT, [user_id, *_keys(body), document])
    return _answer(document, 201)


def _find(text: str) -> HttpResponse:
    found = FILTER.fullmatch(text)
    assert found, "the load asks for nothing else"
    row = _one(FIND[found[1]], found[2])
    return _list([row[0]] if row else [], 1 if row else 0, 1)


def _page(start: int, count: int) -> HttpResponse:
    rows = _connection().execute(PAGE, [start - 1, count]).fetchall()
    return _list([document for document, _ in rows], rows[0][1] if rows else 0, start)


def _put(request: HttpRequest, user_id: str) -> HttpResponse:
    body = json.loads(request.body)
    document = stored(body, str(user_id))
    return _answer(document) if _one(PUT, *_keys(body), document, user_id) else _missing()


def _patch(request: HttpRequest, user_id: str) -> HttpResponse:
    """Set each path, in one statement however many there are."""
    expression, values = "document::jsonb", list[Any]()
    for operation in json.loads(request.body)["Operations"]:
        expression = f"jsonb_set({expression}, %s, %s)"
        values += [_steps(operation["path"]), json.dumps(operation["value"])]
    statement = f"UPDATE bare SET document = {expression} WHERE id = %s RETURNING document::text"  # noqa: S608
    return _found(_one(statement, *values, user_id))


def _steps(scim_path: str) -> list[str]:
    """Split a path into keys: what follows a URN's last colon is an attribute of it."""
    urn, colon, attribute = scim_path.rpartition(":")
    return [urn, attribute] if colon else attribute.split(".")


def stored(body: dict[str, Any], user_id: str) -> str:
    """Return the document as it is kept and answered: what was sent, its id and its meta."""
    meta = {
        "resourceType": "User",
        "created": "2026-01-01T00:00:00.000000Z",
        "lastModified": "2026-01-01T00:00:00.000000Z",
        "location": f"http://127.0.0.1:8000/scim/v2/Users/{user_id}",
        "version": 'W/"1"',
    }
    return json.dumps(body | {"id": user_id, "meta": meta}, ensure_ascii=False)


def _keys(body: dict[str, Any]) -> tuple[str, str]:
    return body["userName"].lower(), body.get("externalId", "")


def _one(statement: str, *values: Any) -> tuple[Any, ...] | None:
    return _connection().execute(statement, values).fetchone()


@cache
def _connection() -> psycopg.Connection:
    return psycopg.connect(os.environ["BENCH_DATABASE"], autocommit=True)


def _found(row: tuple[Any, ...] | None) -> HttpResponse:
    return _answer(row[0]) if row else _missing()


def _list(documents: list[str], total: int, start: int) -> HttpResponse:
    page = f'"startIndex":{start},"itemsPerPage":{len(documents)},"Resources":['
    return _answer(LIST % total + page + ",".join(documents) + "]}")


def _missing() -> HttpResponse:
    return _answer(json.dumps(NOT_FOUND), 404)


def _answer(document: str, status: int = 200) -> HttpResponse:
    return HttpResponse(document, status=status, content_type="application/scim+json")


django.setup()
application = WSGIHandler()
