"""A supervisor for several programs: it restarts those that die or hang, and ends all together.

It uses no threads: signals are blocked, and received one at a time. Each program leads its own
process group, so that its child processes can be ended too. If the supervisor itself is killed, the
kernel ends the programs (PR_SET_PDEATHSIG).
"""

import ctypes
import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Final

from django.conf import settings

from ramp import heartbeats
from ramp.watchdogs import HeartbeatWatch, Watch, WebWatch, WorkerWatch

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG: Final = 1
END_SIGNALS: Final = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
WSGI_MODULE: Final = "ramp.wsgi"
GRACE: Final = 15.0
MAX_PAUSE: Final = 30.0
CHECK_SECONDS: Final = 2.0
libc: Final = ctypes.CDLL(None, use_errno=True)


class PortTakenError(Exception):
    """The web processes cannot listen on HOST and PORT."""

    def __init__(self, port: int, reason: OSError) -> None:
        match reason.errno:
            case errno.EADDRINUSE:
                text = (
                    f"Port {port} is in use. Stop the program that uses it, or choose another: "
                    f"PORT={port + 1}"
                )
            case errno.EACCES:
                text = (
                    f"Port {port}: only root may listen below 1024. Set PORT=8000, and let your "
                    f"proxy listen on {port}."
                )
            case _:
                text = (
                    f"{settings.HOST}:{port}: {reason.strerror}. Set HOST to an address of this "
                    "machine, such as 127.0.0.1, and PORT to a number up to 65535."
                )
        super().__init__(text)


def preflight() -> None:
    """Fail at once for problems that would make the web processes fail repeatedly.

    :raises PortTakenError: if another program uses the port, or it cannot be used.
    """
    import_module(WSGI_MODULE)
    try:
        socket.create_server((settings.HOST, settings.PORT)).close()
    except OSError as error:
        raise PortTakenError(settings.PORT, error) from error
    except OverflowError as error:
        reason = OSError(errno.EINVAL, "the port is out of range")
        raise PortTakenError(settings.PORT, reason) from error


@dataclass(frozen=True)
class Program:
    name: str
    command: list[str]
    watches: Sequence[Watch] = ()
    # The heartbeats that it writes, for /readyz.
    signs: Sequence[str] = ()
    # Makes the program load the installed code. By default, it finishes its work and ends.
    reload_signal: signal.Signals = signal.SIGTERM


def web() -> Program:
    # Python runs one thread at a time. More threads serve requests that only wait, for a slow
    # directory or for the rest of a request body.
    options = [
        *("--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--blocking-threads", str(settings.WEB_THREADS)),
        *("--host", settings.HOST, "--port", str(settings.PORT)),
        *("--workers", str(settings.WEB_PROCESSES), "--workers-kill-timeout", "10"),
        *("--respawn-failed-workers", "--log-level", "warning"),
        *(_tls() if settings.TLS_KEY else ()),
    ]
    command = [sys.executable, "-m", "ramp.web_server", *options, f"{WSGI_MODULE}:application"]
    # Granian starts each new process before it ends the one that it replaces.
    return Program("web", command, [WebWatch()], reload_signal=signal.SIGHUP)


def _tls() -> list[str]:
    return ["--ssl-certificate", settings.TLS_CERTIFICATE, "--ssl-keyfile", settings.TLS_KEY]


