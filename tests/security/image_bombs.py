"""Images whose headers promise more than their bytes hold, or whose bytes expand to far more."""

import struct
import zlib

from cases import Case

SIDES = (65535, 65535)


def chunk(kind, content, crc=None):
    checksum = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(width, height, *chunks, depth=8, colour=2):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def rows(width, height, colour=2):
    line = b"\0" + bytes(width * {2: 3, 0: 1, 6: 4}[colour])
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    return chunk(b"IDAT", data)


def segment(marker, content):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(width, height, scans=1, progressive=False, before=b"", components=1):
    tables = segment(0xDB, b"\0" + b"\1" * 64)
    codes = b"".join(segment(0xC4, bytes([kind]) + b"\1" + bytes(15) + b"\0") for kind in (0, 0x10))
    frame = struct.pack(">BHHB", 8, height, width, components)
    frame += b"".join(bytes([i + 1, 0x11, 0]) for i in range(components))
    spectrum = b"\0\0\1" if progressive else b"\0\x3f\0"
    scan = segment(0xDA, b"\1\1\0" + spectrum) + b"\0"
    again = segment(0xDA, b"\1\1\0" + b"\0\0\x10") + b"\0"
    return (
        b"\xff\xd8" + before + tables + codes + segment(0xC2 if progressive else 0xC0, frame)
        + scan + (again if progressive else scan) * (scans - 1) + b"\xff\xd9"
    )  # fmt: skip


def riff(*chunks):
    content = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(content)) + content


