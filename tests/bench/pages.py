"""How long the administrators' pages and the lists of programs take with many people.

python -m tests.bench.pages --people 1000000

SQL statements copy one provisioned person with the SCIM user and the event. Only the server's time
is measured: there is no browser and no network.
"""

import argparse
import os
import subprocess
import sys
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
    "People, page 10,000": "/people/?p=10000",
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
    "Integrations": "/integrations/",
    "Okta": "/integrations/okta/",
    "Setup review": "/integrations/okta/setup/review/",
    "SCIM settings": "/integrations/scim/{connection}/",
    "Request log": "/integrations/scim/{connection}/requests/",
    "API: people": "/api/v1/people",
    "API: people, inactive": "/api/v1/people?state=inactive",
    "API: needs attention": "/api/v1/attention",
    "API: audit events": "/api/v1/audit-events",
    "SCIM: first 100": "/scim/v2/Users?count=100",
    "SCIM: 100 from 500,001": "/scim/v2/Users?count=100&startIndex=500001",
    "SCIM: userName eq": '/scim/v2/Users?filter=userName eq "p47@acme.example.com"',
    "SCIM: userName sw": '/scim/v2/Users?filter=userName sw "p471"&count=100',
    "SCIM: userName co": '/scim/v2/Users?filter=userName co "p4711"&count=100',
    "SCIM: name.familyName eq": '/scim/v2/Users?filter=name.familyName eq "Nobody"&count=100',
    "SCIM: title eq": '/scim/v2/Users?filter=title eq "Nobody"&count=100',
    "SCIM: displayName sw": '/scim/v2/Users?filter=displayName sw "Nob"&count=100',
}


def main() -> None:
    """Start PostgreSQL, and a process whose settings name its database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    postgres = Postgres({"fsync": "off", "max_wal_size": "8GB", "shared_buffers": "1GB"})
    environment = {
        "DATABASE_URL": postgres.create("pages"),
        "SECRET_KEY": "of the benchmark",
        "ALLOWED_HOSTS": "testserver",
    }
    call = (
        f"from tests.bench import page_times; page_times.measure({wanted.people}, {wanted.rounds})"
    )
    try:
        subprocess.run(
            [sys.executable, "-c", call], env=os.environ | environment, check=True, cwd=ROOT
        )
    finally:
        postgres.stop()


if __name__ == "__main__":
    main()
