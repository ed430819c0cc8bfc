"""What a process holds and has used, and whether that stayed flat."""

import os
import pathlib
import statistics
import time
import zlib

TICK = os.sysconf("SC_CLK_TCK")
MEBIBYTE = 1024.0


def cpu_seconds(process: int) -> float:
    """Processor time of a process and of its threads that have ended."""
    stat = pathlib.Path(f"/proc/{process}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(process: int) -> dict:
    kib = {}
    for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        kib[name] = int(value.split()[0])
    names = {"rss_mib": "Rss", "pss_mib": "Pss", "anonymous_mib": "Anonymous"}
    return {ours: round(kib[theirs] / MEBIBYTE, 3) for ours, theirs in names.items()}


PROBE = b"".join(number.to_bytes(3, "little") for number in range(0, 1 << 20, 3))


def probe_seconds() -> float:
    """Processor time of a fixed calculation. Two threads on one core, and clocks that change with
    the load, make the same work take more or less processor time; this says how much."""
    times = []
    for _ in range(3):
        started = time.thread_time()
        zlib.compress(PROBE)
        times.append(time.thread_time() - started)
    return statistics.median(times)


def sample(process: int, calls: int, started: float) -> dict:
    """The lowest of some counts of threads and descriptors: what comes and goes with each request
    would hide what stays."""
    threads, descriptors = [], []
    for _ in range(5):
        threads.append(len(os.listdir(f"/proc/{process}/task")))
        descriptors.append(len(os.listdir(f"/proc/{process}/fd")))
        time.sleep(0.1)
    return {
        "minutes": (time.monotonic() - started) / 60,
        **memory(process),
        "descriptors": min(descriptors),
        "threads": min(threads),
        "cpu_seconds": cpu_seconds(process),
        "probe_seconds": probe_seconds(),
        "calls": calls,
    }


def rates(samples: list) -> list:
    """The samples but the first, each with the calls per second since the one before."""
    out = []
    for before, now in zip(samples, samples[1:]):
        calls = now["calls"] - before["calls"]
        cpu = now["cpu_seconds"] - before["cpu_seconds"]
        wall = 60 * (now["minutes"] - before["minutes"])
        out.append(
            {
                **now,
                "calls_per_cpu_second": calls / cpu if cpu > 0 else 0.0,
                "calls_per_100_probes": 100 * now["probe_seconds"] * calls / cpu if cpu > 0 else 0.0,
                "calls_per_second": calls / wall,
            }
        )
    return out


def slope_per_hour(samples: list, name: str) -> float:
    if len(samples) < 2:
        return 0.0
    minutes = [sample["minutes"] for sample in samples]
    return 60 * statistics.linear_regression(minutes, [sample[name] for sample in samples]).slope


# What may change between the first and the last quarter after the warm-up: a share of the first,
# and an amount that is allowed in any case. Throughput per second depends on what else the machine
# does, and is shown without a limit; throughput per fixed calculation should not.
LIMITS = {
    "rss_mib": (0.02, 2.0),
    "pss_mib": (0.02, 2.0),
    "anonymous_mib": (0.02, 2.0),
    "descriptors": (0.0, 1.0),
    "threads": (0.0, 1.0),
    "calls_per_100_probes": (0.05, 0.0),
    "calls_per_cpu_second": None,
    "calls_per_second": None,
}


def verdict(samples: list, warm_up: float) -> list:
    """A row per quantity: medians of the first and the last quarter, slope, and whether it is flat."""
    kept = [each for each in rates(samples) if each["minutes"] >= warm_up]
    quarter = max(1, len(kept) // 4)
    rows = []
    for name, limit in LIMITS.items():
        first = statistics.median(each[name] for each in kept[:quarter])
        last = statistics.median(each[name] for each in kept[-quarter:])
        change = first - last if name.startswith("calls") else last - first
        flat = limit is None or change <= max(limit[0] * first, limit[1])
        rows.append(
            {
                "name": name,
                "first_quarter": first,
                "last_quarter": last,
                "slope_per_hour": slope_per_hour(kept, name),
                "highest": max(each[name] for each in kept),
                "limit": limit,
                "flat": flat,
            }
        )
    return rows


class Pace:
    """Keeps a process at a share of one core, by sleeping behind each piece of work."""

    def __init__(self, process: int, share: float) -> None:
        self._process, self._share = process, share
        self._wall, self._cpu = time.monotonic(), cpu_seconds(process)

    def rest(self) -> None:
        cpu, now = cpu_seconds(self._process), time.monotonic()
        due = self._wall + (cpu - self._cpu) / self._share
        if due > now:
            time.sleep(min(due - now, 5.0))
        # What was lost to other processes is not made up for later.
        if now - self._wall > 10:
            self._wall, self._cpu = time.monotonic(), cpu_seconds(self._process)


class Answers:
    """The first answer to every call; another answer to the same call is a fault."""

    def __init__(self) -> None:
        self.first, self.calls, self.faults = {}, 0, []

    def check(self, name: str, answer: object) -> None:
        self.calls += 1
        if self.first.setdefault(name, answer) != answer and len(self.faults) < 100:
            self.faults.append(f"{name}: {self.first[name]!r:.300} became {answer!r:.300}")
