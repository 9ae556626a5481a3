"""Deaths that are spread evenly over a piece of work, and that no fast machine outruns."""

from dataclasses import dataclass

from tests.faults.stack import Stack
from tests.services.process import within

SECONDS_TO_RUN_AGAIN = 60


@dataclass
class StagedDeaths:
    """So many stages, at each of which the named programs are killed.

    A stage is due once its share of the work is done. The receiver of the work refuses it while the
    stage `is_overdue`. Otherwise the work would end before the last stage.
    """

    programs: tuple[str, ...]
    stages: int
    work: int
    done_stages: int = 0

    @property
    def killed(self) -> int:
        return self.done_stages * len(self.programs)

    @property
    def is_over(self) -> bool:
        return self.done_stages == self.stages

    def is_overdue(self, done: int) -> bool:
        return not self.is_over and done > self._share(self.done_stages + 1.5)

    def kill_if_due(self, stack: Stack, done: int) -> None:
        if self.is_over or done <= self._share(self.done_stages + 1):
            return
        for name in self.programs:
            # A program that was killed before may still be starting.
            within(SECONDS_TO_RUN_AGAIN, lambda name=name: stack.kill_program(name))  # type: ignore[misc]
        self.done_stages += 1

    def _share(self, stage: float) -> float:
        return self.work * stage / (self.stages + 1)
