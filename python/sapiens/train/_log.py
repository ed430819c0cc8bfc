"""What a run tells: lines on standard error, log.csv and TensorBoard's events."""

from __future__ import annotations

import contextlib
import csv
import math
import sys
import time
from pathlib import Path
from typing import Any, Optional

from .. import _sapiens

COLUMNS = ("step", "epoch", "images", "minutes", "loss", "rate", "gradient", "images_per_second")
_SILENCE = 60  # seconds without a line


def say(text: str) -> None:
    """Lines on standard error, where names of files and classes cannot control the terminal."""
    text = text.encode("utf-8", "backslashreplace").decode()  # names may be no UTF-8
    lines = [_sapiens.printable(line) for line in text.split("\n")]
    # A terminal that was closed ends no run.
    with contextlib.suppress(OSError):
        print("\n".join(lines), file=sys.stderr, flush=True)


class Log:
    """The log of a run whose first `step` steps are done; rows beyond them are dropped."""

    def __init__(self, run: Path, step: int, tensorboard: bool) -> None:
        path = run / "log.csv"
        rows = []
        if step > 0 and path.exists():
            with open(path, newline="") as file:
                rows = [row for row in csv.reader(file) if _is_until(row, step)]
        self._file = open(path, "w", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(COLUMNS)
        self._writer.writerows(rows)
        self._file.flush()
        self._told = -math.inf
        self._events: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._events = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)

    def add(self, row: dict[str, float], steps: Optional[int], seconds_left: float) -> None:
        """A row of the values of COLUMNS, and a line."""
        values = {name: f"{row[name]:.6g}" for name in COLUMNS}
        values["step"] = str(int(row["step"]))
        self._writer.writerow(values.values())
        self._file.flush()
        self.events(int(row["step"]), {name: row[name] for name in COLUMNS[4:]}, "train")
        self.tell(row, steps, seconds_left)

    @property
    def silent(self) -> bool:
        """Whether the last line is long ago, or there was none."""
        return time.monotonic() - self._told > _SILENCE

    def tell(self, row: dict[str, float], steps: Optional[int], seconds_left: float) -> None:
        """A line alone, which also tells what is left."""
        self._told = time.monotonic()
        of = f" of {steps}" if steps else ""
        say(
            f"step {row['step']:.0f}{of}: loss {row['loss']:.5g}, rate {row['rate']:.3g}, "
            f"gradient {row['gradient']:.3g}, {row['images_per_second']:.3g} images/s, "
            f"{_time(seconds_left)} left"
        )

    def events(self, step: int, values: dict[str, Any], group: str) -> None:
        """Numbers for TensorBoard alone."""
        if self._events is None:
            return
        for name, value in values.items():
            if value is not None:
                self._events.add_scalar(f"{group}/{name}", value, step)
        self._events.flush()

    def close(self) -> None:
        self._file.close()
        if self._events is not None:
            self._events.close()


def _is_until(row: list[str], step: int) -> bool:
    # The last row may be cut off by the end of a process.
    return len(row) == len(COLUMNS) and row[0].isdigit() and int(row[0]) <= step


def _time(seconds: float) -> str:
    seconds = max(0, round(seconds))
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds // 60 % 60:02} min"
    return f"{seconds // 60}:{seconds % 60:02}"


class Clock:
    """Seconds of training, interruptions not counted."""

    def __init__(self, before: float) -> None:
        self._start = time.monotonic() - before

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start
