"""Another company's rows are out of reach, whoever asks and however."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.access import WALLS, run
from tests.faults.cast import furnish
from tests.faults.stack import Stack
from tests.faults.visitor import signed_in

# Row-level security alone, without the filter of the managers, and both.
VISITORS = {"rows": ("employee", "api:owner"), "both": ("employee",)}


@pytest.fixture(scope="module", params=VISITORS)
def limited(request: pytest.FixtureRequest) -> Iterator[tuple[str, Stack]]:
    """Run Ramp as a role that row-level security limits."""
    with Stack(**WALLS[request.param]) as stack:
        yield request.param, stack


def test_nobody_reads_or_changes_another_companys_rows(stack: Stack) -> None:
    outcome = run(stack, visitors=("employee", "owner", "scim", "api:owner"), methods=("GET",))

    assert outcome.holds, outcome


@pytest.mark.slow
def test_row_security_lets_nobody_read_another_companys_rows(limited: tuple[str, Stack]) -> None:
    wall, stack = limited

    outcome = run(stack, visitors=VISITORS[wall], methods=("GET",))

    assert outcome.holds, outcome


@pytest.mark.slow
def test_row_security_shows_the_owner_the_pages_of_the_company(limited: tuple[str, Stack]) -> None:
    """Somebody who sees nothing at all would find no leak."""
    _, stack = limited
    company, _ = furnish(stack)

    with closing(signed_in(stack.server.url, company, "owner")) as owner:
        answer = owner.request("GET", f"/people/{company.people['employee']}/")

    assert answer.status_code == 200
    assert company.emails["employee"] in answer.text
