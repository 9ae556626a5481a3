"""Count the resources in which the paths of a mapping find a value."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from scim.models import Connection, ScimUser
from scim.rfc.strict_json import Json
from scim.sync.attribute_mapping import extension_paths, text_at

# Enough to see whether a path is ever used, and few enough to be read while a page loads.
COVERAGE_SAMPLE = 500


@dataclass(frozen=True)
class PathCoverage:
    """The number of checked resources in which a path finds a value."""

    found: int
    among: int


def path_coverage(connection: Connection, paths: Iterable[str]) -> dict[str, PathCoverage]:
    """Count the newest resources in which each path finds a value."""
    documents = _newest_documents(connection)
    return {
        path: PathCoverage(
            sum(bool(text_at(document, path)) for document in documents), len(documents)
        )
        for path in paths
    }


def extension_coverage(connection: Connection) -> dict[str, PathCoverage]:
    """Count the newest resources with each attribute of extensions that Ramp does not know."""
    documents = _newest_documents(connection)
    found = Counter(path for document in documents for path in extension_paths(document))
    return {path: PathCoverage(found[path], len(documents)) for path in sorted(found)}


def _newest_documents(connection: Connection) -> list[Json]:
    newest = ScimUser.objects.known_to(connection).order_by("-pk")
    return list(newest.values_list("document", flat=True)[:COVERAGE_SAMPLE])
