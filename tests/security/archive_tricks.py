"""Zip archives that readers read differently: flags, checksums, sizes, names, tables, overlaps.

Each holds a pickle that would call os.system in a place or a state that one reader takes and
another does not. An archive with two meanings is refused.
"""

import struct
import zlib

import pickle_ops as p
from cases import Case
from containers import Member, archive, body, end_record, zip64_end

RUN = p.proto(2) + p.system() + p.STOP


def zip64_extra(*numbers):
    return struct.pack("<HH", 1, 8 * len(numbers)) + struct.pack(f"<{len(numbers)}Q", *numbers)


def headers(base):
    """One header of data.pkl, or both, with a wrong field."""
    state = base.state(first=[(p.text("extra"), p.system())])
    size, crc = len(state), zlib.crc32(state)
    both = {
        "encrypted": ({"flags": 1}, "encrypted", "CVE-2025-1945"),
        "strongly_encrypted": ({"flags": 0x41}, "encrypted", "CVE-2025-1945"),
        "masked_headers": ({"flags": 0x2000}, "unknown flags", "CVE-2025-1945"),
        "patched": ({"flags": 0x20}, "unknown flags", "CVE-2025-1945"),
        "wrong_crc": ({"crc": crc ^ 1}, "checksum", "CVE-2025-10156"),
        "zero_crc": ({"crc": 0}, "checksum", "CVE-2025-10156"),
        "shorter": ({"size": size - 1, "packed_size": size - 1}, "", ""),
        "longer": ({"size": size + 1, "packed_size": size + 1}, "", ""),
        "sizes_differ": ({"size": size + 1}, "", ""),
        "unknown_method": ({"method": 99}, "compressed", ""),
        "claims_deflate": ({"method": 8}, "compressed", ""),
        "size_2_32": ({"size": 2**32 - 1, "packed_size": 2**32 - 1}, "", ""),
        "offset_outside": ({"offset": 2**31}, "", ""),
        "other_disk": ({"disk": 3}, None, ""),
    }
    for label, (fields, says, about) in both.items():
        member = Member("archive/data.pkl", state, local=fields, central=fields)
        outcome = "harmless" if says is None else "refused"
        yield Case(
            f"both_{label}", archive([member, *base.members()[1:]]), outcome, says or "", about
        )
    one = {
        "name": ({"name": b"archive/data.pk1"}, "names", "CVE-2025-1944"),
        "longer_name": ({"name": b"archive/data.pkl.txt"}, "", "CVE-2025-1944"),
        "method": ({"method": 8}, "", "CVE-2025-1944"),
        "flags": ({"flags": 1}, "", "CVE-2025-1945"),
        "crc": ({"crc": crc ^ 1}, "checksums", "CVE-2025-10156"),
        "size": ({"size": size - 1, "packed_size": size - 1}, "", ""),
        "signature": ({"signature": b"PK\7\10"}, "", ""),
        "extra": ({"extra": b"\0" * 40}, "", ""),
    }
    for label, (fields, says, about) in one.items():
        for side in ("local", "central"):
            member = Member("archive/data.pkl", state, **{side: fields})
            # The directory has no signature of its own here; a local extra field is padding.
            if (label, side) in (("signature", "central"),):
                continue
            padding = label == "extra"
            yield Case(
                f"{side}_{label}",
                archive([member, *base.members()[1:]]),
                "harmless" if padding else "refused",
                "" if side == "central" or padding else says,
                about,
            )


def descriptors(base):
    """Sizes and checksum behind the bytes, which streaming readers take."""
    state = base.state(first=[(p.text("extra"), p.system())])
    size, crc = len(state), zlib.crc32(state)
    good = struct.pack("<4sIII", b"PK\7\10", crc, size, size)
    empty = {"crc": 0, "size": 0, "packed_size": 0}
    for label, behind, outcome in (
        ("agrees", good, "harmless"),
        ("missing", b"", "refused"),
        ("wrong_size", struct.pack("<4sIII", b"PK\7\10", crc, 7, 7), "refused"),
        ("wrong_crc", struct.pack("<4sIII", b"PK\7\10", 7, size, size), "refused"),
        (
            "followed_by_a_member",
            good + Member("archive/data.pkl", RUN).local_header() + RUN,
            "harmless",
        ),
    ):
        member = Member("archive/data.pkl", state, flags=8, local=empty, behind=behind)
        yield Case(f"descriptor_{label}", archive([member, *base.members()[1:]]), outcome)


def member_names(base):
    """Names that are taken for others, or that lead out of a folder where they are unpacked."""
    members = base.members()
    evil = {
        "dots": "../../evil.pkl", "absolute": "/tmp/evil.pkl", "backslashes": "..\\..\\evil.pkl",
        "drive": "C:\\evil.pkl", "nul": b"archive/data.pkl\0.txt", "escape": "archive/\x1b[2J",
        "newline": "archive/\nerror: fine", "override": "archive/\u202elkp.atad", "empty": "",
        "not_utf8": b"archive/\xff\xfe", "long": "archive/" + "x" * 65000, "slash": "archive/data.pkl/",
        "case": "archive/DATA.PKL", "space": "archive/data.pkl ", "dot": "archive/./data.pkl",
        "root": "data.pkl", "deeper": "archive/x/data.pkl", "version": "archive/.format_version",
    }  # fmt: skip
    for label, name in evil.items():
        yield Case(f"beside_{label}", archive([*members, Member(name, RUN)]), "harmless")
    for label, other in (
        ("other_folder", "brchive/data.pkl"),
        ("case_of_folder", "ARCHIVE/data.pkl"),
        ("dots", "../data.pkl"),
        ("empty_folder", "/data.pkl"),
    ):
        for first in (True, False):
            more = [Member(other, RUN)]
            content = archive([*more, *members] if first else [*members, *more])
            yield Case(
                f"second_{label}_{'first' if first else 'last'}",
                content,
                says="several checkpoints",
                about="CVE-2025-1944",
            )
    for label, name in (
        ("pickle", "archive/data.pkl"),
        ("storage", "archive/data/0"),
        ("byteorder", "archive/byteorder"),
    ):
        for first in (True, False):
            twin = [Member(name, RUN if label == "pickle" else b"\1" * 8)]
            content = archive([*twin, *members] if first else [*members, *twin])
            yield Case(
                f"twice_{label}_{'first' if first else 'last'}",
                content,
                says="twice",
                about="CVE-2025-10156",
            )
    yield Case(
        "byteorder_other",
        archive([members[0], Member("archive/byteorder", b"middle"), *members[2:]]),
        says="byte order",
        payload=False,
    )
    yield Case(
        "no_storage", archive([members[0], members[1]]), says="lacks the data", payload=False
    )


