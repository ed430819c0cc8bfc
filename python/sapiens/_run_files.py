"""Files of an output folder: read and mapped, and never one outside of it."""

from __future__ import annotations

import errno
import math
import mmap
import os
import stat
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from ._errors import CorruptFileError, Error, NotFoundError, OutOfResourcesError, make_refusal

# Maps that are kept for the next array, and all that are alive, each with a descriptor of its own.
_KEPT, _ALIVE = 32, 256
_MAX_BYTES = 1 << 48
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class RunFiles:
    """The files below `folder`, by the names that an index gives them, which are not trusted.

    May be used from several threads. A copy in another process opens the files anew.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        # The folder may be a link; what is in it may be one to something in it.
        self._real = os.path.realpath(folder)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, mmap.mmap] = OrderedDict()
        self._alive: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()

    def __reduce__(self) -> Any:
        return RunFiles, (self.folder,)

    def open(self, name: str, place: str = "") -> BinaryIO:
        """Opens a file for reading.

        Args:
            name: Relative, with slashes.
            place: Where the name was found, for errors.

        Raises:
            CorruptFileError: The name leads out of the folder, or to what is no file.
            NotFoundError: There is no such file, or it may not be read.
        """
        path = os.path.realpath(self._path(name, place))
        if not path.startswith(os.path.join(self._real, "")):
            raise self._leads_out(name, place)
        try:
            # Without O_NONBLOCK a FIFO would be waited for.
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            raise self._unopened(name, place, error) from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise make_refusal(
                CorruptFileError, "this is not a file", file=self._shown(name), key=place
            )
        return os.fdopen(handle, "rb")

    def exists(self, name: str, place: str = "") -> bool:
        """Whether there is something of that name. Raises CorruptFileError as `open` does."""
        return os.path.lexists(self._path(name, place))

    def below(self, folder: str, ending: str, without: str) -> Iterator[str]:
        """Names of the files below a folder that end so, sorted, leaving out the folder `without`."""
        top = os.path.join(self._real, folder)
        for path, folders, files in os.walk(top):
            if path == top and without in folders:
                folders.remove(without)
            folders.sort()
            for file in sorted(files):
                if file.endswith(ending) and not file.startswith("."):
                    yield os.path.relpath(os.path.join(path, file), self._real)

    def bytes_at(self, name: str, offset: int, size: int, place: str = "") -> Any:
        """That many bytes of a file: a view of its map, or a copy where too many maps are alive.
        Raises as `open` does, and CorruptFileError where the file ends before."""
        with self._lock:
            mapped = self._kept.get(name)
            if mapped is not None:
                self._kept.move_to_end(name)
                self._expect(name, offset, size, len(mapped), place)
                return memoryview(mapped)[offset : offset + size]
            with self.open(name, place) as file:
                total = os.fstat(file.fileno()).st_size
                self._expect(name, offset, size, total, place)
                if size == 0:
                    return b""
                while len(self._kept) >= _KEPT or (self._kept and len(self._alive) >= _ALIVE):
                    self._kept.popitem(last=False)
                if len(self._alive) >= _ALIVE:
                    return _copied(file, offset, size)
                try:
                    mapped = mmap.mmap(file.fileno(), total, access=mmap.ACCESS_READ)
                except OSError:  # some file systems cannot map
                    return _copied(file, offset, size)
            self._kept[name] = mapped
            self._alive.add(mapped)
            return memoryview(mapped)[offset : offset + size]

    def array(
        self, name: str, offset: int, dtype: str, shape: tuple[int, ...], place: str = ""
    ) -> np.ndarray:
        """The numbers at a place of a file, which cannot be written to. Raises as `bytes_at`."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        return np.frombuffer(self.bytes_at(name, offset, size, place), dtype).reshape(shape)

    def npy_header(self, name: str, place: str = "") -> tuple[np.dtype, tuple[int, ...], int]:
        """Type, shape and first byte of what a .npy file in C order holds. Raises as `open` does,
        and CorruptFileError where it is none."""
        with self.open(name, place) as file:
            try:
                if np.lib.format.read_magic(file) != (1, 0):
                    raise ValueError("a header of another version")
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
                if fortran or dtype.hasobject or dtype.fields:
                    raise ValueError(f"{dtype}{', in Fortran order' if fortran else ''}")
            except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
                raise make_refusal(
                    CorruptFileError,
                    "this is no array of features",
                    file=self._shown(name),
                    key=place,
                    actual=str(error),
                ) from None
            return dtype, shape, file.tell()

    def _path(self, name: str, place: str) -> str:
        if "\0" in name or any(part in ("", ".", "..") for part in name.split("/")):
            raise self._leads_out(name, place)
        return os.path.join(self._real, name)

    def _expect(self, name: str, offset: int, size: int, total: int, place: str) -> None:
        if offset + size > min(total, _MAX_BYTES):
            raise make_refusal(
                CorruptFileError,
                "the file is shorter than the index says",
                file=self._shown(name),
                key=place,
                expected=f"{size} bytes from byte {offset}",
                actual=f"{total} bytes in all",
            )

    def _shown(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _leads_out(self, name: str, place: str) -> Error:
        return make_refusal(
            CorruptFileError,
            "this name leads out of the folder of the run, so the file is not read",
            file=place or self.folder,
            key=name,
            expected=f"a file below {self.folder}",
        )

    def _unopened(self, name: str, place: str, error: Exception) -> Error:
        number = getattr(error, "errno", None)
        kind = OutOfResourcesError if number in _SHORTAGES else NotFoundError
        actual = os.strerror(number) if number else str(error)
        return make_refusal(
            kind, "this file cannot be opened", file=self._shown(name), key=place, actual=actual
        )


def _copied(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
