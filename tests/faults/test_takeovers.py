"""Attempts to take over an account."""

import pytest

from tests.faults.takeovers import attack

pytestmark = pytest.mark.django_db


def test_takeover_attempts_reach_no_account() -> None:
    result = attack(150)

    assert result.breaches == []
    assert len(result.tried) == 5
