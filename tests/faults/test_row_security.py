"""Row-level security alone keeps companies apart, if all queries forget to."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.access import WALLS, run
from tests.faults.cast import furnish
from tests.faults.stack import Stack
from tests.faults.visitor import signed_in


@pytest.fixture(scope="module")
def limited() -> Iterator[Stack]:
    """Run Ramp without the filter of its managers, as a role that is limited to one tenant."""
    with Stack(**WALLS["rows"]) as stack:
        yield stack


@pytest.mark.slow
def test_nobody_reads_another_companys_rows(limited: Stack) -> None:
    outcome = run(limited, visitors=("employee", "api:owner"), methods=("GET",))

    assert outcome.holds, outcome


@pytest.mark.slow
def test_the_owner_sees_the_pages_of_the_company(limited: Stack) -> None:
    """Somebody who sees nothing at all would find no leak."""
    company, _ = furnish(limited)

    with closing(signed_in(limited.server.url, company, "owner")) as owner:
        answer = owner.request("GET", f"/people/{company.people['employee']}/")

    assert answer.status_code == 200
    assert company.emails["employee"] in answer.text
