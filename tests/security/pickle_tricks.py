"""Pickles that use the machine against its readers: opcodes, protocols, the memo, names, ids."""

import pickle_ops as p
from cases import Case

SHELL = p.text(p.SHELL)
SYSTEM = p.name("os", "system")
LINE = p.SHELL.encode()


def instructions():
    """A call by every instruction that makes one."""
    lazy = p.call(p.name("builtins", "map"), SYSTEM, p.rows([SHELL]))
    yield "reduce", SYSTEM + p.row(SHELL) + p.REDUCE
    yield "inst", b"(S'" + LINE + b"'\nios\nsystem\n"
    yield "obj", p.MARK + SYSTEM + SHELL + p.OBJ
    yield "newobj", p.name("builtins", "bytes") + p.row(lazy) + p.NEWOBJ
    yield "newobj_ex", p.name("builtins", "bytes") + p.row(lazy) + p.EMPTY_DICT + p.NEWOBJ_EX
    keyword = p.table((p.text("args"), SHELL), (p.text("shell"), p.TRUE))
    yield "newobj_ex_keywords", p.name(
        "subprocess", "Popen"
    ) + p.EMPTY_TUPLE + keyword + p.NEWOBJ_EX
    # __setstate__ of an object, which the pickle first replaces by another function.
    holder = p.call(p.name("types", "SimpleNamespace"))
    replaced = p.table((p.text("__setstate__"), SYSTEM))
    yield "build_setstate", holder + replaced + p.BUILD + SHELL + p.BUILD
    # BUILD with a state of slots sets attributes of anything, here of a module's function.
    slots = p.row(p.NONE, p.table((p.text("a"), SYSTEM)))
    victim = p.name("textwrap", "dedent")
    yield "build_slots", victim + slots + p.BUILD + p.POP + p.call(
        p.stack_name("textwrap", "dedent.a"), SHELL
    )
    yield "append_of_a_class", p.call(p.name("collections", "deque")) + p.system() + p.APPEND
    extend = p.call(p.name("types", "SimpleNamespace"))
    yield "extend_replaced", extend + p.table(
        (p.text("append"), SYSTEM)
    ) + p.BUILD + SHELL + p.APPEND
    # Setting an item calls __setitem__, deleting none: os.environ passes it on to the process.
    yield "setitem_environ", p.name("os", "environ") + p.text("PATH") + p.text("/x") + p.SETITEM
    yield "additems", p.call(p.name("builtins", "set")) + p.MARK + p.system() + p.ADDITEMS


def names():
    """A function named in other ways than by two constant lines."""
    os_, sys_ = p.short_text("os"), p.short_text("system")
    safe = p.short_text("torch._utils"), p.short_text("_rebuild_tensor_v2")
    yield "stack_global", p.call(os_ + sys_ + p.STACK_GLOBAL, SHELL), ""
    yield "memo_put_and_memoize", (
        os_ + p.put(0) + p.POP + sys_ + p.put(1) + p.POP + safe[0] + p.MEMOIZE + p.POP
        + safe[1] + p.MEMOIZE + p.POP + p.call(p.get(0) + p.get(1) + p.STACK_GLOBAL, SHELL)
    ), "picklescan issue 14"  # fmt: skip
    yield "memo_overwritten", (
        safe[0] + p.put(5) + p.POP + os_ + p.put(5) + p.POP
        + p.call(p.get(5) + sys_ + p.STACK_GLOBAL, SHELL)
    ), "picklescan issue 22"  # fmt: skip
    yield "memo_of_an_attribute", (
        p.name("textwrap", "dedent") + p.row(p.NONE, p.table((p.text("a"), os_))) + p.BUILD + p.POP
        + p.stack_name("textwrap", "dedent.a") + p.put(9) + p.POP
        + p.call(p.get(9) + sys_ + p.STACK_GLOBAL, SHELL)
    ), "modelscan issue 85"  # fmt: skip
    yield "text_between", p.call(
        os_ + sys_ + safe[0] + p.POP + safe[1] + p.POP + p.STACK_GLOBAL, SHELL
    ), "agent-bom pull request 3326"
    yield "duplicated_text", p.call(
        p.short_text("posix") + p.DUP + p.POP + sys_ + p.STACK_GLOBAL, SHELL
    ), ""
    yield "escaped_unicode", p.call(b"V\\u006fs\nVs\\u0079stem\n" + p.STACK_GLOBAL, SHELL), ""
    yield "escaped_string", p.call(b"S'\\x6fs'\nS\"sys\\x74em\"\n" + p.STACK_GLOBAL, SHELL), ""
    yield "short_binstring", p.call(b"U\x02osU\x06system" + p.STACK_GLOBAL, SHELL), ""
    yield "frame_between", p.call(os_ + b"\x95" + b"\xff" * 8 + sys_ + p.STACK_GLOBAL, SHELL), ""


def names_that_are_none():
    os_, sys_ = p.short_text("os"), p.short_text("system")
    for label, module in (("bytes", p.raw(b"os")), ("number", p.integer(1)), ("none", p.NONE),
                          ("tuple", p.row(os_)), ("global", p.name("os", "name"))):  # fmt: skip
        yield f"name_is_{label}", p.call(module + sys_ + p.STACK_GLOBAL, SHELL)
    joined = p.method(p.text(""), "join", p.rows([p.text("o"), p.text("s")]))
    yield "name_is_computed", p.call(joined + sys_ + p.STACK_GLOBAL, SHELL)


