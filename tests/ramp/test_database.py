"""Connections to PostgreSQL."""

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
def test_connection_is_closed_when_its_thread_ends() -> None:
    before = number_of_backends()
    gc.disable()  # Without garbage collection, a connection in a reference cycle would stay open.
    try:
        for _ in range(5):
            thread = Thread(target=use_the_database)
            thread.start()
            thread.join()
        within(60, lambda: number_of_backends() <= before)
    finally:
        gc.enable()
