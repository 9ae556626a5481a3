from collections.abc import Iterator

import pytest

from tests.faults.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Share a running Ramp among the fault tests; each leaves it running as it found it."""
    with Stack() as stack:
        yield stack
