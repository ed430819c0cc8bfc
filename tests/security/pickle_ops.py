"""Pickle programs, opcode by opcode: every function returns the bytes that push one value.

Nothing here pickles an object or executes a pickle. The names of opcodes are those of CPython's
pickletools.
"""

import struct

MARKER = "SAPIENS_MALICE_MARKER"
# Both create the marker file that the environment names, and do nothing else.
SHELL = f'touch "${MARKER}"'
PYTHON = f"__import__('os').system('touch \"${MARKER}\"')"
CODE = f"import os\nopen(os.environ['{MARKER}'], 'w').close()\n"

STOP, POP, POP_MARK, DUP, MARK = b".", b"0", b"1", b"2", b"("
NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"
REDUCE, BUILD, OBJ, NEWOBJ, NEWOBJ_EX = b"R", b"b", b"o", b"\x81", b"\x92"
STACK_GLOBAL, MEMOIZE, BINPERSID = b"\x93", b"\x94", b"Q"
SETITEM, SETITEMS, APPEND, APPENDS = b"s", b"u", b"a", b"e"
EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, EMPTY_SET = b"}", b"]", b")", b"\x8f"
TUPLE, TUPLE1, TUPLE2, TUPLE3, ADDITEMS = b"t", b"\x85", b"\x86", b"\x87", b"\x90"


def proto(number):
    return b"\x80" + bytes([number])


def text(value):
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def short_text(value):
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data


def raw(value):
    if len(value) < 256:
        return b"C" + bytes([len(value)]) + value
    return b"B" + struct.pack("<I", len(value)) + value


def integer(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def real(value):
    return b"G" + struct.pack(">d", value)


def name(module, attribute):
    """GLOBAL: a function or class by two lines of text."""
    return f"c{module}\n{attribute}\n".encode()


def stack_name(module, attribute):
    return short_text(module) + short_text(attribute) + STACK_GLOBAL


def row(*items):
    """A tuple."""
    return MARK + b"".join(items) + TUPLE


def rows(items):
    """A list."""
    return EMPTY_LIST + MARK + b"".join(items) + APPENDS


def table(*pairs):
    """A dictionary of (program, program)."""
    return EMPTY_DICT + MARK + b"".join(key + value for key, value in pairs) + SETITEMS


def call(function, *arguments):
    return function + row(*arguments) + REDUCE


def method(value, attribute, *arguments):
    """value.attribute(*arguments), by way of getattr."""
    return call(call(name("builtins", "getattr"), value, text(attribute)), *arguments)


def put(slot):
    return b"q" + bytes([slot])


def get(slot):
    return b"h" + bytes([slot])


def system():
    return call(name("os", "system"), text(SHELL))


def marker_path():
    """The path of the marker, which only code that runs can know."""
    return call(name("os.path", "expandvars"), text("$" + MARKER))


def storage(key, count, kind="FloatStorage", where="cpu", first=None, rest=()):
    """A persistent id, as torch.save writes it."""
    return (
        row(
            first or text("storage"),
            name("torch", kind),
            text(key),
            text(where),
            integer(count),
            *rest,
        )
        + BINPERSID
    )


def tensor(of_storage, offset, shape, strides=None, extra=(), function="_rebuild_tensor_v2"):
    if strides is None:
        strides, step = [], 1
        for extent in reversed(shape):
            strides.insert(0, step)
            step *= max(extent, 1)
    hooks = call(name("collections", "OrderedDict"))
    return call(
        name("torch._utils", function),
        of_storage,
        integer(offset),
        row(*map(integer, shape)),
        row(*map(integer, strides)),
        FALSE,
        hooks,
        *extra,
    )
