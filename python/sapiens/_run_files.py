"""Files of an output folder: read and mapped, and never one outside of it."""

from __future__ import annotations

import errno
import io
import math
import mmap
import os
import stat
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, BinaryIO, Optional

import numpy as np

from ._errors import CorruptFileError, Error, NotFoundError, OutOfResourcesError, make_refusal

# Files that are kept open for the next array, and maps that are alive, each with a descriptor.
_KEPT, _ALIVE = 32, 224
_MAX_BYTES = 1 << 48
_HEADER_BYTES = 10 + (1 << 16)  # of a .npy file of version 1.0, at most
_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class _Opened:
    """An open file, closed with the last reference, a map of it from the first view on, and what
    the header of a .npy file says, once it is asked for."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.map: Optional[mmap.mmap] = None
        self.header: Optional[tuple[np.dtype, tuple[int, ...], int]] = None

    def __del__(self) -> None:
        os.close(self.number)

    def size(self) -> int:
        return os.fstat(self.number).st_size


class RunFiles:
    """The files below `folder`, by the names that an index gives them, which are not trusted.

    May be used from several threads. A copy in another process opens the files anew.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        # The folder may be a link; what is in it may be one to something in it.
        self._real = os.path.realpath(folder)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Opened] = OrderedDict()
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
        return os.fdopen(self._open(name, place), "rb")

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

    def bytes_at(self, name: str, offset: int, size: int, place: str = "") -> bytes:
        """That many bytes of a file. Raises as `open` does, CorruptFileError where the file ends
        before, and OSError."""
        with self._lock:
            opened = self._opened(name, place)
        # Another thread may let go of it meanwhile, which closes it only when this one has.
        return self._copied(opened, name, offset, size, place)

    def array(
        self, name: str, offset: int, dtype: str, shape: tuple[int, ...], place: str = ""
    ) -> np.ndarray:
        """The numbers at a place of a file, copied, read-only. Raises as `bytes_at`."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        with self._lock:
            opened = self._opened(name, place)
        self._expect_array(opened, name, offset, dtype, shape, place)
        copied = self._copied(opened, name, offset, size, place)
        return np.frombuffer(copied, dtype).reshape(shape)

    def mapped_array(
        self, name: str, offset: int, dtype: str, shape: tuple[int, ...], place: str = ""
    ) -> np.ndarray:
        """The same as a view of the file, which must then not be shortened; a copy where too many
        files are mapped, or the file system cannot map."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        with self._lock:
            opened = self._opened(name, place)
            self._expect(name, offset, size, opened.size(), place)
            self._expect_array(opened, name, offset, dtype, shape, place)
            mapped = self._map(opened, offset + size) if size > 0 else None
        if mapped is None:
            return self.array(name, offset, dtype, shape, place)
        return np.frombuffer(memoryview(mapped)[offset : offset + size], dtype).reshape(shape)

    def npy_header(self, name: str, place: str = "") -> tuple[np.dtype, tuple[int, ...], int]:
        """Type, shape and first byte of what a .npy file in C order holds. Raises as `open` does,
        and CorruptFileError where it is none."""
        with self._lock:
            opened = self._opened(name, place)
        return self._header(opened, name, place)

    def _header(
        self, opened: _Opened, name: str, place: str
    ) -> tuple[np.dtype, tuple[int, ...], int]:
        if opened.header is not None:
            return opened.header
        beginning = self._copied(opened, name, 0, min(opened.size(), _HEADER_BYTES), place)
        file = io.BytesIO(beginning)
        try:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("a header of another version")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            if any(type(extent) is not int or extent < 0 for extent in shape):
                raise ValueError(f"the shape {shape}")
            if fortran or dtype.hasobject or dtype.fields:
                raise ValueError(f"{dtype}{', in Fortran order' if fortran else ''}")
        except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
            raise make_refusal(
                CorruptFileError,
                "this is no array of features",
                file=self._shown(name),
                key=place,
                # Python's parser has no other error for what is nested too deeply.
                actual=str(error) or "nested too deeply, or memory ran out",
            ) from None
        opened.header = dtype, shape, file.tell()
        return opened.header

    def _expect_array(
        self,
        opened: _Opened,
        name: str,
        offset: int,
        dtype: str,
        shape: tuple[int, ...],
        place: str,
    ) -> None:
        """Refuses a .npy file that holds other numbers than `dtype`, or rows of another shape, as
        one that was replaced does."""
        if not name.endswith(".npy"):
            return
        found, extents, start = self._header(opened, name, place)
        wanted = np.dtype(dtype)
        same = found == wanted or (found.kind == "V" and found.itemsize == wanted.itemsize)
        rows = shape in (extents, extents[1:]) or (shape[1:] == extents[1:] and len(shape) > 1)
        end = start + math.prod(extents) * found.itemsize
        size = math.prod(shape) * wanted.itemsize
        if same and rows and start <= offset and offset + size <= end:
            return
        raise make_refusal(
            CorruptFileError,
            "the file holds another array than the index says: was it replaced?",
            file=self._shown(name),
            key=place,
            expected=f"{wanted} {list(shape)} from byte {offset}",
            actual=f"{found} {list(extents)} from byte {start}",
        )

    def _open(self, name: str, place: str) -> int:
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
        return handle

    def _opened(self, name: str, place: str) -> _Opened:
        """One of the last that were used, or opened. Needs the lock."""
        opened = self._kept.pop(name, None)
        if opened is None or not self._is_still(opened, name, place):
            while len(self._kept) >= _KEPT:
                self._kept.popitem(last=False)
            opened = _Opened(self._open(name, place))
        self._kept[name] = opened
        return opened

    def _is_still(self, opened: _Opened, name: str, place: str) -> bool:
        """Whether the name still leads to that file."""
        try:
            now = os.stat(self._path(name, place))
        except OSError:
            return True  # removed, as a file that is open may be
        return os.path.samestat(now, os.fstat(opened.number))

    def _map(self, opened: _Opened, end: int) -> Optional[mmap.mmap]:
        """A map of the file up to `end` at least. Needs the lock."""
        if opened.map is not None and len(opened.map) >= end:
            return opened.map
        opened.map = None
        if len(self._alive) >= _ALIVE:
            for other in self._kept.values():
                other.map = None
        if len(self._alive) >= _ALIVE:
            return None
        try:
            opened.map = mmap.mmap(opened.number, 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # such a file system, or the file was cut short just now
            return None
        self._alive.add(opened.map)
        return opened.map if len(opened.map) >= end else None

    def _copied(self, opened: _Opened, name: str, offset: int, size: int, place: str) -> bytes:
        # What an index says is not allocated before the file is known to hold it.
        self._expect(name, offset, size, opened.size(), place)
        parts, done = [], 0
        while done < size:
            parts.append(os.pread(opened.number, size - done, offset + done))
            done += len(parts[-1])
            if not parts[-1]:  # cut short meanwhile
                self._expect(name, offset, size, offset + done, place)
        return parts[0] if len(parts) == 1 else b"".join(parts)

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
