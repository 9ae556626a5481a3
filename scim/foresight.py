"""What a write is about to ask of the database, asked in one journey.

A journey costs more than the answer to most questions. Whose token it is, the provider has
told before, and the body tells what will be looked up; whoever looks it up finds the answer
there. A guess that was wrong costs nothing: what was not foreseen is asked for then.
"""

from collections.abc import Iterator
from itertools import islice

from scim2_models import SCIMException

from people import operations
from people.db import prepared_statements
from people.db.prepared_statements import Question
from scim import credentials, dialects, hot_paths, managers
from scim.attributes import ACTIVE, ENTERPRISE, USER
from scim.canonical import canonical
from scim.credentials import Opened
from scim.dialects import Operation
from scim.mapping import profile_of
from scim.protocol import Call
from scim.strict_json import Json

# So many at once; a strange body may ask the same thing in a hundred ways.
MOST = 4
DEPARTMENT = ENTERPRISE.attribute("department")


def look_ahead(call: Call) -> None:
    """Ask what the call will ask, unless its token or its body is not understood.

    Then nothing is foreseen, so that whoever has a wrong token hears of that before all else.
    """
    try:
        opened = credentials.opened_before(call.token_digest)
        asked = dict.fromkeys(_questions(call, opened)) if opened else {}
    except SCIMException:
        return
    if len(asked) > 1:
        prepared_statements.ask_ahead(*islice(asked, MOST))


def _questions(call: Call, opened: Opened) -> Iterator[Question]:
    if call.method == "POST":
        call.meaning = canonical(call.document, USER)
        yield from _about_newcomer(call, call.meaning, opened)
        return
    yield hot_paths.door_question(call, call.path.removeprefix("Users/"), holds=False)
    match call.method:
        case "PATCH":
            call.meaning = dialects.operations(call.document, USER)
            for change in call.meaning:
                yield from _about_change(change, opened)
        case "PUT" if isinstance(call.document, dict) and call.document.get("active") is False:
            yield operations.days_question(opened.tenant_id)
        case "DELETE":
            yield operations.days_question(opened.tenant_id)


def _about_newcomer(call: Call, document: Json, opened: Opened) -> Iterator[Question]:
    said = profile_of(document, {})
    yield credentials.question(call.token_digest)
    yield hot_paths.place_question(opened.connection_id, document)
    if said.manager:
        yield managers.question(opened.connection_id, said.manager)
    places = said.profile.department, said.profile.location
    yield operations.places_question(*places, opened.tenant_id)


def _about_change(change: Operation, opened: Opened) -> Iterator[Question]:
    if change.target.attribute is ACTIVE:
        yield operations.days_question(opened.tenant_id)
    elif change.target.attribute is DEPARTMENT and isinstance(change.value, str):
        yield operations.places_question(change.value, "", opened.tenant_id)
