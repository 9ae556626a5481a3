"""Requests and results that the groups and the roles of Keycloak's directory share."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from provisioning.directory.api import Api, Json, objects, segment, text
from provisioning.directory.base import PAGE, AccountProblem, DirectoryPerson, Page, start_of

# Limits for the subgroups of one page of groups.
MAX_REQUESTS: Final = 50
MAX_SUBGROUPS: Final = 500


def with_subgroups(api: Api, groups: Iterable[Json], *, is_searched: bool) -> Iterator[Json]:
    """Yield each group and its subgroups, at all levels."""
    waiting = list(groups)[::-1]
    requests = 0
    while waiting:
        group = waiting.pop()
        yield group
        inner, count = objects(group.get("subGroups")), group.get("subGroupCount")
        # Since version 23, only a search returns subgroups together with their group.
        is_short = isinstance(count, int) and count > len(inner) and not is_searched
        if is_short and requests < MAX_REQUESTS:
            requests += 1
            path = f"/groups/{segment(text(group, 'id'))}/children"
            inner = objects(api.json(path, first=0, max=MAX_SUBGROUPS))
        waiting += inner[::-1]


def parameters(sought: str, after: str) -> dict[str, str | int]:
    first = start_of(after)
    return {"first": first, "max": PAGE + 1} | ({"search": sought} if sought else {})


def page_of(answer: Any, after: str, how: Any) -> Page[Any]:
    found = objects(answer)
    first = start_of(after)
    following = str(first + PAGE) if len(found) > PAGE else ""
    return Page([how(one) for one in found[:PAGE]], following)


def person_of(answer: Json) -> DirectoryPerson:
    name = f"{text(answer, 'firstName')} {text(answer, 'lastName')}".strip()
    return DirectoryPerson(
        id=text(answer, "id"),
        name=name or text(answer, "username"),
        email=text(answer, "email"),
        login=text(answer, "username"),
        problem=AccountProblem.DISABLED if answer.get("enabled") is False else "",
    )
