"""Does anybody reach another company's rows?

Every address of the URLconf x method x visitor, about a row of another company, a row that
does not exist, and a row of the visitor's own company. Nothing of the other company may be
shown or changed, nobody may do what only administrators may, and a foreign row must look like
an absent one. Requests that would be allowed to change something are not sent.

It runs three times, because each of the two walls must hold alone: with the managers, which filter
the queries of the ORM, as the owner of the tables; with row-level security and without the filter;
and with both, as in production.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

import httpx

from tests.faults.cast import ADMINISTRATORS, MARK, ROLES, Company, furnish
from tests.faults.outcome import Outcome, finish
from tests.faults.routes import absent, address, names_rows, routes
from tests.faults.stack import Stack, load_django
from tests.faults.visitor import Visitor, signed_in, with_token

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
VISITORS: Final = (
    "anonymous",
    *(role for role in ROLES if role not in ("report", "invited")),
    "scim",
    *(f"api:{role}" for role in ADMINISTRATORS),
)
# Whoever signs in or out may send these forms.
OPEN_TO_ALL: Final = ("sign-in", "sign-out", "forgot", "reset", "invite", "confirm", "home")
# What visiting or a background job writes: columns, and whole tables.
USE: Final = (
    "{last_used_at, last_ip, last_user_agent, last_update_at, initial_import_finished_at, "
    "inactivity_notified_at, enqueued_until, served_at, held_by, held_until, rests_until, rests, "
    "failing_since}"
)
NOT_COMPARED: Final = (
    *("django_session", "scim_requestlog", "scim_syncerror", "django_migrations"),
    *("provisioning_signinattempt", "provisioning_failedlogins", "people_event"),
)


@dataclass
class Matrix:
    """What the visitors found."""

    ours: Company
    theirs: Company
    codes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def visit(self, name: str, visitor: Visitor, method: str) -> None:
        for route in sorted(set(routes())):
            if names_rows(route):
                self._compare(name, visitor, method, route)
            if method == "GET" or self._must_be_refused(name, route):
                own = self._ask(name, visitor, method, address(route, self.ours))
                if own and method != "GET" and own.status_code < 300 and method != "OPTIONS":
                    self.problems.append(f"ALLOWED {name} {method} {route} {own.status_code}")

    def _must_be_refused(self, name: str, route: str) -> bool:
        manages = name in ("scim", *ADMINISTRATORS) or name.startswith("api:")
        return not manages and not route.startswith(OPEN_TO_ALL)

    def _compare(self, name: str, visitor: Visitor, method: str, route: str) -> None:
        """Ask for a foreign row, at our address and at its own, and for one that is absent."""
        nothing = absent(route, self.ours)
        missing = self._ask(name, visitor, method, nothing)
        foreign_addresses = {address(route, self.ours, self.theirs)}
        if not route.startswith("sign-in/"):  # Anybody may see a company's sign-in page.
            foreign_addresses.add(address(route, self.theirs))
        for foreign in foreign_addresses:
            found = self._ask(name, visitor, method, foreign)
            if not found or not missing:
                continue
            at_home = foreign == address(route, self.ours, self.theirs)
            if at_home and _shape(found, foreign) != _shape(missing, nothing):
                text = f"{found.status_code} / {missing.status_code}"
                self.problems.append(f"DIFFERS {name} {method} {foreign} {text}")

    def _ask(self, name: str, visitor: Visitor, method: str, path: str) -> httpx.Response | None:
        try:
            answer = visitor.request(method, path)
        except httpx.HTTPError as error:
            self.problems.append(f"BROKEN {name} {method} {path} {error!r}")
            return None
        self.codes[f"{method} {answer.status_code}"] += 1
        # 501 is the answer of RFC 7644 section 3.11 where /Me is not supported.
        if answer.status_code >= 500 and answer.status_code != 501:
            self.problems.append(f"5xx {name} {method} {path} {answer.status_code}")
        if MARK in answer.text:
            self.problems.append(f"LEAK {name} {method} {path} {answer.status_code}")
        return answer


def _shape(answer: httpx.Response, path: str) -> tuple[int, str, str]:
    """Return what a visitor can tell apart: status, target of a redirect, text without ids."""
    text = re.sub(r'csrfmiddlewaretoken" value="[^"]*"', "", answer.text)
    where = answer.headers.get("Location", "").partition("?")[0].replace(path, "")
    return answer.status_code, _without_ids(where, path), _without_ids(text, path)


def _without_ids(text: str, path: str) -> str:
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}", "", text)
    for part in sorted(path.strip("/").split("/"), key=len, reverse=True):
        text = text.replace(part, "") if part else text
    return re.sub(r"\d+", "", text)


def run(
    stack: Stack, *, visitors: tuple[str, ...] = VISITORS, methods: tuple[str, ...] = METHODS
) -> Outcome:
    """Have the visitors of one company try everything, and look at both companies' rows."""
    ours, theirs = furnish(stack)
    matrix = Matrix(ours, theirs)
    arrived = list(_arrive(stack.server.url, ours, visitors))
    before = _fingerprints(stack)
    for name, visitor in arrived:
        with closing(visitor):
            for method in methods:
                matrix.visit(name, visitor, method)
        print(name, matrix.codes.total(), "requests", len(matrix.problems), "problems", flush=True)
    changed = [table for table, rows in _fingerprints(stack).items() if before[table] != rows]
    print(*matrix.problems[:60], *[f"CHANGED {table}" for table in changed], sep="\n")
    wrong = len(matrix.problems) + len(changed)
    leaks = sum(problem.startswith("LEAK") for problem in matrix.problems)
    result = f"{leaks} leaks, {wrong - leaks} other faults"
    size = f"{matrix.codes.total():,} requests, {len(set(routes()))} addresses"
    return Outcome("Access to other companies", size, result, not wrong)


