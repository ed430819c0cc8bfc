"""Where a run goes on: folders state/step-N that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import torch

from ._errors import DataError

_FOLDER = "state"
_FILE = "state.pt"
#: What a state has.
KEYS = (
    *("model", "optimizer", "step", "images", "seconds", "best", "measured", "recent"),
    *("samples", "names", "config"),
)
_DAMAGED = (
    "this is no state of a run, or a damaged one; put a copy back, or remove it: the run then "
    "begins with the first step"
)


class WriteError(RuntimeError):
    """PyTorch could not write a file, which has no type of its own."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tells such errors of PyTorch from others, with the name of the file."""
    try:
        yield
    except RuntimeError as error:
        if not re.search("PytorchStreamWriter|inline_container", str(error)):
            raise
        raise WriteError(f"{path}: it could not be written; is the disk full? ({error})") from None


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """`write(partial)` makes a file that then takes the place of `path` in one step."""
    # The ending is kept, as some writers look at it.
    partial = path.with_name(f".partial-{path.name}")
    try:
        write(partial)
        _flush(partial)
        os.replace(partial, path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def save_state(run: Path, step: int, content: dict[str, Any]) -> None:
    """Writes the state after `step` steps, and then removes the ones before."""
    folder = run / _FOLDER
    target = folder / f"step-{step}"
    if target.exists():
        return
    partial = folder / f"partial-{step}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with writing(partial / _FILE):
        torch.save(content, partial / _FILE)
    _flush(partial / _FILE)
    os.rename(partial, target)
    _flush(folder)
    for other in folder.iterdir():
        if other != target:
            shutil.rmtree(other, ignore_errors=True)


def read_state(run: Path) -> Optional[dict[str, Any]]:
    """The last state that is whole, with tensors on the CPU; None where there is none.

    Raises:
        DataError: It cannot be read.
    """
    states = _states(run)
    if not states:
        return None
    path = max(states)[1] / _FILE
    try:
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()  # PyTorch does not look at checksums
        if damaged:
            raise ValueError(f"{damaged} has another checksum")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # it may be of any kind; code in the file is not run
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path}: {reason}; {_DAMAGED}") from None
    missing = [name for name in KEYS if not isinstance(content, dict) or name not in content]
    if missing:
        raise DataError(f"{path}: {missing[0]} is missing; {_DAMAGED}")
    return content


def has_state(run: Path) -> bool:
    return bool(_states(run))


def _states(run: Path) -> list[tuple[int, Path]]:
    """Steps and folders of the states that are whole."""
    return [
        (int(found[1]), path)
        for path in (run / _FOLDER).glob("step-*")
        if (found := re.fullmatch(r"step-(\d+)", path.name))
    ]


def remove_states(run: Path) -> None:
    shutil.rmtree(run / _FOLDER, ignore_errors=True)


def _flush(path: Path) -> None:
    """To the disk: a rename may otherwise outlive the bytes it names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
