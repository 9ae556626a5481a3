"""Attempts to get somebody else's account: recycled identifiers, claimed addresses, resets.

Each attempt makes a victim, lets an attacker try one way in, and then checks whom the attempt
reached and what still signs the victim in. Only the evidence rule of the specification may
take two resources for one person; this module decides it anew, without the product's code.

    python -m tests.faults.takeovers --attempts 2000
"""

import argparse
import itertools
import os
import random
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

PASSWORD: Final = "correct horse battery"
FULL_SIZE: Final = 2000


@dataclass(frozen=True)
class Attempt:
    """One way to try it: the kind of victim, the way in, and how the identifiers are written."""

    victim: str
    way: str
    values: tuple[tuple[str, str], ...]

    def __getitem__(self, name: str) -> str:
        return dict(self.values)[name]

    def __str__(self) -> str:
        text = ", ".join(f"{name}={value}" for name, value in self.values)
        return f"{self.way} against {self.victim}: {text}"


@dataclass
class Result:
    """What came of all attempts."""

    tried: Counter[str] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)


# How an identifier of the victim's is written; only case is the same identifier.
SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "same": str,
    "case": str.swapcase,
    "width": lambda text: text.replace("a", "\N{FULLWIDTH LATIN SMALL LETTER A}", 1),
    "other": lambda text: f"eve.{text}",
    "none": lambda text: "",
}
LEAVERS: Final = ("deleted cardholder", "deleted admin", "deactivated cardholder")
UNOWNED: Final = (
    *("internal cardholder", "internal admin", "internal owner", "internal elevated"),
    *("inactive cardholder", "inactive admin"),
)


def _shuffled(seed: int) -> list[Attempt]:
    """Return the whole matrix, so mixed that its beginning has something of every way in."""
    chance = random.Random(seed)
    ways = [list(way()) for way in (_creations, _adoptions, _renames, _sign_ins, _resets)]
    for attempts in ways:
        chance.shuffle(attempts)
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*ways))
    return [attempt for attempt in in_turn if attempt is not None]


def _attempts(way: str, victims: tuple[str, ...], **values: tuple[str, ...]) -> Iterator[Attempt]:
    for victim, *chosen in itertools.product(victims, *values.values()):
        yield Attempt(victim, way, tuple(zip(values, chosen, strict=True)))


def _creations() -> Iterator[Attempt]:
    return _attempts(
        "SCIM creates",
        LEAVERS,
        external_id=("same", "case", "other", "none"),
        user_name=("same", "case", "width", "other"),
        email=("same", "case", "width", "other"),
        name=("same", "first", "other"),
        active=("true", "later"),
    )


def _adoptions() -> Iterator[Attempt]:
    return _attempts(
        "SCIM adopts",
        UNOWNED,
        email=("same", "case", "width"),
        role=("none", "BUSINESS_ADMIN"),
        active=("true", "later"),
    )


def _renames() -> Iterator[Attempt]:
    return _attempts(
        "SCIM renames",
        ("provisioned cardholder", "deactivated cardholder", *UNOWNED[:4]),
        by=("PUT", "PATCH"),
        email=("same", "case"),
        external_id=("same", "other"),
    )


def _sign_ins() -> Iterator[Attempt]:
    return _attempts(
        "provider claims",
        ("provisioned cardholder", "deleted admin", *UNOWNED),
        provider=("unpaired", "paired", "directory"),
        subject=("new", "theirs elsewhere", "case", "width"),
        email=("same", "case", "width"),
        verified=("yes", "no", "unsaid"),
    )


def _resets() -> Iterator[Attempt]:
    return _attempts(
        "resets",
        (*LEAVERS, "inactive admin"),
        email=("same", "case", "width"),
        recycled=("yes", "no"),
        link=("before", "after"),
    )


def attack(attempts: int, *, seed: int = 1) -> Result:
    """Try so many ways, shuffled by the seed, in a database that is ready and rolled back."""
    # The product's modules can be imported only after Django is set up.
    from tests.faults.takeover_world import World  # noqa: PLC0415

    result = Result()
    for attempt in itertools.islice(itertools.cycle(_shuffled(seed)), attempts):
        result.tried[attempt.way] += 1
        result.breaches += [f"{attempt}: {value}" for value in World(attempt).breaches()]
    return result


def is_same_by_the_evidence(before: dict[str, str], now: dict[str, str]) -> bool:
    """Decide by the rule of the specification whether two resources are one person."""

    def agrees(name: str, *, exact: bool = False) -> bool:
        one, other = before[name], now[name]
        if not exact:
            one, other = (unicodedata.normalize("NFC", text).casefold() for text in (one, other))
        return bool(one) and one == other

    same_id = agrees("external_id", exact=True)
    contradicts = bool(before["external_id"] and now["external_id"]) and not same_id
    if same_id and (agrees("user_name") or agrees("email")):
        return True
    if agrees("user_name") and not contradicts:
        return True
    return same_id and agrees("name")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=FULL_SIZE)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415
    from django.test.utils import get_runner, setup_test_environment  # noqa: PLC0415

    from tests.faults.outcome import Outcome, finish  # noqa: PLC0415
    from tests.services.postgres_redis_smtp import Postgres  # noqa: PLC0415

    django.setup()
    postgres = Postgres()
    settings.DATABASES["default"]["PORT"] = str(postgres.port)
    setup_test_environment()
    runner = get_runner(settings)(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    began = time.monotonic()
    result = attack(options.attempts, seed=options.seed)
    runner.teardown_databases(databases)
    postgres.stop()
    for breach in result.breaches:
        print(breach)
    ways = ", ".join(f"{count} {way}" for way, count in sorted(result.tried.items()))
    print(f"{ways}; {time.monotonic() - began:.0f} s")
    finish(
        Outcome(
            "takeovers",
            f"{options.attempts:,} attempts, seed {options.seed}",
            f"{len(result.breaches)} accounts taken over",
            holds=not result.breaches,
        )
    )


if __name__ == "__main__":
    main()
