"""The inference process as its parent sees it: started with spawn, told over a pipe, never orphaned."""

import multiprocessing
import signal
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

from pipeline.options import WorkerOptions
from pipeline.worker import inference
from pipeline.worker.jobs import Failed, Finish, Order, Ready, TaskFailed, decode_report, encode_note
from pipeline.worker.progress import LEAST_PATIENCE_NS, NEVER_NS, Activity, Progress

EXIT_S = 1.0  # from the closing of its pipe to its end, unless it computes
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class InferenceError(Exception):
    """The inference process cannot go on, or is gone; the text says why."""


class InferenceProcess:
    """Runs `inference.main`.

    Attributes:
        reports: pipe that is readable when there is a report.
        results: pipe of finished tasks, for the sender.
    """

    def __init__(self, options: WorkerOptions) -> None:
        spawn = multiprocessing.get_context("spawn")  # fork would copy ZeroMQ's threads' locks
        orders, self._orders = spawn.Pipe(duplex=False)  # three times faster than a duplex one
        self.reports, reports = spawn.Pipe(duplex=False)
        self.results, results = spawn.Pipe(duplex=False)
        self._progress = Progress(spawn)
        self._n_told = 0
        self._unheard = 0, 0  # orders taken when some were seen to wait, and since when they do, in ns
        self._process = spawn.Process(
            target=inference.main, args=(orders, reports, results, self._progress, options), name="inference"
        )
        _start_unsignalled(self._process)
        for pipe in (orders, reports, results):  # only the process itself holds these: its end is theirs
            pipe.close()

    def tell(self, order: Order) -> None:
        """Give it an order; it is done after those before it. Raises InferenceError."""
        try:
            self._orders.send_bytes(encode_note(order))
            self._n_told += 1
        except BrokenPipeError:
            raise InferenceError(self._obituary()) from None

    def bind(self, epoch: int, grade: int) -> None:
        """Have it do tasks of an earlier epoch that it has not begun at this grade, if that is loaded."""
        self._progress.bind(epoch, grade)

    def activity(self, now_ns: int) -> Activity:
        """Say what it is at, as seen now."""
        due_ns, n_taken = self._progress.due_ns, self._progress.n_taken
        if due_ns or n_taken == self._n_told:
            self._unheard = 0, 0
            return Activity(self._progress.started_ns, due_ns or NEVER_NS)
        if self._unheard[0] != n_taken or not self._unheard[1]:
            self._unheard = n_taken, now_ns  # it waits for orders, and there are some
        return Activity(0, self._unheard[1] + LEAST_PATIENCE_NS)

    def report(self) -> Ready | TaskFailed:
        """Say what it says; call when `reports` is readable. Raises InferenceError."""
        try:
            report = decode_report(self.reports.recv_bytes())
        except EOFError:
            raise InferenceError(self._obituary()) from None
        if isinstance(report, Failed):
            raise InferenceError(report.reason)
        return report

    def finish(self) -> None:
        """Have it end once all it was told is done. Raises InferenceError."""
        self.tell(Finish())

    def end(self) -> None:
        """Have it end, kill it if it does not at once: `results` ends, too."""
        self._orders.close()
        self._process.join(EXIT_S)
        self.kill()

    def kill(self) -> None:
        """End it at once, even one that is stopped: `results` ends, too."""
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """Release the pipes, once nobody reads `results` any more."""
        self.end()
        self.reports.close()
        self.results.close()

    def _obituary(self) -> str:
        """Why it is gone: its own last words, or its exit code."""
        while self.reports.poll():
            try:
                report = decode_report(self.reports.recv_bytes())
            except EOFError:
                break
            if isinstance(report, Failed):
                return report.reason
        self._process.join(EXIT_S)
        return f"the inference process ended with exit code {self._process.exitcode}"


def _start_unsignalled(process: BaseProcess) -> None:
    """Start it so that Ctrl-C, which goes to every process of a terminal, reaches only its parent.

    It inherits the blocked signals; those that come meanwhile are delivered to us afterwards.
    """
    resource_tracker.ensure_running()  # would unblock the signals again
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