def _arrive(url: str, company: Company, names: tuple[str, ...]) -> Iterator[tuple[str, Visitor]]:
    for name in names:
        if name == "anonymous":
            yield name, Visitor(url)
        elif name == "scim":
            yield name, with_token(url, company.scim_token)
        elif name.startswith("api:"):
            yield name, with_token(url, company.api_tokens[name.removeprefix("api:")])
        else:
            yield name, signed_in(url, company, name)


def _fingerprints(stack: Stack) -> dict[str, tuple[object, ...]]:
    """Return a sum over the rows of every table that visiting should leave alone."""
    tables = stack.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    sums = "SELECT count(*), sum(hashtextextended((to_jsonb(t) - %s::text[])::text, 0)) FROM"
    return {
        table: stack.rows(f"{sums} {table} t", USE)[0]
        for (table,) in tables
        if table not in NOT_COMPARED
    }


# Who connects to the database, and with which settings, for each wall that is to hold alone.
WALLS: Final[dict[str, dict[str, str]]] = {
    "managers": {},
    "rows": {"role": "ramp_app", "DJANGO_SETTINGS_MODULE": "tests.faults.without_filter.settings"},
    "both": {"role": "ramp_app"},
}


def behind(wall: str, visitors: tuple[str, ...]) -> Outcome:
    with Stack(**WALLS[wall]) as stack:
        load_django(stack)
        return run(stack, visitors=visitors)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.access", description=__doc__)
    parser.add_argument("--visitors", nargs="+", default=VISITORS, choices=VISITORS)
    parser.add_argument(
        "--walls", nargs="+", default=[*WALLS], choices=WALLS, help="what is to hold, one by one"
    )
    wanted = parser.parse_args()
    outcomes = {wall: behind(wall, tuple(wanted.visitors)) for wall in wanted.walls}
    finish(
        Outcome(
            "Access to other companies",
            "; ".join(f"{wall}: {outcome.size}" for wall, outcome in outcomes.items()),
            "; ".join(f"{wall}: {outcome.result}" for wall, outcome in outcomes.items()),
            holds=all(outcome.holds for outcome in outcomes.values()),
        )
    )


if __name__ == "__main__":
    main()
