import dataclasses
import json
import os
import platform
import socket
import sys
import urllib.parse
from pathlib import Path

from tests.bench.load.ceiling import calibrate
from tests.bench.load.measuring import measure
from tests.bench.load.report import Row
from tests.bench.load.settings import Settings, settings


def main() -> int:
    wanted = settings()
    if wanted.calibrate:
        calibrate(wanted)
        return 0
    url = urllib.parse.urlsplit(wanted.base)
    try:
        socket.create_connection((url.hostname or "", url.port or 80), timeout=5).close()
    except OSError as error:
        print(f"{wanted.base}: {error}", file=sys.stderr)
        return 2
    rows = measure(wanted)
    if wanted.out:
        _write(Path(wanted.out), wanted, rows)
    return 1 if any(row["errors"] for row in rows) else 0


def _write(path: Path, wanted: Settings, rows: list[Row]) -> None:
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    options = dataclasses.asdict(wanted)
    kept = {name: value for name, value in options.items() if name not in ("token", "header")}
    figures = {"settings": kept, "machine": machine, "phases": rows}
    path.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    sys.exit(main())
