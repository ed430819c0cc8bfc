"""Archives whose members share bytes, are compressed, or lie in other archives."""

import bz2
import gzip
import lzma

import pickle_ops as p
from cases import Case
from containers import Member, archive, body, deflated, end_record

RUN = p.proto(2) + p.system() + p.STOP


def overlaps(base):
    """Members that share bytes: one member's bytes are another's headers (quoted overlap)."""
    members = base.members()
    inner = Member("archive/data.pkl", RUN)
    quoted = Member("archive/note", inner.local_header() + RUN)
    out, central = body([quoted, *members])
    at = len(quoted.local_header())
    content = out + central + inner.entry(at)
    yield Case(
        "overlap_quoted_pickle",
        content + end_record(6, len(central) + len(inner.entry(at)), len(out)),
        says="",
    )
    out, central = body(members)
    entry = Member("archive/data/1", members[2].data).entry(
        len(members[0].local_header() + members[0].data + members[1].local_header()) + 6
    )
    yield Case(
        "overlap_two_names",
        out + central + entry + end_record(5, len(central + entry), len(out)),
        says="",
        payload=False,
    )
    same = Member("archive/copy", members[0].data).entry(0)
    yield Case(
        "overlap_same_offset",
        out + central + same + end_record(5, len(central + same), len(out)),
        says="overlaps",
        payload=False,
    )
    outside = Member("archive/data/1", b"x" * 4).entry(len(out) + 10)
    yield Case(
        "overlap_table",
        out + central + outside + end_record(5, len(central + outside), len(out)),
        says="overlaps",
        payload=False,
    )


def compressed(base):
    """Compressed members, and archives around archives."""

    def packed(member):
        return Member(member.name, member.data, method=8, packed=deflated(member.data))

    members = base.members()
    yield Case("deflated", archive([packed(m) for m in members]), says="compressed", payload=False)
    yield Case(
        "deflated_pickle",
        archive([packed(Member("archive/data.pkl", RUN)), *members[1:]]),
        says="compressed",
    )
    bomb = Member("archive/data/1", bytes(1 << 20), method=8, packed=deflated(bytes(1 << 20)))
    yield Case("deflated_bomb_beside", archive([*members, bomb]), "harmless", payload=False)
    claims = Member(
        "archive/data/1",
        b"",
        method=8,
        packed=b"\3\0",
        local={"size": 2**32 - 2},
        central={"size": 2**32 - 2},
    )
    yield Case("deflated_4_gb_beside", archive([*members, claims]), "harmless", payload=False)
    yield Case(
        "archive_in_archive",
        archive([Member("model.pth", base.checkpoint(RUN))]),
        says="checkpoint inside",
    )
    hostile = base.checkpoint(RUN)
    for label, content in (
        ("gzip", gzip.compress(hostile, 1)),
        ("bzip2", bz2.compress(hostile, 1)),
        ("xz", lzma.compress(hostile, preset=0)),
        ("7z", b"7z\xbc\xaf\x27\x1c\0\4" + hostile),
        ("rar", b"Rar!\x1a\7\1\0" + hostile),
        ("zstd", b"\x28\xb5\x2f\xfd" + hostile),
    ):
        yield Case(
            f"packed_{label}",
            content,
            says=f"{label}" if label != "rar" else "RAR",
            about="nullifAI" if label == "7z" else "",
        )


def cases(base):
    yield from overlaps(base)
    yield from compressed(base)
