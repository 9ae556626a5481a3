"""How long the administrators' pages and the lists of programs take with many people.

python -m tests.bench.pages --people 1000000

`company` makes the people by SQL. Only the server's CPU time is measured: there is no browser and
no network.
"""

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import Final

from tests.bench.walk import ROOT
from tests.services.postgres_redis_smtp import Postgres

# Paths of the pages, and of what programs read. The parameters are those of `page_times.measure`.
PAGES: Final = {
    "Overview": "/overview/",
    "People": "/people/",
    "People, name": "/people/?q=Family00",
    "People, two words": "/people/?q=Ada+Familyab",
    "People, address": "/people/?q=p47@acme.example.com",
    "People, nothing found": "/people/?q=xyzzy",
    "People, common word": "/people/?q=acme",
    "People, sorted by manager": "/people/?o=5",
    "People, sorted by name, descending": "/people/?o=-1",
    "People, inactive": "/people/?state=inactive",
    "People, by role": "/people/?role__exact=BUSINESS_OWNER",
    "People, department": "/people/?department__id__exact={department}",
    "People without a manager": "/people/?without=manager",
    "People, by manager": "/people/?manager__id__exact={manager}",
    "People, sorted by manager, descending": "/people/?o=-5",
    "People, sorted by role": "/people/?o=2",
    "People, sorted by department": "/people/?o=3",
    "People, sorted by location": "/people/?o=4",
    "People, sorted by state": "/people/?o=6",
    "People, guests": "/people/?guest=yes",
    "People, last page": "/people/?p={last}",
    "People as CSV, first row": "/people/export/",
    "A person": "/people/{person}/",
    "Search, name": "/search/?q=Family00",
    "Search, common word": "/search/?q=acme",
    "Choosing a manager": (
        "/autocomplete/?app_label=people&model_name=person&field_name=manager&term=Family0"
    ),
    "Organization chart": "/people/org-chart/",
    "Departments": "/people/departments/",
    "Locations": "/people/locations/",
    "Roles": "/people/roles/",
    "Access diagnosis, known": "/people/why/?who=p47@acme.example.com",
    "Access diagnosis, unknown": "/people/why/?who=nobody@acme.example.com",
    "Access diagnosis, name": "/people/why/?who=Familyab",
    "Scheduled terminations": "/people/departures/",
    "Terminated people": "/people/terminated/",
    "Bulk changes": "/people/bulk-changes/",
    "Team updates": "/people/updates/errors/",
    "Team updates, invites": "/people/updates/invites/",
    "Team updates, inactive": "/people/updates/inactive/",
    "Team updates, review": "/people/updates/review/",
    "Audit log": "/audit-log/",
    "Audit log, one action": "/audit-log/?action=deactivated",
    "Audit log, one person": "/audit-log/?person=p47@acme.example.com",
    "Audit log, one actor": "/audit-log/?actor=nobody",
    "Company settings": "/tenants/acme/settings/",
    "Authentication settings": "/tenants/acme/auth-settings/",
    "Provisioned members": "/tenants/acme/provisioned-members/",
    "Provisioned members, name": "/tenants/acme/provisioned-members/?q=Familyab",
    "Integrations": "/integrations/",
    "Okta": "/integrations/okta/",
    "SCIM settings": "/integrations/scim/{connection}/",
    "Request log": "/integrations/scim/{connection}/requests/",
    "API: people": "/api/v1/people",
    "API: people, inactive": "/api/v1/people?state=inactive",
    "API: people, changed since": "/api/v1/people?changed_since=2020-01-01T00:00:00Z",
    "API: people, email": "/api/v1/people?email=p47@acme.example.com",
    "API: needs attention": "/api/v1/attention",
    "API: audit events": "/api/v1/audit-events",
    "SCIM list: first 100": "/scim/v2/Users?count=100",
    "SCIM list: 100 from 101": "/scim/v2/Users?count=100&startIndex=101",
    "SCIM list: 100 from 500,001, first": "/scim/v2/Users?count=100&startIndex=500001",
    "SCIM list: 100 from 500,101, next": "/scim/v2/Users?count=100&startIndex=500101",
    "SCIM list: userName eq": '{users}userName eq "p47@acme.example.com"',
    "SCIM list: externalId eq": '{users}externalId eq "external-4711"',
    "SCIM filter: userName sw": '{users}userName sw "p471"',
    "SCIM filter: userName co": '{users}userName co "p4711"',
    "SCIM filter: userName co, everybody": '{users}userName co "acme"',
    "SCIM filter: userName ew": '{users}userName ew "4711@acme.example.com"',
    "SCIM filter: externalId sw": '{users}externalId sw "external-4711"',
    "SCIM filter: emails.value eq": '{users}emails.value eq "p4711@acme.example.com"',
    "SCIM filter: emails.value co": '{users}emails.value co "p4711"',
    "SCIM filter: emails[type eq work and value sw]": (
        '{users}emails[type eq "work" and value sw "p4711"]'
    ),
    "SCIM filter: name.familyName eq": (
        '{users}name.familyName eq "Family202cb962ac59075b964b07152d234b70"'
    ),
    "SCIM filter: name.familyName eq, nobody": '{users}name.familyName eq "Nobody"',
    "SCIM filter: name.familyName sw": '{users}name.familyName sw "Family202c"',
    "SCIM filter: name.familyName co": '{users}name.familyName co "202cb962"',
    "SCIM filter: name.givenName eq": '{users}name.givenName eq "Hedy"',
    "SCIM filter: title eq": '{users}title eq "Engineer 4711"',
    "SCIM filter: title eq, nobody": '{users}title eq "Nobody"',
    "SCIM filter: nickName eq": '{users}nickName eq "nick4711"',
    "SCIM filter: displayName eq": (
        '{users}displayName eq "Dmitri Family202cb962ac59075b964b07152d234b70"'
    ),
    "SCIM filter: displayName sw": '{users}displayName sw "Dmitri Family202cb"',
    "SCIM filter: displayName co": '{users}displayName co "202cb962"',
    "SCIM filter: active eq false": "{users}active eq false",
    "SCIM filter: lastModified gt": '{users}meta.lastModified gt "2031-01-01T00:00:00Z"',
}
# The first that the name begins with. That of SCIM is about the time of the database.
BARS_MS: Final = {"SCIM list": 5, "SCIM filter": 50, "": 250}


def main() -> None:
    """Start PostgreSQL, and a process whose settings name its database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="measure the pages with names of this pattern")
    parser.add_argument("--database", help="the URL of a database; it is filled if it is empty")
    wanted = parser.parse_args()
    measure = f"page_times.measure({wanted.people}, {wanted.rounds}, {wanted.only!r})"
    command = [sys.executable, "-c", f"from tests.bench import page_times; {measure}"]
    with ExitStack() as stack:
        if wanted.database is None:
            postgres = Postgres({"fsync": "off", "max_wal_size": "8GB", "shared_buffers": "1GB"})
            stack.callback(postgres.stop)
        environment = {
            "DATABASE_URL": wanted.database or postgres.create("pages"),
            "SECRET_KEY": "of the benchmark",
            "ALLOWED_HOSTS": "testserver",
        }
        subprocess.run(command, env=os.environ | environment, check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
