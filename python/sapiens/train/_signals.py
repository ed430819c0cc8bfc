"""Signals, by which a run ends after a step."""

from __future__ import annotations

import contextlib
import signal
from typing import Any, Iterator


class Interrupted(Exception):
    """A signal ended the run after a step; its state is saved."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"interrupted after step {step}; --resume goes on")
        self.number = number


class Signals:
    """Ctrl-C, SIGTERM and the end of the terminal, counted instead of obeyed; Ctrl-C again and
    again is obeyed."""

    PATIENCE = 2  # one Ctrl-C may come twice: from the terminal, and from torchrun
    NUMBERS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))

    def __init__(self) -> None:
        self.counts = dict.fromkeys(self.NUMBERS, 0)

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        before = {
            number: signal.signal(number, self._count)
            for number in self.counts
            if signal.getsignal(number) != signal.SIG_IGN  # as nohup asks for
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _count(self, number: int, _: Any) -> None:
        self.counts[signal.Signals(number)] += 1
        if number == signal.SIGINT and self.counts[signal.SIGINT] > self.PATIENCE:
            raise KeyboardInterrupt
