"""How long a search of a directory of many takes, and what it costs in memory.

python -m tests.bench.directory --people 50000
"""

import argparse
import json
import os
import resource
import statistics
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from provisioning.directory.ldap import LdapDirectory  # noqa: E402
from provisioning.providers.config import LdapSettings  # noqa: E402
from tests.services.ldap import BASE, SERVICE, SERVICE_PASSWORD, Slapd, person  # noqa: E402

NAMES = ("Ada", "Bob", "Chloé", "Dmitri", "Eve", "Fatima", "Grace", "Hedy")


class _Directory(LdapDirectory):
    """The live directory of a provider that has no row."""

    def __init__(self, settings: LdapSettings) -> None:
        self.settings, self.name, self.password = settings, "bench", SERVICE_PASSWORD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    people = parser.parse_args().people
    slapd = Slapd(more_entries=(_person(number) for number in range(people)))
    directory = _Directory(LdapSettings(uri=slapd.uri, base_dn=BASE, bind_dn=SERVICE))
    directory.people("first")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = [
        _timed(directory, f"{NAMES[number % 8]} {number * 37 % people}") for number in range(50)
    ]
    listed = [_timed(directory, name) for name in NAMES]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    figures = {
        "people": people,
        "search_ms": round(statistics.median(took), 1),
        "search_most_ms": round(max(took), 1),
        "common_name_ms": round(max(listed), 1),
        "grown_kib": grown,
    }
    print(json.dumps(figures))
    slapd.stop()


def _person(number: int) -> str:
    return person(f"p{number}", NAMES[number % 8], f"{number} Person")


def _timed(directory: _Directory, text: str) -> float:
    began = time.perf_counter()
    directory.people(text)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
