from pathlib import Path

import pytest

from tests.connections import Connected, connect
from tests.replay import failures
from tests.servers import Server

TRACES = sorted((Path(__file__).parent.parent / "traces").glob("*.jsonl"))


@pytest.fixture
def connected(server: Server) -> Connected:
    return connect(server, "--incomplete", "hold")


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_every_answer_is_what_the_provider_expects(connected: Connected, trace: Path) -> None:
    wrong = failures(trace, base=connected.base, token=connected.token)

    assert not wrong, "\n".join(map(str, wrong))
