"""What must be whole is not cut in two by a signal, and no signal is lost."""

import contextlib
import signal
from collections.abc import Iterator

import pytest

from experiments.program.interruption import ENDING, Hearing, Interrupted, handled_by, hearing, interrupt


@pytest.fixture(autouse=True)
def no_signal_is_ignored() -> Iterator[None]:
    """Whoever started the tests may have been told to ignore some."""
    before = {signum: signal.signal(signum, signal.SIG_DFL) for signum in ENDING}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.mark.parametrize("signum", ENDING)
def test_what_is_attempted_is_broken_off_and_what_is_not_goes_on(signum):
    done = []
    with hearing() as heard:
        cause = heard.attempt(lambda: (signal.raise_signal(signum), done.append("attempted")))
        signal.raise_signal(signum)
        done.append("whole")
    assert isinstance(cause, Interrupted)
    assert cause.exit_code == 128 + signum
    assert done == ["whole"]


def test_a_signal_that_nobody_was_ready_for_breaks_off_the_next_attempt_before_it_begins():
    done = []
    with hearing() as heard:
        signal.raise_signal(signal.SIGHUP)
        assert isinstance(heard.attempt(lambda: done.append("first")), Interrupted)
        assert heard.attempt(lambda: done.append("second")) is None
    assert done == ["second"]


def test_the_first_signal_is_the_one_that_ended_it():
    with hearing() as heard:
        heard.attempt(lambda: signal.raise_signal(signal.SIGTERM))
        hurried = heard.attempt(lambda: signal.raise_signal(signal.SIGINT))
    assert str(hurried) == str(heard.interruption) == "interrupted by SIGTERM"


def test_a_signal_whose_exception_somebody_swallowed_is_found_out():
    def swallow() -> None:
        with contextlib.suppress(BaseException):
            signal.raise_signal(signal.SIGINT)

    with hearing() as heard:
        assert heard.attempt(swallow) is None
        with pytest.raises(Interrupted):
            heard.check()


def test_what_goes_wrong_by_itself_is_handed_back_and_is_no_signal():
    heard, bug = Hearing(), ZeroDivisionError("a bug")

    def fail() -> None:
        raise bug

    assert heard.attempt(fail) is bug
    assert heard.interruption is None


def test_a_program_started_by_nohup_goes_on_ignoring_sighup():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with handled_by(interrupt):
        signal.raise_signal(signal.SIGHUP)
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)


def test_handlers_are_as_they_were_afterwards():
    with hearing():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    assert [signal.getsignal(signum) for signum in ENDING] == [signal.SIG_DFL] * len(ENDING)
