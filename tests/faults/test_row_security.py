"""Row-level security alone keeps companies apart, if all queries forget to."""

from collections.abc import Iterator

import pytest

from tests.faults.access import WALLS, run
from tests.faults.stack import Stack


@pytest.fixture(scope="module")
def limited() -> Iterator[Stack]:
    """Run Ramp without the filter of its managers, as a role that is limited to one tenant."""
    with Stack(**WALLS["rows"]) as stack:
        yield stack


@pytest.mark.slow
def test_nobody_reads_another_companys_rows(limited: Stack) -> None:
    outcome = run(limited, visitors=("employee", "api:owner"), methods=("GET",))

    assert outcome.holds, outcome
