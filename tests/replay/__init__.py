"""Replay the requests of identity providers against a running server.

    python -m tests.replay --base http://127.0.0.1:8000/scim/v2 --token T tests/traces/*.jsonl

It needs only the standard library, so it can test any server from any machine.
"""

import secrets
from pathlib import Path

from tests.replay.client import Client
from tests.replay.replaying import Outcome, replay
from tests.replay.steps import load

__all__ = ["failures"]


def failures(trace: Path, *, base: str, token: str) -> list[Outcome]:
    """Replay one trace with unique names, and return the steps that failed."""
    run = {"run": secrets.token_hex(3)}
    outcomes = replay(Client(base, token), load(trace), run, tell=lambda line: None)
    return [outcome for outcome in outcomes if outcome.failed]
