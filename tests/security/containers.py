"""Containers, byte by byte: zip archives with any field wrong, legacy files, tar, safetensors."""

import io
import json
import math
import re
import struct
import tarfile
import zlib
from dataclasses import dataclass, field

import pickle_ops as p


@dataclass
class Member:
    """One member of an archive. `local` and `central` overwrite fields of one of its headers."""

    name: str | bytes
    data: bytes
    method: int = 0
    flags: int = 0
    packed: bytes | None = None
    extra: bytes = b""
    comment: bytes = b""
    behind: bytes = b""
    local: dict = field(default_factory=dict)
    central: dict = field(default_factory=dict)

    def values(self, changes):
        packed = self.data if self.packed is None else self.packed
        of_member = {
            "name": self.name.encode() if isinstance(self.name, str) else self.name,
            "method": self.method,
            "flags": self.flags,
            "crc": zlib.crc32(self.data),
            "packed_size": len(packed),
            "size": len(self.data),
            "extra": self.extra,
            "version": 20,
        }
        return of_member | changes

    def local_header(self):
        v = self.values(self.local)
        return (
            struct.pack(
                "<4sHHHHHIIIHH",
                v.get("signature", b"PK\3\4"),
                v["version"],
                v["flags"],
                v["method"],
                0,
                33,
                v["crc"],
                v["packed_size"],
                v["size"],
                len(v["name"]),
                len(v["extra"]),
            )
            + v["name"]
            + v["extra"]
        )

    def entry(self, offset):
        v = self.values(self.central)
        return (
            struct.pack(
                "<4sHHHHHHIIIHHHHHII",
                b"PK\1\2",
                20,
                v["version"],
                v["flags"],
                v["method"],
                0,
                33,
                v["crc"],
                v["packed_size"],
                v["size"],
                len(v["name"]),
                len(v["extra"]),
                len(self.comment),
                v.get("disk", 0),
                0,
                0,
                v.get("offset", offset),
            )
            + v["name"]
            + v["extra"]
            + self.comment
        )


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def end_record(count, size, offset, comment=b"", disk=0):
    return (
        struct.pack("<4sHHHHIIH", b"PK\5\6", disk, disk, count, count, size, offset, len(comment))
        + comment
    )


def zip64_end(count, size, offset, position, length=44):
    record = struct.pack(
        "<4sQHHIIQQQQ", b"PK\6\6", length, 45, 45, 0, 0, count, count, size, offset
    )
    return record + struct.pack("<4sIQI", b"PK\6\7", 0, position, 1)


def body(members, before=b""):
    """The members behind `before`, and their table of contents."""
    out, central = bytearray(before), bytearray()
    for member in members:
        central += member.entry(len(out))
        out += member.local_header()
        out += member.data if member.packed is None else member.packed
        out += member.behind
    return bytes(out), bytes(central)


def archive(members, before=b"", comment=b"", behind=b"", **end):
    out, central = body(members, before)
    fields = {"count": len(members), "size": len(central), "offset": len(out)} | end
    return out + central + end_record(comment=comment, **fields) + behind


def legacy(program, keys, storages, before=b"", behind=b""):
    """The stream of pickles that torch.save wrote before 1.6."""
    magic = p.proto(2) + p.integer(0x1950A86A20F9469CFC6C) + p.STOP
    version = p.proto(2) + p.integer(1001) + p.STOP
    system = p.proto(2) + p.table((p.text("little_endian"), p.TRUE)) + p.STOP
    names = p.proto(2) + p.rows([p.text(key) for key in keys]) + p.STOP
    data = b"".join(struct.pack("<q", count) + values for count, values in storages)
    # Here a persistent id has a sixth part, a view of the storage or None.
    program = re.sub(rb"(?<!t)tQ", b"NtQ", program)
    return magic + version + system + before + program + names + data + behind


def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as file:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return out.getvalue()


def exported(base, table=None, more=()):
    """A file of torch.export with one storage; `table` is the text that describes its tensors."""
    table = json.dumps({"config": base.described()}).encode() if table is None else table
    at = "m/data/weights/"
    members = [Member(at + "model_weights_config.json", table), Member(at + "weight_0", base.data)]
    return archive([*members, Member("m/byteorder", b"little"), *more])


def safetensors(header, data, length=None):
    """`header` is a dictionary, or the text itself."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


class Base:
    """A complete small model, read from a safetensors file, that hostile parts are added to."""

    def __init__(self, path):
        with open(path, "rb") as file:
            content = file.read()
        (length,) = struct.unpack("<Q", content[:8])
        self.header = json.loads(content[8 : 8 + length])
        self.data = content[8 + length :]
        self.tensors = {k: v for k, v in self.header.items() if k != "__metadata__"}
        self.count = len(self.data) // 4

    def entries(self, of_storage=None):
        """(key, program) of every tensor; all of them lie in storage "0"."""
        stored = of_storage or p.storage("0", self.count)
        return [
            (p.text(key), p.tensor(stored, t["data_offsets"][0] // 4, t["shape"]))
            for key, t in self.tensors.items()
        ]

    def described(self):
        """The tensors as torch.export describes them."""
        return {
            name: self.description(t["data_offsets"][0] // 4, t["shape"])
            for name, t in self.tensors.items()
        }

    @staticmethod
    def description(offset, shape, strides=None):
        strides = strides or [math.prod(shape[i + 1 :]) for i in range(len(shape))]
        whole = [{"as_int": n} for n in shape], [{"as_int": n} for n in strides]
        meta = {
            "dtype": 7,
            "sizes": whole[0],
            "strides": whole[1],
            "requires_grad": False,
            "device": {"type": "cpu", "index": None},
            "storage_offset": {"as_int": offset},
            "layout": 7,
        }
        return {"path_name": "weight_0", "is_param": True, "use_pickle": False, "tensor_meta": meta}

    def state(self, extra=(), first=(), number=2):
        """A pickle of the state_dict, with other pairs behind or in front of its own."""
        return p.proto(number) + p.table(*first, *self.entries(), *extra) + p.STOP

    def members(self, program=None, folder="archive"):
        return [
            Member(f"{folder}/data.pkl", self.state() if program is None else program),
            Member(f"{folder}/byteorder", b"little"),
            Member(f"{folder}/data/0", self.data),
            Member(f"{folder}/version", b"3\n"),
        ]

    def checkpoint(self, program=None, more=()):
        return archive([*self.members(program), *more])

    def old_checkpoint(self, program=None, **other):
        program = self.state() if program is None else program
        return legacy(program, ["0"], [(self.count, self.data)], **other)
