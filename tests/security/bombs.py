"""Small files that ask for much: sizes, counts, depths, repetitions and shared bytes that multiply."""

import json
import struct

import pickle_ops as p
from cases import SCALE, Case
from containers import Member, archive, body, end_record, exported, legacy, safetensors

MANY = 100_000 * SCALE


def opcodes(base):
    """Single instructions with absurd arguments: (name, program, what is said)."""
    long = b"\x8b" + struct.pack("<i", 2**31 - 1)
    yield "long4_2_31", long + b"\1", "refused"
    yield "long4_negative", b"\x8b" + struct.pack("<i", -1), "refused"
    yield "long4_of_64_kb", b"\x8b" + struct.pack("<i", 65536) + b"\x7f" * 65536, "harmless"
    yield "int_of_many_digits", b"I" + b"9" * MANY + b"\n", "harmless"
    yield "long_of_many_digits", b"L" + b"9" * MANY + b"L\n", "harmless"
    yield "float_of_many_digits", b"F" + b"9" * MANY + b"\n", ""
    yield "bytes8_2_63", b"\x8e" + struct.pack("<Q", 2**63), "refused"
    yield "text8_2_64", b"\x8d" + b"\xff" * 8, "refused"
    yield "bytearray8_2_62", b"\x96" + struct.pack("<Q", 2**62), "refused"
    yield "text_2_32", b"X\xff\xff\xff\xff", "refused"
    yield "string_negative", b"T\xff\xff\xff\xff", "refused"
    yield "frame_2_64", b"\x95" + b"\xff" * 8 + p.NONE, "harmless"
    yield "frame_0_many", (b"\x95" + bytes(8)) * 10_000 + p.NONE, "harmless"
    yield "memo_slot_2_32", p.NONE + b"r\xff\xff\xff\xff" + p.POP + b"j\xff\xff\xff\xff", "harmless"
    yield "memo_slot_of_many_digits", p.NONE + b"p" + b"9" * 1000 + b"\n", "refused"
    yield "memo_slot_negative", p.NONE + b"p-1\n", "refused"
    yield "memo_slots_many", p.NONE + b"".join(
        b"r" + struct.pack("<I", 7 * i) for i in range(MANY)
    ), "harmless"
    yield "memoize_many", p.NONE + p.MEMOIZE * (10 * MANY), "harmless"
    yield "dup_many", p.MARK + p.NONE + p.DUP * (10 * MANY) + p.TUPLE, "refused"
    yield "marks_many", p.MARK * (10 * MANY) + p.POP * (10 * MANY) + p.NONE, "harmless"
    yield "protocols_many", p.proto(2) * MANY + p.NONE, "harmless"
    yield "values_many", p.MARK + b"K\1" * (5 << 20) + p.TUPLE, "refused"
    yield "extension_2_31", b"\x84" + struct.pack("<i", 2**31 - 1), "harmless"
    yield "next_buffer", b"\x97\x98", "harmless"


def depth(base):
    """Nesting: a recursive reader overflows its stack."""
    for label, opening, inner, closing in (
        ("tuples", b"", p.NONE, p.TUPLE1), ("marks", p.MARK, p.NONE, p.TUPLE),
        ("lists", p.EMPTY_LIST, p.NONE, p.APPEND), ("dictionaries", p.EMPTY_DICT + b"K\1", p.NONE, p.SETITEM),
        ("states", p.name("a", "B") + p.EMPTY_TUPLE + p.NEWOBJ, p.NONE, p.BUILD), ("calls", p.name("a", "b"), p.NONE, p.TUPLE1 + p.REDUCE),
        ("persistent_ids", b"", p.NONE, p.BINPERSID), ("frozen_sets", p.MARK, p.NONE, b"\x91"),
    ):  # fmt: skip
        yield f"depth_of_{label}", opening * MANY + inner + closing * MANY, "harmless"
    deep = p.text("w") + p.tensor(p.storage("0", 1), 0, [1])
    yield "depth_above_a_tensor", (
        p.EMPTY_DICT + b"K\1"
    ) * MANY + p.EMPTY_DICT + deep + p.SETITEM + p.SETITEM * MANY, ""
    wrapped = p.name("torch._utils", "_rebuild_parameter")
    yield "depth_of_parameters", (wrapped + p.MARK) * 10_000 + p.tensor(
        p.storage("0", 1), 0, [1]
    ) + (p.FALSE + p.NONE + p.TUPLE + p.REDUCE) * 10_000, ""


