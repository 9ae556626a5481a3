"""Management commands against one server's database, at no more than what each does.

Started as a program, this loads Django once and then does each command that it is told, a line
of JSON each, in a fork of itself: nothing is left over from one command to the next.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import django
from django.core.checks import run_checks
from django.core.management import execute_from_command_line

from ramp.processes import end_with_parent

ROOT: Final = Path(__file__).resolve().parents[2]


class Manager:
    """Runs `manage.py` in an environment; `end` ends it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        paths = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.services.manage"],
            cwd=ROOT,
            env={**environment, "PYTHONPATH": paths, "DJANGO_SETTINGS_MODULE": "ramp.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=partial(end_with_parent, os.getpid()),
        )

    def run(self, *arguments: str) -> str:
        """Run a command, and return what it printed.

        :raises RuntimeError: with what it said, if it fails.
        """
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        values: dict[str, Any] = json.loads(self.process.stdout.readline())
        if values["code"]:
            raise RuntimeError(f"manage.py {' '.join(arguments)} failed:\n{values['errors']}")
        return str(values["printed"])

    def end(self) -> None:
        self.process.communicate(timeout=10)


def run(arguments: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(printed.fileno(), 1)
            os.dup2(errors.fileno(), 2)
            _obey(arguments)
        _, status = os.waitpid(child, 0)
        texts = {"printed": printed, "errors": errors}
        for file in texts.values():
            file.seek(0)
        values = {name: file.read().decode() for name, file in texts.items()}
    return {"code": os.waitstatus_to_exitcode(status), **values}


def _obey(arguments: Sequence[str]) -> None:
    """Run the command as `manage.py` does, and end this process."""
    code: int | str | None = 0
    try:
        execute_from_command_line(["manage.py", *arguments])
    except SystemExit as ending:
        code = ending.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def main() -> None:
    django.setup()
    # Each command checks the system first, for which it would load the URLconf and all views.
    run_checks()
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
