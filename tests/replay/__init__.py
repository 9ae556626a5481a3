"""Replay identity providers' recorded-style requests against a running server.

    python -m tests.replay --base http://127.0.0.1:8000/scim/v2 --token T tests/traces/*.jsonl

Standard library only, so that it runs against any server from anywhere.
"""

import secrets
from pathlib import Path

from tests.replay.client import Client
from tests.replay.replaying import Outcome, replay
from tests.replay.steps import load

__all__ = ["failures"]


def failures(trace: Path, *, base: str, token: str) -> list[Outcome]:
    """Replay one trace under names of its own, and return the steps that failed."""
    run = {"run": secrets.token_hex(3)}
    outcomes = replay(Client(base, token), load(trace), run, tell=lambda line: None)
    return [outcome for outcome in outcomes if outcome.failed]