def worker(*, processes: int, with_beat: bool = False) -> Program:
    options = [
        *("--loglevel", "WARNING", "--concurrency", str(processes)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *(["--beat"] if with_beat else []),
    ]
    watches = [WorkerWatch(), *([HeartbeatWatch(heartbeats.BEAT)] if with_beat else [])]
    left = [heartbeats.WORKER, *([heartbeats.BEAT] if with_beat else [])]
    return Program("worker", [*_celery(), "worker", *options], watches, left)


def beat() -> Program:
    command = [*_celery(), "beat", "--loglevel", "WARNING", "--pidfile="]
    return Program("beat", command, [HeartbeatWatch(heartbeats.BEAT)], [heartbeats.BEAT])


def _celery() -> list[str]:
    # Celery warns at each start as root, which the people who start it know.
    quiet = ["-W", "ignore:You're running the worker with superuser"]
    return [sys.executable, *quiet, "-m", "celery", "--quiet", "--app", "ramp"]


def supervise(
    programs: Iterable[Program], *, announce: Callable[[], None], reloads: bool = False
) -> None:
    """Run the programs until a signal to end; call `announce` once they run.

    If there is a web server among them, that is when it accepts connections. If `reloads`, SIGHUP
    makes the programs load the installed code, without a refused connection.
    """
    awaited = END_SIGNALS - ({signal.SIGHUP} if _hangups_are_ignored() else set())
    signal.pthread_sigmask(signal.SIG_BLOCK, {*awaited, signal.SIGCHLD})
    children = [_Child(program) for program in programs]
    has_web = any(child.program.name == "web" for child in children)
    announced = False
    folder = tempfile.TemporaryDirectory(prefix="ramp-signs-")
    settings.SIGNS_DIR = folder.name
    settings.METRICS_DIR = str(Path(folder.name, "metrics"))
    Path(settings.METRICS_DIR).mkdir()
    settings.SIGNS_OF = [sign for child in children for sign in child.program.signs]
    try:
        while True:
            received = _wait_for({*awaited, signal.SIGCHLD}, within=1.0 if announced else 0.1)
            if received == signal.SIGHUP and reloads:
                for child in children:
                    child.reload()
            elif received in awaited:
                break
            for child in children:
                child.check()
            if not announced and (not has_web or _web_answers()):
                announce()
                announced = True
    finally:
        _end(children, awaited)
        folder.cleanup()


def _hangups_are_ignored() -> bool:
    return signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def _wait_for(signals: set[signal.Signals], *, within: float) -> int | None:
    received = signal.sigtimedwait(signals, within)
    return received.si_signo if received else None


def _web_answers() -> bool:
    try:
        socket.create_connection((settings.HOST, settings.PORT), timeout=0.2).close()
    except OSError:
        return False
    return True


def _end(children: list["_Child"], end_signals: set[signal.Signals]) -> None:
    """Terminate all children. After GRACE or a second signal, kill them."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + GRACE
    while any(child.is_running() for child in children) and time.monotonic() < deadline:
        if _wait_for({*end_signals, signal.SIGCHLD}, within=0.1) in end_signals:
            break
    for child in children:
        child.reap()


@dataclass
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    began_at: float = field(default_factory=time.monotonic)
    start_at: float = field(default_factory=time.monotonic)
    check_at: float = 0.0
    is_reloading: bool = False

    def check(self) -> None:
        """Start the program if it is due, and restart it if it has ended or hangs."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_at:
                self.began_at = now
                self.process = _start(self.program.command)
                for watch in self.program.watches:
                    watch.begin(self.process.pid)
        elif not self.is_running() and self.is_reloading:
            self.reap()
            self.is_reloading, self.failures, self.start_at = False, 0, now
        elif not self.is_running():
            self._schedule_restart(f"ended ({self.reap()})", now)
        elif now >= self.check_at:
            self.check_at = now + CHECK_SECONDS
            problems = filter(None, (watch.problem() for watch in self.program.watches))
            if problem := next(problems, ""):
                self.reap()
                self._schedule_restart(f"was killed: {problem}", now)

    def _schedule_restart(self, what: str, now: float) -> None:
        self.is_reloading = False
        self.failures = 0 if now - self.began_at > MAX_PAUSE else self.failures + 1
        pause = min(0.25 * 2**self.failures, MAX_PAUSE)
        self.start_at = now + pause
        log.error("%s %s; it starts again in %.1f s", self.program.name, what, pause)

    def is_running(self) -> bool:
        if self.process is None:
            return False
        # Not poll(), which would reap the child: as long as it is a zombie, no other process can
        # get its process group id, so killpg is safe.
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, options) is None

    def reload(self) -> None:
        if self.is_running() and self.process:
            log.info("%s reloads.", self.program.name)
            for watch in self.program.watches:
                watch.begin_reload()
            os.kill(self.process.pid, self.program.reload_signal)
            self.is_reloading = self.program.reload_signal == signal.SIGTERM

    def terminate(self) -> None:
        if self.is_running() and self.process:
            os.kill(self.process.pid, signal.SIGTERM)

    def reap(self) -> int | None:
        """Kill the rest of the child's process group, and return the child's exit code."""
        if self.process is None:
            return None
        os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        self.process = None
        return code


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    parent = os.getpid()

    def prepare() -> None:
        end_with_parent(parent)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    return subprocess.Popen(  # noqa: S603  our own commands
        command,
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            # The command line may have changed it, and jobs ask for it.
            "WORKER_PROCESSES": str(settings.WORKER_PROCESSES),
            "SIGNS_DIR": settings.SIGNS_DIR,
            "SIGNS_OF": ",".join(settings.SIGNS_OF),
            "PROMETHEUS_MULTIPROC_DIR": settings.METRICS_DIR,
        },
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=prepare,  # noqa: PLW1509  no thread of ours holds a lock at this point
    )


def end_with_parent(parent: int, *, by: signal.Signals = signal.SIGTERM) -> None:
    """Make the kernel signal this just forked process when its parent dies."""
    libc.prctl(PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:
        os._exit(1)