def cycles(base):
    """Values that contain themselves."""
    yield "list_in_itself", p.EMPTY_LIST + p.put(1) + p.get(1) + p.APPEND, "harmless"
    yield "dictionary_in_itself", p.EMPTY_DICT + p.put(1) + p.text("x") + p.get(
        1
    ) + p.SETITEM, "harmless"
    yield "state_of_itself", p.name("a", "B") + p.EMPTY_TUPLE + p.NEWOBJ + p.put(1) + p.get(
        1
    ) + p.BUILD, "harmless"
    yield "key_is_itself", p.EMPTY_DICT + p.put(1) + p.row(
        p.get(1)
    ) + p.NONE + p.SETITEM, "harmless"
    id_ = p.EMPTY_LIST + p.put(1) + p.get(1) + p.APPEND + p.BINPERSID
    yield "id_of_itself", id_, "harmless"
    yield "module_in_itself", (
        p.name("torch.nn", "Module") + p.EMPTY_TUPLE + p.NEWOBJ + p.put(1)
        + p.table((p.text("_modules"), p.table((p.text("m"), p.get(1))))) + p.BUILD
    ), "harmless"  # fmt: skip


def laughs(base):
    """Doubling by the memo: n instructions, 2^n values for a reader that follows them all."""
    for label, leaf in (
        ("numbers", b"K\1"),
        ("texts", p.text("x" * 1000)),
        ("tensors", p.tensor(p.storage("0", 1), 0, [1])),
    ):
        for kind in ("tuples", "dictionaries"):
            program = leaf + p.put(0) + p.POP
            for level in range(1, 60):
                below = p.get(level - 1)
                pair = (
                    below + below + p.TUPLE2
                    if kind == "tuples"
                    else p.table((p.text("a"), below), (p.text("b"), below))
                )
                program += pair + p.put(level) + p.POP
            yield f"laughs_{label}_in_{kind}", program + p.get(59), ""
    keys = p.text("k" * 65536) + p.put(0) + p.POP
    yield "one_key_many_times", keys + p.EMPTY_LIST + p.MARK + (
        p.EMPTY_DICT + p.get(0) + b"K\1" + p.SETITEM
    ) * MANY + p.APPENDS, ""
    yield "states_many", p.name("a", "B") + p.EMPTY_TUPLE + p.NEWOBJ + (
        p.EMPTY_DICT + p.BUILD
    ) * MANY, "harmless"


