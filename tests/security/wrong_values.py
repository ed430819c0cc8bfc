"""Files that other readers give other values: what is read must never depend on the reader.

A reader of torch.load executes the pickle, so items set on a tensor, dictionaries that repeat a key
and storages of two types have an order there. None of them is read here as if it were harmless.
"""

import pickle_ops as p
from cases import Case
from containers import legacy


def first_tensor(base):
    key, of = next(iter(base.tensors.items()))
    return p.text(key), p.tensor(
        p.storage("0", base.count), of["data_offsets"][0] // 4, of["shape"]
    )


def replaced(base, program):
    """The model with another program in the place of its first tensor."""
    key, _ = first_tensor(base)
    return base.checkpoint(p.proto(2) + p.table((key, program), *base.entries()[1:]) + p.STOP)


def cases(base):
    key, first = first_tensor(base)
    about = "CVE-2026-24747"
    zero = p.tensor(p.storage("0", base.count), 0, [1])
    unreadable = "are not read"
    for label, change in (
        ("setitem", p.integer(0) + p.real(7.0) + p.SETITEM),
        ("setitems", p.MARK + p.integer(0) + zero + p.SETITEMS),
        ("append", p.integer(0) + p.APPEND),
        ("build", p.table((p.text("data"), zero)) + p.BUILD),
        ("build_slots", p.row(p.NONE, p.table((p.text("data"), zero))) + p.BUILD),
    ):
        yield Case(
            f"tensor_{label}", replaced(base, first + change), says="", about=about, payload=False
        )
        # The same from far away, by the memo, after the tensor was put into its dictionary.
        late = (
            p.EMPTY_DICT + key + first + b"r\xe7\x03\0\0" + p.SETITEM
            + b"j\xe7\x03\0\0" + change + p.POP
            + p.MARK + b"".join(k + v for k, v in base.entries()[1:]) + p.SETITEMS
        )  # fmt: skip
        yield Case(
            f"tensor_{label}_by_memo",
            base.checkpoint(p.proto(2) + late + p.STOP),
            says="",
            about=about,
            payload=False,
        )
    del unreadable
    # A dictionary holds one value per key, the last; here the first of them is the model's tensor.
    for label, value in (
        ("number", p.integer(3)),
        ("none", p.NONE),
        ("dictionary", p.EMPTY_DICT),
        ("call", p.system()),
    ):
        state = base.state(extra=[(key, value)])
        yield Case(
            f"key_twice_{label}", base.checkpoint(state), says="twice", payload=label == "call"
        )
    yield Case(
        "key_twice_tensor", base.checkpoint(base.state(extra=[(key, zero)])), says="", payload=False
    )
    inner = p.table(*base.entries())
    twice = p.table(
        (p.text("state_dict"), inner), (p.text("state_dict"), p.table((p.text("other"), zero)))
    )
    yield Case(
        "state_dict_twice",
        base.checkpoint(p.proto(2) + twice + p.STOP),
        says="twice",
        payload=False,
    )
    ordered = p.call(p.name("collections", "OrderedDict"))
    for label, value in (("number", p.integer(3)), ("tensor", zero)):
        state = (
            p.proto(2)
            + ordered
            + p.MARK
            + b"".join(k + v for k, v in base.entries())
            + key
            + value
            + p.SETITEMS
            + p.STOP
        )
        yield Case(f"ordered_key_twice_{label}", base.checkpoint(state), says="", payload=False)
    yield Case(
        "key_as_bytes_too",
        base.checkpoint(base.state(extra=[(p.raw(next(iter(base.tensors)).encode()), zero)])),
        says="",
        payload=False,
    )
    yield from storages(base, key)
    yield from places(base, key)


def storages(base, key):
    """One storage described in two ways, of which PyTorch keeps the first that it meets."""
    half = p.tensor(p.storage("0", base.count * 2, kind="HalfStorage"), 0, [1])
    for label, program in (
        ("half", half),
        ("integer", p.tensor(p.storage("0", base.count, kind="IntStorage"), 0, [1])),
    ):
        state = base.state(first=[(p.text("other"), program)])
        yield Case(
            f"storage_of_two_types_{label}",
            base.checkpoint(state),
            says="two types",
            about="CVE-2026-24747",
            payload=False,
        )
        yield Case(
            f"legacy_storage_of_two_types_{label}",
            base.old_checkpoint(state),
            says="two types",
            payload=False,
        )
    more = p.storage("0", base.count + 1)
    yield Case(
        "storage_larger_than_its_bytes",
        base.checkpoint(p.proto(2) + p.table(*base.entries(more)) + p.STOP),
        says="shorter",
        about="CVE-2026-24747",
        payload=False,
    )
    legacy_more = legacy(
        p.proto(2) + p.table(*base.entries(more)) + p.STOP, ["0"], [(base.count, base.data)]
    )
    yield Case("legacy_storage_larger_than_its_bytes", legacy_more, says="", payload=False)
    claims = legacy(base.state(), ["0"], [(2**62, base.data)])
    yield Case("legacy_storage_of_2_62_elements", claims, says="", payload=False)
    yield Case(
        "legacy_storage_twice",
        legacy(base.state(), ["0", "0"], [(base.count, base.data)] * 2),
        says="twice",
        payload=False,
    )
    view = p.row(p.text("0"), p.integer(2**62), p.integer(2**62))
    program = p.tensor(p.storage("0", base.count, rest=[view]), 0, [1])
    for label, make in (("zip", base.checkpoint), ("legacy", base.old_checkpoint)):
        yield Case(
            f"view_outside_{label}",
            make(base.state(extra=[(p.text("v"), program)])),
            says="",
            payload=False,
        )


def places(base, key):
    """Shapes, strides and offsets that leave the storage, or that overflow on the way."""
    whole = p.storage("0", base.count)
    big = 2**62
    for label, program in (
        ("offset_behind", p.tensor(whole, base.count, [1])),
        ("offset_negative", p.tensor(whole, -1, [1])),
        ("offset_2_63", p.tensor(whole, 2**63 - 1, [2])),
        ("offset_2_64", p.tensor(whole, 2**64, [1])),
        ("stride_negative", p.tensor(whole, 10, [2], [-1])),
        ("stride_overflows", p.tensor(whole, 0, [2, 2], [big, big])),
        ("stride_wraps_to_zero", p.tensor(whole, 0, [5], [big])),
        ("strides_too_few", p.tensor(whole, 0, [2, 2], [1])),
        ("extent_negative", p.tensor(whole, 0, [-1], [1])),
        ("extents_overflow", p.tensor(whole, 0, [2**32, 2**32], [0, 0])),
        ("extents_wrap_to_one", p.tensor(whole, 0, [2**32, 2**32 + 1], [0, 0])),
        ("extent_2_60", p.tensor(whole, 0, [2**60], [0])),
        ("extent_2_64", p.tensor(whole, 0, [2**64], [0])),
        ("axes_65", p.tensor(whole, 0, [1] * 65)),
        ("shape_of_text", p.call(p.name("torch._utils", "_rebuild_tensor_v2"), whole, p.integer(0), p.text("1"), p.text("1"), p.FALSE, p.NONE)),
    ):  # fmt: skip
        yield Case(
            f"tensor_{label}",
            base.checkpoint(base.state(extra=[(p.text("x"), program)])),
            payload=False,
        )
    wide = p.tensor(whole, base.count - 1, [1], function="_rebuild_tensor_v2")
    yield Case(
        "tensor_at_the_end",
        base.checkpoint(base.state(extra=[(p.text("x"), wide)])),
        "harmless",
        payload=False,
    )
