"""Pixels of the PNGs that a browser writes: 8 bits, RGB or RGBA, not interlaced."""

import struct
import zlib


class Image:
    def __init__(self, data):
        if data[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError("this is no PNG")
        chunks = list(_chunks(data))
        self.width, self.height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
        if depth != 8 or colour not in (2, 6) or interlaced:
            raise ValueError("this is no PNG as browsers write it")
        self.channels = 3 if colour == 2 else 4
        packed = b"".join(content for kind, content in chunks if kind == b"IDAT")
        self.rows = _unfilter(zlib.decompress(packed), self.width * self.channels, self.channels)

    def at(self, x, y):
        first = int(x) * self.channels
        return tuple(self.rows[int(y)][first:first + 3])

    def colours(self):
        """How many different ones there are."""
        return len({bytes(row[i:i + 3]) for row in self.rows for i in range(0, len(row), self.channels)})

    def changed(self, other):
        """The share of pixels that are not those of `other`, which has the same size."""
        step = self.channels
        differing = sum(a[i:i + step] != b[i:i + step]
                        for a, b in zip(self.rows, other.rows) if a != b for i in range(0, len(a), step))
        return differing / (self.width * self.height)


def _chunks(data):
    at = 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at:at + 4])
        yield data[at + 4:at + 8], data[at + 8:at + 8 + length]
        at += length + 12


def _unfilter(data, width, step):
    rows, before = [], bytearray(width)
    for start in range(0, len(data), width + 1):
        row = bytearray(data[start + 1:start + 1 + width])
        _FILTERS[data[start]](row, before, step)
        rows.append(row)
        before = row
    return rows


def _none(row, before, step):
    pass


def _left(row, before, step):
    for i in range(step, len(row)):
        row[i] = (row[i] + row[i - step]) & 255


def _above(row, before, step):
    for i, value in enumerate(before):
        row[i] = (row[i] + value) & 255


def _mean(row, before, step):
    for i, above in enumerate(before):
        left = row[i - step] if i >= step else 0
        row[i] = (row[i] + (left + above) // 2) & 255


def _paeth(row, before, step):
    for i, above in enumerate(before):
        left, corner = (row[i - step], before[i - step]) if i >= step else (0, 0)
        by_left, by_above, by_corner = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
        if by_left <= by_above and by_left <= by_corner:
            nearest = left
        else:
            nearest = above if by_above <= by_corner else corner
        row[i] = (row[i] + nearest) & 255


_FILTERS = [_none, _left, _above, _mean, _paeth]