def counts(base):
    """Many small things."""
    yield "entries_many", p.table(*[(p.integer(i), p.NONE) for i in range(10 * MANY)]), ""
    yield "texts_many", p.table(*[(p.text(f"k{i}"), p.text("v")) for i in range(MANY)]), ""
    yield "names_many", p.rows([p.name("a", "b")] * MANY), ""
    yield "ids_many", p.rows([p.storage("0", 1)] * (MANY // 4)), ""
    one = p.tensor(p.storage("0", 1), 0, [1])
    yield "tensors_many", p.rows([one] * (MANY // 4)), ""
    yield "tensors_one_many_times", p.EMPTY_LIST + one + p.put(0) + p.POP + p.MARK + p.get(0) * (
        MANY
    ) + p.APPENDS, ""
    ordered = p.call(p.name("collections", "OrderedDict"))
    yield "ordered_many", p.rows([ordered] * MANY), ""


def multiplied(base):
    """Tensors that together have far more numbers than the file."""
    whole = p.storage("0", base.count)
    one = p.storage("0", 1)
    about = "a tensor expanded from one number"
    for power in (34, 40):
        state = base.state(extra=[(p.text("x"), p.tensor(one, 0, [2**power], [0]))])
        yield Case(
            f"expanded_2_{power}", base.checkpoint(state), says="repeat", about=about, payload=False
        )
    windows = [(p.text(f"x{i}"), p.tensor(whole, 0, [base.count])) for i in range(2000)]
    yield Case(
        "windows_on_one_storage",
        base.checkpoint(base.state(extra=windows)),
        says="repeat",
        payload=False,
    )
    old = base.old_checkpoint(base.state(extra=windows))
    yield Case("windows_in_legacy_file", old, says="repeat", payload=False)
    for width in (4096, 65536):
        pairs = []
        for key, t in base.tensors.items():
            shape = [{48: width, 192: 4 * width, 144: 3 * width}.get(n, n) for n in t["shape"]]
            pairs.append((p.text(key), p.tensor(one, 0, shape, [0] * len(shape))))
        content = archive(
            [
                Member("archive/data.pkl", p.proto(2) + p.table(*pairs) + p.STOP),
                Member("archive/byteorder", b"little"),
                Member("archive/data/0", bytes(4)),
            ]
        )
        yield Case(f"model_of_one_number_{width}", content, says="", payload=False)


def archives(base):
    members = base.members()
    small = [Member(f"archive/x/{i}", b"") for i in range(min(MANY, 60_000))]
    yield Case("members_60000", archive([*members, *small]), "harmless", payload=False)
    # The same entry of the table, again and again.
    out, central = body(members)
    entry = Member("archive/data/1", b"").entry(0)
    yield Case(
        "entries_of_one_member",
        out
        + central
        + entry * 60_000
        + end_record(60_004, len(central + entry * 60_000), len(out)),
        says="",
        payload=False,
    )
    ends = end_record(0, 0, 0, comment=b"")
    yield Case(
        "end_records_many", archive(members, comment=ends * (65535 // len(ends))), "", payload=False
    )
    keys = [f"x{i}" for i in range(MANY)]
    yield Case(
        "legacy_keys_many",
        legacy(base.state(), ["0", *keys], [(base.count, base.data)] + [(0, b"")] * MANY),
        says="unused",
        payload=False,
        memory_mib=96 + 20 * SCALE,
    )


def headers(base):
    header, data = base.header, base.data
    end = len(data)
    text = json.dumps(header).encode()

    many = base.described() | {
        f"x{i}": base.description(0, [0]) for i in range(min(MANY // 4, 100_000))
    }
    table = json.dumps({"config": many}).encode()
    yield Case(
        "export_tensors_many",
        exported(base, table),
        "harmless",
        suffix=".pt2",
        payload=False,
        memory_mib=160 + 200 * SCALE,
    )
    deep = json.dumps({"config": base.described()}).encode()[:-1] + b', "x": ' + b"[" * (10 * MANY)
    yield Case(
        "export_depth",
        exported(base, deep),
        suffix=".pt2",
        payload=False,
        memory_mib=160 + 100 * SCALE,
    )

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

    many = {
        f"x.{i}": {"dtype": "F32", "shape": [0], "data_offsets": [end, end]} for i in range(MANY)
    }
    yield safe(
        "tensors_many", safetensors(header | many, data), "harmless", memory_mib=160 + 240 * SCALE
    )
    yield safe("depth_lists", safetensors(text[:-1] + b', "x": ' + b"[" * (10 * MANY), data))
    yield safe("depth_objects", safetensors(text[:-1] + b', "x": ' + b'{"a":' * (10 * MANY), data))
    unknown = b'{"dtype":"F32","shape":[0],"data_offsets":[%d,%d],"more":' % (end, end)
    yield safe(
        "depth_in_unknown_field",
        safetensors(text[:-1] + b', "x": ' + unknown + b"[" * MANY + b"]" * MANY + b"}}", data),
        "harmless",
    )
    notes = {f"note{i}": "x" * 50 for i in range(MANY)}
    yield safe(
        "metadata_many",
        safetensors(header | {"__metadata__": notes}, data),
        "harmless",
        memory_mib=160 + 60 * SCALE,
    )
    yield safe(
        "metadata_one_name",
        safetensors(
            text.replace(b'"__metadata__": {', b'"__metadata__": {' + b'"a": "b", ' * MANY, 1), data
        ),
        "harmless",
    )
    yield safe(
        "metadata_long",
        safetensors(header | {"__metadata__": {"x": "y" * (20 << 20)}}, data),
        "harmless",
        memory_mib=300,
    )
    yield safe("spaces_many", safetensors(text + b" " * (20 << 20), data), "harmless")
    yield safe(
        "number_of_many_digits",
        safetensors(text[:-1] + b', "x": {"dtype": "F32", "shape": [' + b"9" * MANY + b"]}}", data),
    )
    yield safe(
        "extents_many",
        safetensors(
            text[:-1] + b', "x": {"dtype": "F32", "shape": [' + b"1," * MANY + b"1]}}", data
        ),
    )


def names(base):
    """Keys that look like parts of models, without end."""
    one = p.tensor(p.storage("0", 1), 0, [1])
    layers = [(p.text(f"layers.{i}.attn.proj.weight"), one) for i in range(10_000)]
    yield Case("layers_10000", base.checkpoint(base.state(extra=layers)), "", payload=False)
    digits = [(p.text(f"layers.{'9' * 5000}.attn.proj.weight"), one)]
    yield Case(
        "layer_number_of_5000_digits", base.checkpoint(base.state(extra=digits)), "", payload=False
    )
    prefixes = [(p.text("backbone." * 200 + f"{i}"), one) for i in range(1000)]
    yield Case("prefix_200_times", base.checkpoint(base.state(extra=prefixes)), "", payload=False)
    models = [(p.text(f"m{i}." + key), one) for i in range(300) for key in base.tensors]
    yield Case(
        "prefixes_of_300_models", base.checkpoint(base.state(extra=models)), "", payload=False
    )


def cases(base):
    for part in (opcodes, depth, cycles, laughs, counts):
        for name, program, outcome in part(base):
            content = base.checkpoint(base.state(first=[(p.text("extra"), program)]))
            limit = 700 if name in ("entries_many", "values_many") else 160 + 100 * SCALE
            yield Case(f"bomb_{name}", content, outcome, payload=False, memory_mib=limit)
    for part in (multiplied, archives, headers, names):
        yield from part(base)