def cases(base):
    def image(name, content, outcome="refused", suffix=".png", memory_mib=200, says=""):
        return Case(
            f"image_{name}",
            content,
            outcome,
            says,
            suffix=suffix,
            command="image",
            payload=False,
            memory_mib=memory_mib,
        )

    data = chunk(b"IDAT", zlib.compress(bytes(100)))
    yield image("png_65535", png(*SIDES, data))
    yield image("png_2_31", png(2**31 - 1, 2**31 - 1, data))
    yield image("png_2_32", png(2**32 - 1, 2**32 - 1, data))
    yield image("png_0", png(0, 0, data))
    yield image("png_16384_without_rows", png(16384, 16384, data), memory_mib=1200)
    yield image("png_16_bits", png(16384, 16384, data, depth=16, colour=6), memory_mib=3000)
    yield image("png_long_strip", png(1, 2**24, data))
    yield image("png_rows_for_more", png(64, 64, rows(64, 4096)), "")
    yield image("png_1000_to_1", png(4096, 4096, rows(4096, 4096)), "accepted", memory_mib=250)
    profile = b"x\0\0" + zlib.compress(bytes(256 << 20), 9)
    yield image(
        "png_profile_of_256_mib", png(64, 64, chunk(b"iCCP", profile), rows(64, 64)), "accepted"
    )
    text = b"x\0\0" + zlib.compress(bytes(256 << 20), 9)
    yield image("png_text_of_256_mib", png(64, 64, chunk(b"zTXt", text), rows(64, 64)), "accepted")
    yield image(
        "png_itxt_of_256_mib",
        png(
            64,
            64,
            chunk(b"iTXt", b"x\0\1\0\0\0" + zlib.compress(bytes(256 << 20), 9)),
            rows(64, 64),
        ),
        "accepted",
    )
    yield image(
        "png_texts_100000",
        png(64, 64, *[chunk(b"tEXt", b"a\0b")] * 100_000, rows(64, 64)),
        "accepted",
    )
    yield image(
        "png_chunk_of_2_31",
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**31 - 1) + b"IHDR" + bytes(30),
    )
    yield image(
        "png_chunk_of_2_32", png(64, 64, struct.pack(">I", 2**32 - 1) + b"IDAT" + bytes(30))
    )
    yield image(
        "png_empty_idats_100000", png(64, 64, *[chunk(b"IDAT", b"")] * 100_000, rows(64, 64)), ""
    )
    yield image("png_palette_missing", png(64, 64, rows(64, 64, 0), colour=3))
    frames = chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)) + chunk(
        b"fcTL", struct.pack(">IIIIIHHBB", 0, 64, 64, 0, 0, 1, 1, 0, 0)
    )
    yield image("png_animated", png(64, 64, frames, rows(64, 64)), "accepted")
    yield image("jpeg_65535", jpeg(*SIDES), suffix=".jpg")
    yield image("jpeg_65500", jpeg(65500, 65500), suffix=".jpg")
    yield image("jpeg_0_rows", jpeg(64, 0), suffix=".jpg")
    yield image("jpeg_scans_100000", jpeg(64, 64, 100_000), suffix=".jpg")
    yield image("jpeg_progressive_scans_100000", jpeg(1024, 1024, 100_000, True), suffix=".jpg")
    yield image("jpeg_components_255", jpeg(64, 64, components=255), suffix=".jpg")
    exif = segment(
        0xE1, b"Exif\0\0MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 65535) + bytes(60)
    )
    yield image("jpeg_exif_65535_entries", jpeg(64, 64, before=exif), "", suffix=".jpg")
    loop = segment(
        0xE1,
        b"Exif\0\0MM\0*" + struct.pack(">I", 8) + struct.pack(">HHHIII", 1, 0x8769, 4, 1, 8, 8),
    )
    yield image("jpeg_exif_that_leads_to_itself", jpeg(64, 64, before=loop), "", suffix=".jpg")
    yield image("jpeg_exif_1000_segments", jpeg(64, 64, before=exif * 1000), "", suffix=".jpg")
    yield image("jpeg_fill_bytes", b"\xff\xd8" + b"\xff" * (8 << 20), suffix=".jpg")
    big = struct.pack("<BBBBB", 0x2F, 0xFF, 0xFF, 0xFF, 0x0F)
    yield image("webp_16384", riff((b"VP8L", big + bytes(20))), suffix=".webp", memory_mib=1200)
    canvas = struct.pack("<I", 0x02) + b"\xff\xff\xff" * 2
    yield image(
        "webp_canvas_2_24",
        riff((b"VP8X", canvas), (b"ANIM", bytes(6)), *[(b"ANMF", bytes(16))] * 1000),
        suffix=".webp",
    )
    yield image(
        "webp_chunk_of_2_32",
        b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff" + bytes(30),
        suffix=".webp",
    )
    yield image("gif_65535", b"GIF89a" + b"\xff" * 4 + bytes(20), suffix=".gif")
    yield image(
        "svg_entities",
        b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "&b;&b;">]><svg/>',
        suffix=".png",
    )
    yield image("ppm_2_31", b"P6\n2147483647 2147483647\n255\n", suffix=".png")
    array = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }"
    for label, shape in (
        ("2_60", b"1, 3, 1073741824, 1073741824"),
        ("2_64", b"3, 18446744073709551616, 1"),
        ("deep", b"(" * 50),
        ("negative", b"3, -64, -64"),
    ):
        header = (array % shape).ljust(245) + b"\n"
        yield image(
            f"npy_{label}",
            b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header,
            suffix=".npy",
        )
    objects = b"{'descr': '|O', 'fortran_order': False, 'shape': (3, 64, 64), }".ljust(245) + b"\n"
    import pickle_ops as p

    yield image(
        "npy_of_objects",
        b"\x93NUMPY\1\0"
        + struct.pack("<H", len(objects))
        + objects
        + p.proto(2)
        + p.system()
        + p.STOP,
        suffix=".npy",
    )
    yield image("npy_header_2_32", b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(30), suffix=".npy")
    yield image("list_of_itself", b"list.txt\n" * 10, suffix=".txt")
    yield image(
        "list_of_devices", b"/dev/zero\n/proc/self/mem\n../../../etc/passwd\n", suffix=".txt"
    )
    yield image("list_of_one_line", b"x" * (4 << 20), suffix=".txt")
