"""Looks at all times whether everybody who waits for a manager is listed, and nobody else."""

from threading import Event, Thread
from types import TracebackType
from typing import Self

import psycopg

from tests.faults.week.company import Company

# One statement sees one moment. What waits and what is listed is committed together, except for
# leavers: a job closes their errors, and the comparison at the end of the day looks at those.
BROKEN = """
    WITH waits AS (
           SELECT u.id, p.id AS person_id FROM scim_scimuser u
             JOIN people_person p ON p.id = u.person_id
            WHERE u.waiting_manager <> '' AND u.deleted_at IS NULL
              AND p.state IN ('invited', 'active')),
         leavers AS (
           SELECT u.id FROM scim_scimuser u JOIN people_person p ON p.id = u.person_id
            WHERE p.state NOT IN ('invited', 'active')),
         rows AS (
           SELECT e.user_id, e.dismissed_at, e.user_name FROM scim_syncerror e
             LEFT JOIN scim_requestlog r ON r.id = e.request_id
            WHERE e.reason = 'invalid-manager' AND e.resolved_at IS NULL
              AND coalesce(r.status, 200) < 400)
    SELECT 'waits, and is not listed', u.scim_username
      FROM waits w JOIN scim_scimuser u ON u.id = w.id
     WHERE NOT EXISTS (SELECT 1 FROM rows WHERE rows.user_id = w.id)
    UNION ALL
    SELECT 'is listed, and does not wait', user_name
      FROM rows WHERE dismissed_at IS NULL
       AND user_id NOT IN (SELECT id FROM waits UNION SELECT id FROM leavers)
    UNION ALL
    SELECT 'is held, and does not wait', p.email
      FROM people_invite i JOIN people_person p ON p.id = i.person_id
     WHERE i.hold_reason LIKE 'Waiting for the manager%' AND i.accepted_at IS NULL
       AND i.revoked_at IS NULL AND p.id NOT IN (SELECT person_id FROM waits)
"""
PAUSE_SECONDS = 0.2


class Watch:
    """Checks again and again until the `with` block ends."""

    def __init__(self, company: Company, database_url: str) -> None:
        self._company, self._url = company, database_url
        self._is_over = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        seen: set[tuple[str, str]] = set()
        with psycopg.connect(self._url, autocommit=True) as database:
            while not self._is_over.wait(PAUSE_SECONDS):
                self._company.checks["waiting is listed"] += 1
                for what, who in database.execute(BROKEN.encode()).fetchall():
                    if (what, who) not in seen:
                        seen.add((what, who))
                        self._company.differ(what, who, "", "")
