"""JSON that a client might send: arbitrary, but often under names that mean something."""

from typing import Any

from hypothesis import strategies as st

from scim.rfc.resource_types import GROUP, USER

_RESOURCES = (USER, GROUP)
_ATTRIBUTES = [
    attribute
    for resource in _RESOURCES
    for schema in (resource.core, *resource.extensions)
    for attribute in (*resource.common, *schema.attributes)
]
_NAMES = sorted(
    {one.name for one in _ATTRIBUTES}
    | {part.name for one in _ATTRIBUTES for part in one.parts}
    | {schema.urn for one in _RESOURCES for schema in (one.core, *one.extensions)}
    | {"costCode", "NAME", "x"}
)
_TEXTS = st.sampled_from(["", "a@b", "True", "work", "Admin", '{"value": "x"}', "x" * 300])

names = st.sampled_from(_NAMES) | st.text(max_size=5)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXTS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names, inner, max_size=4)
        | st.fixed_dictionaries({"value": inner, "type": inner, "primary": inner})
    ),
    max_leaves=12,
)
resources = st.dictionaries(names, values, max_size=6).map(lambda one: {"userName": "ada"} | one)

_SELECTIONS = ["", '[type eq "work"]', "[primary eq true]", '[value co "a"]', "[not (x pr)]"]
paths = st.builds(
    lambda urn, name, selection, part: f"{urn}{name}{selection}{part}",
    st.sampled_from(["", *(f"{schema.urn}:" for schema in USER.extensions)]),
    names,
    st.sampled_from(_SELECTIONS),
    st.just("") | names.map(lambda name: f".{name}"),
)
operations = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "Replace", "remove"])},
        optional={"path": paths | st.sampled_from(_NAMES), "value": values},
    ),
    max_size=4,
)
