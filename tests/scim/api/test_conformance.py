"""The checks of scim2-tester for RFC 7643 and 7644, against a running server.

It runs once per server; each check is a case. docs/scim-conformance.md lists the checks that ask
for more than the RFC.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing

import pytest
from scim2_tester import CheckResult, Status, check_server
from scim2_tester.checkers.schemas import core_schemas_validation
from scim2_tester.utils import CheckConfig, CheckContext

from tests.scim2_over_httpx import ScimClient
from tests.services.db import connect
from tests.services.server import Server

DISCOVERY = [
    "service_provider_config_endpoint",
    "service_provider_config_endpoint_methods",
    "query_all_resource_types",
    "query_resource_type_by_id",
    "resource_types_schema_validation",
    "access_invalid_resource_type",
    "resource_types_endpoint_methods",
    "query_all_schemas",
    "access_schema_by_id",
    "access_invalid_schema",
    "schemas_endpoint_methods",
    "core_schemas_validation",
    "random_url",
]
OF_EACH_RESOURCE = [
    "object_creation",
    "object_query",
    "object_query_without_id",
    "object_query_with_attributes",
    "object_list_with_attributes",
    "search_with_attributes",
    "object_replacement",
    "object_deletion",
    "check_add_attribute",
    "check_remove_attribute",
    "check_replace_attribute",
]
CASES = [
    *((None, check) for check in DISCOVERY),
    *((resource, check) for resource in ("User", "Group") for check in OF_EACH_RESOURCE),
]

Results = dict[tuple[str | None, str], list[CheckResult]]


@pytest.fixture(scope="module")
def results(server: Server) -> Iterator[Results]:
    connected = connect(server, "--incomplete", "hold")
    with closing(ScimClient(connected.base, connected.token)) as client:
        outcome = check_server(client)
        # This check exists, but check_server does not run it.
        outcome += core_schemas_validation(CheckContext(client, CheckConfig()))
        by_check = defaultdict(list)
        for result in outcome:
            by_check[result.resource_type, str(result.title)].append(result)
        yield dict(by_check)


@pytest.mark.parametrize(("resource", "check"), CASES)
def test_check_passes(results: Results, resource: str | None, check: str) -> None:
    response = results.get((resource, check), [])
    wrong = [result for result in response if result.status is not Status.SUCCESS]

    assert response, "the check did not run"
    assert not wrong, "\n".join(f"{result.status.name}: {result.reason}" for result in wrong)


def test_all_checks_are_listed_here(results: Results) -> None:
    assert set(results) == set(CASES)
