"""Relative times, such as “10 minutes ago”."""

from datetime import UTC, datetime, timedelta

import pytest

from people.templatetags.relative_time import ago

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "text"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=10), "10 minutes ago"),
        (timedelta(hours=3, minutes=5), "3 hours, 5 minutes ago"),
        (timedelta(days=15), "2 weeks, 1 day ago"),
    ],
)
def test_ago_describes_the_elapsed_time(since: timedelta, text: str) -> None:
    assert ago(NOON - since, NOON).replace("\xa0", " ") == text
