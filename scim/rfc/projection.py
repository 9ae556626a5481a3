"""The parameters `attributes` and `excludedAttributes` (RFC 7644 section 3.9).

Unknown names are ignored, because clients send the same parameters to different servers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, Union

from scim2_models import InvalidPathException, InvalidValueException

from scim.rfc.paths import Target, resolve
from scim.rfc.schema import ResourceType
from scim.rfc.strict_json import Json

Tree: TypeAlias = dict[str, Union["Tree", None]]

ALWAYS = ("schemas", "id")


@dataclass(frozen=True)
class Projection:
    """The attributes to keep or to omit, as a tree of names in lower case.

    None below a name means the whole attribute.
    """

    tree: Tree
    is_exclusion: bool

    def shows(self, name: str) -> bool:
        """Tell whether the response may contain the attribute, so that it has to be read."""
        if self.is_exclusion:
            return self.tree.get(name.lower(), {}) is not None
        return name.lower() in self.tree

    def of(self, resource: Json) -> Json:
        """Return the requested attributes of the resource."""
        always = {name: resource[name] for name in ALWAYS if name in resource}
        cut = _without if self.is_exclusion else _only
        return always | cut(resource, self.tree)


def projection(
    attributes: Sequence[str], excluded: Sequence[str], resource: ResourceType
) -> Projection | None:
    """Return the projection of the two parameters, or None if both are empty.

    :raises InvalidValueException: if both are given.
    """
    if attributes and excluded:
        raise InvalidValueException(detail="Send “attributes” or “excludedAttributes”, not both.")
    if attributes:
        return Projection(_tree(attributes, resource), is_exclusion=False)
    if excluded:
        return Projection(_tree(excluded, resource), is_exclusion=True)
    return None


def _tree(names: Sequence[str], resource: ResourceType) -> Tree:
    tree: Tree = {}
    for name in names:
        try:
            target = resolve(name.strip(), resource)
        except InvalidPathException:
            # See the docstring of the module.
            continue
        for steps in _steps(target, resource):
            _insert(tree, steps)
    return tree


def _steps(target: Target, resource: ResourceType) -> list[list[str]]:
    if target.schema is resource.core:
        return [[attribute.name] for attribute in resource.core.attributes]
    path = [target.schema.urn] if target.schema else []
    path += [one.name for one in (target.attribute, target.part) if one is not None]
    return [path]


def _insert(tree: Tree, steps: list[str]) -> None:
    *above, last = [step.lower() for step in steps]
    for step in above:
        below = tree.setdefault(step, {})
        if below is None:
            return
        tree = below
    tree[last] = None


def _only(resource: Json, tree: Tree) -> Json:
    kept = {}
    for name, value in resource.items():
        if name.lower() in tree:
            below = tree[name.lower()]
            cut = value if below is None else _cut_each(value, below, _only)
            if cut not in ({}, []):
                kept[name] = cut
    return kept


def _without(resource: Json, tree: Tree) -> Json:
    kept = {}
    for name, value in resource.items():
        below = tree.get(name.lower(), {})
        if below is None:
            continue
        cut = _cut_each(value, below, _without) if below else value
        if cut not in ({}, []):
            kept[name] = cut
    return kept


def _cut_each(value: Any, tree: Tree, cut: Any) -> Any:
    if isinstance(value, list):
        return [smaller for one in value if (smaller := _cut_each(one, tree, cut))]
    return cut(value, tree) if isinstance(value, dict) else value
