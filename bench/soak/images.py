"""Images of every format that is read, of ordinary and odd sizes, and data that are none."""

import io

import numpy
from PIL import Image

SIZES = [(1, 1), (17, 3), (3, 31), (64, 48), (97, 131), (320, 240), (1, 300)]


def _pixels(width: int, height: int, seed: int) -> Image.Image:
    random = numpy.random.default_rng(seed)
    small = random.integers(0, 256, (4, 4, 3), numpy.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def good_images(photo: bytes) -> dict:
    """Bytes of files by name; `photo` is a JPEG of a person."""
    images = {"person.jpg": photo}
    for number, (width, height) in enumerate(SIZES):
        image = _pixels(width, height, number)
        images[f"{width}x{height}.jpg"] = _encoded(image, "JPEG", quality=80 + number)
        images[f"{width}x{height}.png"] = _encoded(image, "PNG")
        images[f"{width}x{height}.webp"] = _encoded(image, "WEBP", lossless=number % 2 == 0)
    image = _pixels(75, 50, 100)
    images["progressive.jpg"] = _encoded(image, "JPEG", progressive=True)
    images["grey.jpg"] = _encoded(image.convert("L"), "JPEG")
    images["cmyk.jpg"] = _encoded(image.convert("CMYK"), "JPEG")
    images["palette.png"] = _encoded(image.convert("P"), "PNG")
    images["grey.png"] = _encoded(image.convert("L"), "PNG")
    images["bilevel.png"] = _encoded(image.convert("1"), "PNG")
    images["alpha.png"] = _encoded(image.convert("RGBA"), "PNG")
    deep = numpy.random.default_rng(7).integers(0, 65536, (21, 33), numpy.uint16)
    images["sixteen_bits.png"] = _encoded(Image.fromarray(deep), "PNG")
    exif = Image.Exif()
    exif[0x0112] = 6
    images["turned.jpg"] = _encoded(image, "JPEG", exif=exif)
    return images


def bad_images(good: dict) -> dict:
    """Files that are cut, changed at one place, of another format, or of impossible size."""
    bad = {"empty": b"", "text": b"not an image", "gif": _encoded(_pixels(9, 9, 1), "GIF")}
    random = numpy.random.default_rng(3)
    for name in ("64x48.jpg", "97x131.png", "64x48.webp", "progressive.jpg"):
        data = good[name]
        bad[f"half of {name}"] = data[: len(data) // 2]
        bad[f"ten bytes of {name}"] = data[:10]
        for number in range(4):
            changed = bytearray(data)
            changed[random.integers(2, len(data))] ^= 1 << random.integers(0, 8)
            bad[f"change {number} of {name}"] = bytes(changed)
    large = bytearray(good["64x48.png"])
    large[16:24] = b"\x00\x01\x00\x00\x00\x01\x00\x00"
    bad["65536 x 65536"] = bytes(large)
    return bad
