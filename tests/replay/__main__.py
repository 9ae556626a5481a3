import argparse
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.replay import __doc__ as purpose
from tests.replay.client import Client
from tests.replay.replaying import Outcome, replay
from tests.replay.steps import Step, load


def main() -> int:
    wanted = _arguments()
    client = Client(wanted.base, wanted.token, timeout=wanted.timeout)
    client.wait(wanted.wait)
    variables = dict(item.split("=", 1) for item in wanted.var)
    variables["run"] = wanted.run or secrets.token_hex(3)
    tell = print if wanted.verbose else lambda line: None
    outcomes, skipped = [], 0
    for trace in wanted.files:
        chosen = [step for step in load(trace) if _is_selected(step, wanted)]
        steps = _flows_with_tags(chosen, set(wanted.tag)) if wanted.tag else chosen
        remaining = [step for step in steps if not step.tags & set(wanted.skip_tag)]
        skipped += len(steps) - len(remaining)
        for outcome in replay(client, remaining, variables, tell=tell):
            _report(outcome)
            outcomes.append(outcome)
    return _print_totals(outcomes, skipped)


def _is_selected(step: Step, wanted: argparse.Namespace) -> bool:
    is_of_provider = not wanted.idp or step.idp in wanted.idp
    return is_of_provider and (not wanted.flow or any(part in step.flow for part in wanted.flow))


def _flows_with_tags(steps: list[Step], tags: set[str]) -> list[Step]:
    """Keep each flow that has a step with one of the tags, with all its steps."""
    flows = {step.flow for step in steps if step.tags & tags}
    return [step for step in steps if step.flow in flows]


def _report(outcome: Outcome) -> None:
    if not outcome.passed:
        print("FAIL" if outcome.failed else "WARN", outcome, flush=True)


def _print_totals(outcomes: Iterable[Outcome], skipped: int) -> int:
    outcomes = list(outcomes)
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    warned = len(outcomes) - passed - failed
    if warned or skipped:
        print(f"{warned} soft mismatches, {skipped} steps skipped by tag")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=purpose)
    add = parser.add_argument
    add("--base", required=True, help="SCIM base URL, e.g. http://127.0.0.1:8000/scim/v2")
    add("--token", default="", help="bearer token")
    add("--run", help="fixed suffix for names (default: random)")
    add("--var", action="append", default=[], metavar="NAME=VALUE")
    add("--idp", action="append", default=[], help="only these identity providers")
    add("--flow", action="append", default=[], help="only flows whose name contains this")
    add("--tag", action="append", default=[], help="only flows that have a step with this tag")
    add("--skip-tag", action="append", default=[], help="skip the steps with this tag")
    add("--timeout", type=float, default=15, help="seconds to wait for an answer")
    add("--wait", type=float, default=10, help="seconds to wait for the port to open")
    add("-v", "--verbose", action="store_true", help="print every request and answer")
    add("files", nargs="+", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