def protocols(base):
    """The same payload as each protocol spells it."""
    line = p.name("os", "system") + b"(S'" + LINE + b"'\ntR"
    yield 0, p.table((b"V!\n", line), *base.entries()) + p.STOP
    yield 1, p.table((b"U\x01!", p.system()), *base.entries()) + p.STOP
    for number in (2, 3):
        yield number, base.state(first=[(p.text("!"), p.system())], number=number)
    for number in (4, 5):
        program = p.call(p.stack_name("os", "system"), p.short_text(p.SHELL))
        inner = (
            p.table((p.short_text("!") + p.MEMOIZE, program + p.MEMOIZE), *base.entries()) + p.STOP
        )
        yield number, p.proto(number) + b"\x95" + len(inner).to_bytes(8, "little") + inner


def broken(base):
    """Payloads in front of what no reader accepts: an executing reader is too late (nullifAI)."""
    run = p.system() + p.POP
    whole = base.state()
    about = "nullifAI"
    yield Case(
        "broken_unknown_opcode",
        base.checkpoint(run + b"\xff" + whole),
        says="unknown pickle instruction",
        about=about,
    )
    yield Case("broken_cut", base.checkpoint(run + whole[:-9]), says="", about=about)
    yield Case(
        "broken_empty_stack",
        base.checkpoint(run + p.POP + whole),
        says="takes a value",
        about=about,
    )
    yield Case(
        "broken_protocol", base.checkpoint(run + p.proto(6) + whole), says="protocol 6", about=about
    )
    yield Case(
        "broken_no_mark", base.checkpoint(run + p.TUPLE + whole), says="never opened", about=about
    )
    yield Case(
        "broken_memo", base.checkpoint(run + p.get(200) + whole), says="never stored", about=about
    )
    yield Case(
        "broken_text_is_not_utf8",
        base.checkpoint(run + b"X\x02\0\0\0\xff\xfe" + p.POP + whole),
        "harmless",
        about=about,
    )
    yield Case(
        "broken_string_quotes",
        base.checkpoint(run + b"S'os\n" + whole),
        says="without its quotes",
        about=about,
    )


def identifiers(base):
    """Persistent ids that describe no storage, and storages of hostile names."""
    extra = p.text("extra")

    def with_value(program):
        return base.checkpoint(base.state(first=[(extra, program)]))

    for label, identifier in (
        ("number", p.integer(7)), ("text", p.text("../../etc/passwd")), ("none", p.NONE),
        ("call", p.system()), ("empty_tuple", p.EMPTY_TUPLE), ("module", p.row(p.name("os", "system"), *[p.text("x")] * 4)),
        ("itself", p.storage("0", 1)), ("short", p.row(p.text("storage"), p.name("torch", "FloatStorage"))),
    ):  # fmt: skip
        yield Case(
            f"id_{label}",
            with_value(identifier + p.BINPERSID),
            "harmless",
            about="PyTorch pull request 170085",
        )
    yield Case("id_line", with_value(b"P/dev/zero\n"), "harmless")
    yield Case("id_line_of_control_characters", with_value(b"P\x1b[2J\x1b]0;x\x07\n"), "harmless")
    hostile = (
        "../../../etc/passwd",
        "/etc/passwd",
        "a\0b",
        "..\\..\\x",
        ".",
        "",
        "x" * 70000,
        "\x1b[2J",
    )
    for index, key in enumerate(hostile):
        program = p.tensor(p.storage(key, 1), 0, [1])
        yield Case(
            f"storage_name_{index}", with_value(program), says="lacks the data", payload=False
        )
    yield Case(
        "storage_of_negative_size",
        with_value(p.tensor(p.storage("0", -1), 0, [1])),
        says="storage is damaged",
        payload=False,
    )
    yield Case(
        "storage_that_is_a_pickle",
        with_value(p.tensor(p.storage("../data.pkl", 1), 0, [1])),
        says="lacks the data",
        payload=False,
    )
    yield Case(
        "storage_of_unknown_type",
        with_value(p.tensor(p.storage("0", 1, kind="os.system"), 0, [1])),
        says="two types",
    )


def cases(base):
    def holding(program):
        return base.checkpoint(base.state(first=[(p.text("extra"), program)]))

    for name, program in instructions():
        outcome = "refused" if name == "setitem_environ" else "harmless"
        yield Case(f"by_{name}", holding(program), outcome)
    for name, program, about in names():
        # An attribute that was set by BUILD is a text only for those who execute.
        outcome = "refused" if name == "memo_of_an_attribute" else "harmless"
        yield Case(f"named_by_{name}", holding(program), outcome, about=about)
    for name, program in names_that_are_none():
        yield Case(name, holding(program), says="by something that is no text")
    for label, module in (
        ("nul", "o\0s"),
        ("carriage_return", "os\r"),
        ("confusable", "о" + "s"),
        ("escape", "\x1b[2Jos"),
    ):
        yield Case(
            f"name_with_{label}", holding(p.call(p.name(module, "system"), SHELL)), "harmless"
        )
    for number, program in protocols(base):
        yield Case(f"protocol_{number}", base.checkpoint(program), "harmless")
    yield from broken(base)
    yield from identifiers(base)
    # What follows STOP belongs to another pickle, which is not read.
    second = p.proto(2) + p.system() + p.STOP
    yield Case("behind_stop", base.checkpoint(base.state() + second), "harmless")
    yield Case(
        "in_front", base.checkpoint(second + base.state()), says="", about="GHSA-9gvj-pp9x-gcfr"
    )
    yield Case("legacy_first_pickle", second + base.old_checkpoint(), says="")
    yield Case("legacy_between", base.old_checkpoint(before=second), says="", about="")
    yield Case("legacy_behind", base.old_checkpoint(behind=second), "harmless")
