"""Run all fault tests at full size, or those that are named, and print the table.

A test prints its progress while it runs; its last line is its row.
"""

import argparse
import subprocess
import sys
import time

from tests.faults.outcome import HEADER, Outcome

# Each module with the arguments that make it run at full size.
FULL_SIZE: dict[str, list[str]] = {
    "dead": ["--people", "20"],
    "frozen": ["--rounds", "3"],
    "kills": ["--writes", "10000"],
    "lost_events": ["--people", "200"],
    "rights": ["--rounds", "20"],
    "outages": ["--seconds", "15"],
    "takeovers": ["--attempts", "2000"],
    "zombies": ["--rounds", "20"],
    "access": [],
    "fuzz": ["--requests", "200000"],
    "forms": ["--forms", "5000"],
    "hygiene": [],
    "injection": [],
    "races": ["--names", "200", "--rings", "300", "--pairs", "100"],
    "revocation": ["--people", "1000"],
    "secrets_found": [],
    "async_requests": ["--operations", "500", "--deaths", "5"],
    "reloads": ["--reloads", "20"],
    "day": ["--rounds", "5"],
    "received_signals": ["--signals", "500", "--deaths", "9"],
    "webhooks": ["--events", "1000", "--deaths", "3"],
    "signals": ["--events", "300", "--deaths", "2"],
    "week": ["--people", "2000"],
}


def main() -> int:
    wanted = _arguments()
    rows, failed = [], False
    for name in wanted:
        row, holds = _run(name)
        rows.append(row)
        failed |= not holds
    print(f"\n{HEADER}", *rows, sep="\n")
    return int(failed)


def _run(name: str) -> tuple[str, bool]:
    """Run one test, and return its row and whether its promise holds."""
    print(f"\n{name} {' '.join(FULL_SIZE[name])}", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", f"tests.faults.{name}", *FULL_SIZE[name]]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    if not last.startswith("| "):
        last = str(Outcome(name, "", "did not finish", holds=False))
    return last, process.returncode == 0


def _arguments() -> list[str]:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="test", help=", ".join(FULL_SIZE))
    names: list[str] = parser.parse_args().names
    if unknown := set(names) - FULL_SIZE.keys():
        parser.error(f"no such test: {', '.join(sorted(unknown))}")
    return names or list(FULL_SIZE)


if __name__ == "__main__":
    sys.exit(main())
