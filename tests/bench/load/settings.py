"""What to measure, against which server."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.load import __doc__ as purpose

# Weights of the operations in one cycle. Identity providers look a user up first (by the
# matching attribute), then write only what changed.
MIXES = {
    "idp-sync": {"find-name": 60, "get": 15, "patch": 15, "create": 5, "put": 5},
    "entra": {"find-ext": 35, "find-name": 35, "get": 10, "patch": 15, "create": 5},
    "okta": {"find-name": 50, "get": 20, "put": 20, "create": 5, "deactivate": 5},
    "read": {"find-name": 70, "get": 30},
    "write": {"create": 20, "patch": 50, "put": 30},
}
PHASES = (
    *("create", "find-name", "find-ext", "get", "patch", "manager", "deactivate", "put"),
    *("list-first", "list-deep", "mix", "incomplete", "delete"),
)
WRITES = frozenset(PHASES) - {"find-name", "find-ext", "get", "list-first", "list-deep"}
CREATES = frozenset({"create", "incomplete"})
UNLIMITED = CREATES | {"delete"}
DAY = 86400.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    base: str
    token: str = ""
    header: Sequence[str] = ()
    users: int = 1000
    attach: int = 0
    concurrency: int = 8
    processes: int = 1
    mix: str = "idp-sync"
    phases: Sequence[str] = PHASES
    ops: int = 0
    list_ops: int = 100
    page: int = 100
    seconds: float = 30
    rate: float = 0
    warm_up: int = 100
    timeout: float = 120
    payload: str = "full"
    patch_style: str = "path"
    manager: bool = True
    users_path: str = "/Users"
    content_type: str = "application/scim+json"
    run_id: str = "run"
    cpu_of: Sequence[tuple[str, int]] = ()
    label: str = ""
    out: str | None = None
    calibrate: bool = False

    def count_of(self, phase: str) -> int:
        """How many operations this phase has."""
        if phase.startswith("list"):
            return self.list_ops
        return self.users if phase in CREATES else (self.ops or self.users)

    def seconds_of(self, phase: str) -> float:
        return DAY if phase in UNLIMITED else self.seconds


def settings(argv: Sequence[str] | None = None) -> Settings:
    parser = _parser()
    options = vars(parser.parse_args(argv))
    options["phases"] = [phase for phase in options["phases"].split(",") if phase]
    if unknown := set(options["phases"]) - set(PHASES):
        parser.error(f"no such phase: {', '.join(sorted(unknown))}")
    watched = (text.partition("=") for text in options["cpu_of"])
    options["cpu_of"] = [(name, int(pid)) for name, _, pid in watched]
    options["processes"] = min(options["processes"], options["concurrency"])
    options["run_id"] = options["run_id"] or new_run_id()
    return Settings(**options)


def new_run_id() -> str:
    """Return what makes the userNames of this run differ from those of earlier runs."""
    return format(time.time_ns() // 1000 % (36**6 * 4), "x")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.load",
        description=purpose,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_server(parser)
    _add_work(parser)
    _add_shape(parser)
    _add_report(parser)
    return parser


def _add_server(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--base", default="http://127.0.0.1:8000/scim/v2", help="the SCIM base URL")
    add("--token", default="", help="bearer token")
    add("--header", action="append", default=[], help="another header line, 'Name: value'")
    add("--users-path", default="/Users")
    add("--content-type", default="application/scim+json")
    add("--timeout", type=float, default=120, help="seconds without any answer that end a phase")


def _add_work(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--users", type=int, default=1000, help="users to create")
    add("--attach", type=int, default=0, help="adopt this many users that the server has")
    add("--concurrency", type=int, default=8, help="connections")
    add("--processes", type=int, default=1, help="processes that drive them")
    add("--mix", choices=MIXES, default="idp-sync")
    add("--phases", default=",".join(PHASES), help="comma-separated, of: " + " ".join(PHASES))
    add("--ops", type=int, default=0, help="operations a phase (default: as many as users)")
    add("--list-ops", type=int, default=100, help="pages in each list phase")
    add("--page", type=int, default=100, help="count of a page")
    add("--seconds", type=float, default=30, help="limit of a phase (not of create and delete)")
    add("--rate", type=float, default=0, help="open loop: requests/s of the mix")
    add("--warm-up", type=int, default=100, help="requests before the first phase, not measured")


def _add_shape(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--payload",
        choices=("full", "core", "lean"),
        default="full",
        help="core: no extension, no title; lean: nor externalId, nor the emails' type",
    )
    add("--patch-style", choices=("path", "value"), default="path")
    add("--no-manager", dest="manager", action="store_false", help="no manager reference")
    add("--run-id", default="", help="part of every userName (default: from the clock)")


def _add_report(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--cpu-of",
        action="append",
        default=[],
        metavar="NAME=PID",
        help="also tell the CPU time a request of this local process and its children",
    )
    add("--label", default="", help="kept in the JSON")
    add("--json", dest="out", help="write the figures here")
    add("--calibrate", action="store_true", help="measure the client's own ceiling and stop")
