"""Finds a claim by its name, or by a path such as `realm_access.roles`."""

from typing import Any


def value_at(claims: Any, path: str) -> Any:
    """Return the claim with that name, or the value at that dotted path; None if there is none.

    A name may contain dots itself, such as Auth0's `https://acme.example/groups`, so longer names
    are tried first. In a list of objects, the path continues in each of them: `groups.name`.
    """
    if isinstance(claims, list):
        found = [value_at(one, path) for one in claims]
        return None if found and all(one is None for one in found) else found
    if not isinstance(claims, dict):
        return None
    if path in claims:
        return claims[path]
    name, dot, _ = path.rpartition(".")
    while dot:
        if isinstance(claims.get(name), dict | list):
            inner = value_at(claims[name], path[len(name) + 1 :])
            if inner is not None:
                return inner
        name, dot, _ = name.rpartition(".")
    return None
