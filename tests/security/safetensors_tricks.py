"""safetensors files that break the format, and other files that are taken for checkpoints."""

import json

import pickle_ops as p
from cases import Case
from containers import archive, Member, safetensors


def tensor(begin, end, shape=None, dtype="F32"):
    return {
        "dtype": dtype,
        "shape": [(end - begin) // 4] if shape is None else shape,
        "data_offsets": [begin, end],
    }


def cases(base):
    header, data = base.header, base.data
    end = len(data)

    def file(extra=None, more=b"", **changes):
        return safetensors(header | (extra or {}) | changes, data + more)

    def safe(name, content, outcome="refused", says="", **other):
        return Case(
            f"safetensors_{name}",
            content,
            outcome,
            says,
            suffix=".safetensors",
            payload=False,
            **other,
        )

    yield safe("overlap", file({"x": tensor(end - 4, end)}), says="overlaps")
    yield safe("overlap_all", file({"x": tensor(0, end)}), says="overlaps")
    yield safe("hole", file({"x": tensor(end + 4, end + 8)}, bytes(8)), says="hole")
    yield safe("hole_at_the_end", file(None, bytes(8)))
    yield safe("outside", file({"x": tensor(end, end + 8)}, bytes(4)), says="ends too early")
    yield safe("backwards", file({"x": tensor(end, end - 4, [1])}), says="before it begins")
    yield safe("empty_far_away", file({"x": tensor(2**60, 2**60, [0])}))
    yield safe(
        "empty_of_large_extents", file({"x": tensor(end, end, [0, 2**62, 2**62])}), "harmless"
    )
    yield safe(
        "offsets_2_64", file({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**64]}})
    )
    yield safe(
        "offsets_negative", file({"x": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}})
    )
    yield safe(
        "offsets_real", file({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0.0, 4.0]}})
    )
    yield safe("extents_overflow", file({"x": tensor(end, end + 4, [2**32, 2**32 + 1])}, bytes(4)))
    yield safe("extents_2_60", file({"x": tensor(end, end + 4, [2**60])}, bytes(4)))
    yield safe("extents_65", file({"x": tensor(end, end + 4, [1] * 65)}, bytes(4)))
    yield safe(
        "unknown_dtype", file({"x": tensor(end, end + 4, [1], "os.system")}, bytes(4)), "harmless"
    )
    text = json.dumps(header)
    first = next(iter(base.tensors))
    twin = json.dumps({first: tensor(end, end + 4)})[1:-1]
    yield safe(
        "key_twice",
        safetensors((text[:-1] + ", " + twin + "}").encode(), data + bytes(4)),
        says="twice",
    )
    escaped = twin.replace(first[0], f"\\u{ord(first[0]):04x}", 1)
    yield safe(
        "key_twice_escaped",
        safetensors((text[:-1] + ", " + escaped + "}").encode(), data + bytes(4)),
        says="twice",
    )
    shape = text.replace('"dtype"', '"shape": [1], "dtype"', 1)
    yield safe("field_twice", safetensors(shape.encode(), data), says="twice")
    yield safe("comment", safetensors((text[:-1] + "/*,*/}").encode(), data))
    yield safe("nul_in_header", safetensors(text.encode() + b"\0{}", data), says="NUL")
    yield safe("second_object", safetensors(text.encode() + b"{}", data))
    yield safe(
        "not_utf8", safetensors(text.encode().replace(b"cls_token", b"cls\xff\xfetok"), data)
    )
    for power in (27, 40, 63, 64):
        yield safe(f"header_2_{power}", safetensors(header, data, length=2**power - 1))
    yield safe("header_0", safetensors(b"", data, length=0))
    yield safe("metadata_of_objects", file({"__metadata__": {"x": {"y": "z"}}}))
    yield safe(
        "metadata_steers_a_terminal",
        file({"__metadata__": header["__metadata__"] | {"\x1b[2J": "\x1b]0;x\x07"}}),
        "harmless",
    )
    yield safe(
        "name_steers_a_terminal",
        file({"\x1b[2J\r\n\u202e": tensor(end, end + 4)}, bytes(4)),
        "harmless",
    )
    yield safe(
        "name_is_a_path", file({"../../../tmp/x": tensor(end, end + 4)}, bytes(4)), "harmless"
    )
    yield safe("name_with_nul", file({"x\0y": tensor(end, end + 4)}, bytes(4)), "harmless")
    yield safe("name_of_64_kb", file({"x" * 65536: tensor(end, end + 4)}, bytes(4)), "harmless")
    yield safe("pickle_behind", file(None, p.proto(2) + p.system() + p.STOP))
    yield from strangers(base)


def strangers(base):
    """Other formats with code or references in them, by the name of a checkpoint."""
    run = p.proto(2) + p.system() + p.STOP
    array = b"\x93NUMPY\1\0" + (118).to_bytes(2, "little")
    array += b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n" + run
    yield Case("numpy_object_array", array, says="NumPy array")
    yield Case("numpy_objects_in_npz", archive([Member("a.npy", array)]), says="npz")
    yield Case(
        "keras",
        archive(
            [Member("config.json", b'{"class_name": "Lambda"}'), Member("model.weights.h5", b"")]
        ),
        says="Keras",
        payload=False,
    )
    yield Case("hdf5", b"\x89HDF\r\n\x1a\n" + bytes(100) + run, says="HDF5")
    yield Case("gguf", b"GGUF\3\0\0\0" + b"\xff" * 64, says="GGUF", payload=False)
    yield Case(
        "onnx_external_data",
        b"\x08\x0a\x12\x04onnx" + b"location\x12\x0f../../etc/passwd",
        says="ONNX",
        payload=False,
    )
    yield Case("elf", b"\x7fELF" + bytes(60), says="program", payload=False)
    yield Case("script", b"#!/bin/sh\n" + p.SHELL.encode() + b"\n", says="text")
    yield Case("html", b"<html><script>1</script></html>", says="web page", payload=False)
    yield Case("empty", b"", says="empty", payload=False)
    yield Case(
        "lfs_pointer",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:\x1b[2J\nsize 9\n",
        says="",
        payload=False,
    )
    yield Case("zeros", bytes(4096), says="zeros", payload=False)
