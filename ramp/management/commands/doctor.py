from dataclasses import asdict
from typing import Any

from people.management.operator_command import OperatorCommand
from ramp import doctor
from ramp.doctor import Finding, Level


class Command(OperatorCommand):
    help = (
        "Check this installation: settings, database, clock, migrations, broker, processes, disk, "
        "emails and events. Each line says OK, warning or problem. The exit code is 1 if there is "
        "a problem."
    )
    # The checks are among the findings, and must not stop the command.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(doctor.findings())
        is_healthy = all(one.level != Level.PROBLEM for one in found)
        facts = {"healthy": is_healthy, "findings": [asdict(one) for one in found]}
        self.show(facts, [_line(one) for one in found], as_json=options["json"])
        if not is_healthy:
            raise SystemExit(1)


def _line(finding: Finding) -> str:
    line = f"{finding.level:<8} {finding.check}: {finding.text}"
    return f"{line}\n         {finding.advice}" if finding.advice else line
