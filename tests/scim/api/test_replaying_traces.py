from pathlib import Path

import pytest

from tests.replay import failures
from tests.services.db import Connected, connect
from tests.services.server import Server

TRACES = sorted((Path(__file__).parents[2] / "traces").glob("*.jsonl"))


@pytest.fixture
def connected(server: Server) -> Connected:
    return connect(server, "--incomplete", "hold")


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_every_response_is_what_the_provider_needs(connected: Connected, trace: Path) -> None:
    wrong = failures(trace, base=connected.base, token=connected.token)

    assert not wrong, "\n".join(map(str, wrong))
