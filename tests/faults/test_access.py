"""Another company's rows are out of reach, whoever asks and however."""

from tests.faults.access import run
from tests.faults.stack import Stack


def test_nobody_reads_or_changes_another_companys_rows(stack: Stack) -> None:
    outcome = run(stack, visitors=("employee", "owner", "scim", "api:owner"), methods=("GET",))

    assert outcome.holds, outcome
