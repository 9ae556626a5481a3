"""The processes of the client: a parent that says what to do, and children that do it."""

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess

from tests.bench import cpu
from tests.bench.load import report
from tests.bench.load.loop import Loop
from tests.bench.load.phase import Outcome
from tests.bench.load.settings import WRITES, Settings

Child = tuple[BaseProcess, Pipe]


def measure(settings: Settings) -> list[report.Row]:
    """Run the phases one after another, printing each as it ends."""
    with _children(settings) as children:
        pipes = [pipe for _, pipe in children]
        try:
            for pipe in pipes:
                pipe.recv()
            report.show_head(with_server_cpu=bool(settings.cpu_of))
            return [_measured(settings, phase, pipes) for phase in settings.phases]
        except EOFError:
            raise SystemExit("a process of the client ended early") from None


def _measured(settings: Settings, phase: str, pipes: Sequence[Pipe]) -> report.Row:
    before = {name: cpu.seconds_of(pid) for name, pid in settings.cpu_of}
    for pipe in pipes:
        pipe.send(phase)
    row = report.row(phase, [pipe.recv() for pipe in pipes], settings.processes)
    done = max(1, row["requests"] + row["errors"])
    row["server_cpu_ms"] = {
        name: round((cpu.seconds_of(pid) - before[name]) / done * 1e3, 3)
        for name, pid in settings.cpu_of
    }
    report.show(row)
    return row


@contextmanager
def _children(settings: Settings) -> Iterator[list[Child]]:
    children = [_child(settings, share) for share in range(settings.processes)]
    try:
        yield children
        for process, pipe in children:
            pipe.send(None)
            process.join(10)
    finally:
        for process, _ in children:
            if process.is_alive():
                process.terminate()


def _child(settings: Settings, share: int) -> Child:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(settings, share, there), daemon=True)
    process.start()
    there.close()
    return process, here


def _serve(settings: Settings, share: int, pipe: Pipe) -> None:
    """Do what the parent sends, until None."""
    slots = range(share, settings.concurrency, settings.processes)
    loop = Loop(settings, slots)
    loop.warm_up(settings.warm_up // settings.processes)
    if settings.attach:
        loop.attach(settings.attach, settings.processes, share)
    pipe.send("ready")
    while (phase := pipe.recv()) is not None:
        pipe.send(_outcome(settings, loop, slots, phase))


def _outcome(settings: Settings, loop: Loop, slots: Sequence[int], phase: str) -> Outcome:
    if phase.startswith("list"):
        total = loop.count_total()
        for client in loop.clients:
            client.total = total
    count = settings.count_of(phase)
    counts = [len(range(slot, count, settings.concurrency)) for slot in slots]
    rate = settings.rate / settings.processes if phase == "mix" else 0.0
    removed = [c.people[-1] for c in loop.clients if c.people and c.people[-1].mine]
    outcome = loop.run(phase, settings.seconds_of(phase), counts, rate)
    if phase in WRITES:
        outcome.errors.update(loop.read_back(phase, removed))
    return outcome
