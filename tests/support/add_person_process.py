"""A process of its own that changes something whenever it is told to, like a web process.

For each line it reads, it adds a person to the tenant, and answers how many seconds that took.
"""

import sys
from time import perf_counter

import django

django.setup()

from people import tenancy  # noqa: E402  Django has to be ready first.
from people.models import Person  # noqa: E402
from people.operations import people  # noqa: E402
from people.values import Actor, Profile  # noqa: E402


def main(tenant_id: int) -> None:
    with tenancy.use(tenant_id):
        for number, _ in enumerate(sys.stdin, Person.objects.count()):
            profile = Profile(given_name="Ada", family_name="L", email=f"ada{number}@x.test")
            began = perf_counter()
            people.add_person(profile, actor=Actor("scim", "okta"))
            sys.stdout.write(f"{perf_counter() - began}\n")
            sys.stdout.flush()


main(int(sys.argv[1]))
