"""A connection to PostgreSQL …"""

import gc
from threading import Thread

import pytest
from django.db import connection

from tests.services.process import within

pytestmark = pytest.mark.django_db(transaction=True)


def number_of_backends() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        number: int = cursor.fetchone()[0]
    return number


def use_the_database() -> None:
    connection.ensure_connection()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="there is no PostgreSQL")
def test_ends_with_the_thread_that_used_it() -> None:
    before = number_of_backends()
    gc.disable()  # Nobody comes by for what a thread leaves in circles.
    try:
        for _ in range(5):
            thread = Thread(target=use_the_database)
            thread.start()
            thread.join()
        within(60, lambda: number_of_backends() <= before)
    finally:
        gc.enable()