def tables(base):
    """End records: prefixes, comments, second tables, zip64 fields."""
    hostile = archive(base.members(RUN))
    good = base.checkpoint()
    yield Case(
        "prefix_program",
        archive(base.members(), before=b"#!/bin/sh\nexit 1\n" + b"\n" * 100),
        says="",
    )
    yield Case("prefix_pickle", archive(base.members(), before=RUN), says="")
    yield Case(
        "prefix_archive",
        archive(base.members(), before=hostile),
        "harmless",
        about="a table that an update left behind",
    )
    yield Case("suffix_bytes", good + b"\n" * 5000, "harmless")
    yield Case("suffix_pickle", good + RUN, "harmless")
    yield Case("suffix_archive", good + hostile, says="")
    yield Case("comment", archive(base.members(), comment=b"x" * 65535), "harmless", payload=False)
    yield Case(
        "comment_end_record", archive(base.members(), comment=end_record(1, 46, 0)), payload=False
    )
    # A complete archive of its own in the comment, whose table counts from the start of the file.
    start = len(archive(base.members()))
    parts, central = body(base.members(RUN), before=bytes(start))
    inner = parts[start:] + central
    smaller = archive([Member("archive/data.pkl", RUN)])
    member = Member("archive/data.pkl", RUN)
    parts, central = body([member], before=bytes(start))
    inner = parts[start:] + central + end_record(1, len(central), len(parts))
    yield Case("comment_archive", archive(base.members(), comment=inner), says="two tables")
    del smaller
    out, central = body(base.members())
    count = len(base.members())
    yield Case(
        "count_smaller", out + central + end_record(count - 1, len(central), len(out)), says=""
    )
    yield Case(
        "count_larger",
        out + central + end_record(count + 9, len(central), len(out)),
        says="incomplete",
        payload=False,
    )
    yield Case(
        "offset_moved", out + central + end_record(count, len(central), len(out) - 4), says=""
    )
    yield Case(
        "size_smaller", out + central + end_record(count, len(central) - 1, len(out)), says=""
    )
    yield Case("other_disk_of_table", archive(base.members(), disk=2), "harmless", payload=False)
    yield Case("no_end_record", out + central, says="no table of contents", payload=False)
    for label, fields, claim in (
        ("agrees", (count, len(central), len(out), len(out + central)), None),
        ("count_2_60", (2**60, len(central), len(out), len(out + central)), "refused"),
        ("size_2_63", (count, 2**63, len(out), len(out + central)), "refused"),
        ("offset_2_63", (count, len(central), 2**63, len(out + central)), "refused"),
        ("record_elsewhere", (count, len(central), len(out), 2**63), "refused"),
        ("record_at_itself", (count, len(central), len(out), len(out + central) + 56), "refused"),
    ):
        short = end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
        content = out + central + zip64_end(*fields) + short
        yield Case(f"zip64_{label}", content, claim or "harmless", payload=False)
    two = (
        out
        + central
        + zip64_end(count, len(central), len(out), len(out + central))
        + end_record(1, 46, 0)
    )
    yield Case("zip64_disagrees", two, says="do not agree", payload=False)
    # The record that the locator names lies behind it, in the comment, with a table of its own
    # directly in front; its length leads back to the locator modulo 2^64.
    locator = len(out + central) + 56
    behind = locator + 20 + 22 + len(central)
    length = (locator - behind - 12) % 2**64
    hidden = central + zip64_end(count, len(central), locator + 42, 0, length)[:56]
    turned = (
        out
        + central
        + zip64_end(count, len(central), len(out), behind)
        + end_record(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, hidden)
    )
    yield Case("zip64_behind_locator", turned, says="does not lead to the end", payload=False)
    state = base.state(first=[(p.text("extra"), p.system())])
    see = {"size": 2**32 - 1, "packed_size": 2**32 - 1}
    for label, extra, outcome in (
        ("agrees", zip64_extra(len(state), len(state)), "harmless"),
        ("2_63", zip64_extra(2**63, 2**63), "refused"),
        ("2_64", zip64_extra(2**64 - 1, 2**64 - 1), "refused"),
        ("too_short", struct.pack("<HHI", 1, 4, 7), "refused"),
        ("twice", zip64_extra(len(state), len(state)) + zip64_extra(1, 1), "harmless"),
        ("longer_than_the_field", struct.pack("<HH", 1, 60000), "refused"),
    ):
        member = Member("archive/data.pkl", state, extra=extra, local=see, central=see)
        yield Case(f"member64_{label}", archive([member, *base.members()[1:]]), outcome)


def cases(base):
    for part in (headers, descriptors, member_names, tables):
        yield from part(base)
