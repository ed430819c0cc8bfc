"""Pickles that call something: one case per function that was published as a way to run code, or
that a scanner of pickles missed.

In every file the call stands in front of the tensors of a complete model, so a reader that executes
it does so before it could refuse anything. For this reader a name is text: the model behind the
call must be read with its true values.
"""

import marshal

import pickle_ops as p
from cases import Case

SHELL, PYTHON, CODE = p.text(p.SHELL), p.text(p.PYTHON), p.text(p.CODE)
ARGV = p.rows([p.text("sh"), p.text("-c"), SHELL])
ENVIRONMENT = p.name("os", "environ")


def nested():
    """A pickle inside a pickle, as bytes."""
    return p.raw(p.proto(2) + p.system() + p.STOP)


def code_object():
    return p.raw(marshal.dumps(compile(p.CODE, "malice", "exec")))


# (name, module, attribute, arguments, advisory)
CALLS = [
    ("os_system", "os", "system", [SHELL], ""),
    ("posix_system", "posix", "system", [SHELL], ""),
    ("os_popen", "os", "popen", [SHELL], ""),
    ("os_execlp", "os", "execlp", [p.text("sh"), p.text("sh"), p.text("-c"), SHELL], ""),
    ("os_posix_spawn", "os", "posix_spawn", [p.text("/bin/sh"), ARGV, ENVIRONMENT], ""),
    ("os_spawnlp", "os", "spawnlp", [p.integer(0), *[p.text(t) for t in ("sh", "sh", "-c")], SHELL], ""),
    ("subprocess_popen", "subprocess", "Popen", [ARGV], ""),
    ("subprocess_check_output", "subprocess", "check_output", [ARGV], ""),
    ("subprocess_getoutput", "subprocess", "getoutput", [SHELL], ""),
    ("commands_getoutput", "commands", "getoutput", [SHELL], "Python 2"),
    ("pty_spawn", "pty", "spawn", [ARGV], "fickling pull request 108"),
    ("eval", "builtins", "eval", [PYTHON], ""),
    ("exec", "builtins", "exec", [CODE], ""),
    ("python2_eval", "__builtin__", "eval", [PYTHON], ""),
    ("open_for_writing", "builtins", "open", [p.marker_path(), p.text("w")], ""),
    ("io_open", "io", "open", [p.marker_path(), p.text("w")], ""),
    ("io_fileio", "_io", "FileIO", [p.marker_path(), p.text("w")], "CVE-2025-10155"),
    ("os_mkdir", "os", "mkdir", [p.marker_path()], ""),
    ("os_mknod", "os", "mknod", [p.marker_path()], ""),
    ("pathlib_touch", "pathlib", "Path.touch", [p.call(p.name("pathlib", "Path"), p.marker_path())], ""),
    ("shutil_copyfile", "shutil", "copyfile", [p.text("/dev/null"), p.marker_path()], ""),
    ("write_file", "distutils.file_util", "write_file", [p.marker_path(), p.rows([p.text("x")])], "CVE-2025-10156"),
    ("logging_filehandler", "logging", "FileHandler", [p.marker_path()], ""),
    ("pip_main", "pip", "main", [p.rows([p.text("--log"), p.marker_path(), p.text("check")])], "CVE-2025-1716"),
    ("pip_internal_main", "pip._internal.cli.main", "main", [p.rows([p.text("--log"), p.marker_path(), p.text("check")])], "GHSA-vqmv-47xg-9wpr"),
    ("ensurepip_run_pip", "ensurepip", "_run_pip", [p.rows([p.text("--log"), p.marker_path(), p.text("check")])], "GHSA-xp4f-hrf8-rxw7"),
    ("asyncio_transport", "asyncio.unix_events", "_UnixSubprocessTransport._start", [p.NONE, ARGV, p.FALSE], "CVE-2025-10157"),
    ("posixsubprocess", "_posixsubprocess", "fork_exec", [ARGV], "GHSA-m6fh-58r7-x697"),
    ("interpreters", "_interpreters", "run_string", [p.call(p.name("_interpreters", "create")), CODE], "GHSA-6ggj-6f2q-f7mx"),
    ("xxsubinterpreters", "_xxsubinterpreters", "run_string", [p.call(p.name("_xxsubinterpreters", "create")), CODE], "GHSA-6ggj-6f2q-f7mx"),
    ("uuid_command", "uuid", "_get_command_stdout", [p.text("sh"), p.text("-c"), SHELL], "CVE-2026-56315"),
    ("imaplib_stream", "imaplib", "IMAP4_stream", [SHELL], "CVE-2026-56315"),
    ("pyrepl_pager", "_pyrepl.pager", "pipe_pager", [p.text("x"), SHELL], "CVE-2026-56315"),
    ("osx_support", "_osx_support", "_read_output", [SHELL], "CVE-2026-56315"),
    ("aix_support", "_aix_support", "_read_cmd_output", [SHELL], "CVE-2026-56315"),
    ("timeit", "timeit", "timeit", [PYTHON, p.text("pass"), p.name("time", "time"), p.integer(1)], "GHSA-4675-36f9-wf6r"),
    ("cprofile_run", "cProfile", "run", [PYTHON], "GHSA-9w88-8rmg-7g2p"),
    ("profile_run", "profile", "run", [PYTHON], "GHSA-46h3-79wf-xr6c"),
    ("profile_runctx", "profile", "Profile.runctx", [p.call(p.name("profile", "Profile")), PYTHON, p.EMPTY_DICT, p.EMPTY_DICT], "GHSA-6vqj-c2q5-j97w"),
    ("trace_run", "trace", "Trace.run", [p.call(p.name("trace", "Trace"), p.FALSE, p.FALSE), PYTHON], "GHSA-5qwp-399c-mjwf"),
    ("bdb_run", "bdb", "Bdb.run", [p.call(p.name("bdb", "Bdb")), PYTHON], "GHSA-46h3-79wf-xr6c"),
    ("doctest_debug", "doctest", "debug_script", [CODE], "GHSA-fqq6-7vqf-w3fg"),
    ("code_runcode", "code", "InteractiveInterpreter.runcode", [p.call(p.name("code", "InteractiveInterpreter")), PYTHON], "picklescan pull request 48"),
    ("runpy_code", "runpy", "_run_code", [PYTHON, p.EMPTY_DICT], ""),
    ("idlelib_complete", "idlelib.autocomplete", "AutoComplete.get_entity", [p.NONE, PYTHON], "GHSA-7cq8-mj8x-j263"),
    ("lib2to3_loads", "lib2to3.pgen2.grammar", "Grammar.loads", [p.call(p.name("lib2to3.pgen2.grammar", "Grammar")), nested()], "GHSA-f54q-57x4-jg88"),
    ("crackfortran_eval", "numpy.f2py.crackfortran", "_eval_length", [PYTHON, p.EMPTY_DICT], "fickling pull request 210"),
    ("crackfortran_getlincoef", "numpy.f2py.crackfortran", "getlincoef", [PYTHON, p.EMPTY_DICT], "fickling pull request 210"),
    ("numpy_runstring", "numpy.testing._private.utils", "runstring", [PYTHON, p.EMPTY_DICT], ""),
    ("ctypes_cdll", "ctypes", "CDLL", [p.text("libmalice.so")], ""),
    ("thread", "_thread", "start_new_thread", [p.name("os", "system"), p.row(SHELL)], ""),
    ("atexit", "atexit", "register", [p.name("os", "system"), SHELL], "GHSA-m6fh-58r7-x697"),
    ("finalizer", "weakref", "finalize", [p.name("os", "PathLike"), p.name("os", "system"), SHELL], ""),
    ("site_addpackage", "site", "addpackage", [p.text("."), p.text("malice.pth"), p.NONE], "GHSA-m6fh-58r7-x697"),
    ("pickle_loads", "pickle", "loads", [nested()], "GHSA-84r2-jw7c-4r5q"),
    ("c_pickle_loads", "_pickle", "loads", [nested()], "GHSA-84r2-jw7c-4r5q"),
    ("python_pickle_loads", "pickle", "_loads", [nested()], ""),
    ("torch_load_from_bytes", "torch.storage", "_load_from_bytes", [nested()], ""),
    ("torch_collect_env", "torch.utils.collect_env", "run", [SHELL], "picklescan advisories of 2025"),
    ("torch_bottleneck", "torch.utils.bottleneck.__main__", "run_autograd_prof", [PYTHON, p.EMPTY_DICT], "GHSA-4whj-rm5r-c2v8"),
    ("torch_handlers", "torch.utils.data.datapipes.utils.decoder", "basichandlers", [p.text("pickle"), nested()], "picklescan advisories of 2025"),
    ("torch_execwrapper", "torch.jit.unsupported_tensor_ops", "execWrapper", [CODE, p.EMPTY_DICT, p.EMPTY_DICT], "picklescan advisories of 2025"),
    ("torch_config", "torch.utils._config_module", "ConfigModule.load_config", [p.NONE, nested()], "picklescan advisories of 2025"),
    ("torch_load_library", "torch", "ops.load_library", [p.text("libmalice.so")], ""),
    ("torch_hub", "torch.hub", "load", [p.text("."), p.text("malice")], ""),
]  # fmt: skip


def chains():
    """Values made by several calls: (name, program, advisory)."""
    getattr_, resolve = p.name("builtins", "getattr"), p.name("pkgutil", "resolve_name")
    os_module = p.call(p.name("importlib", "import_module"), p.text("os"))
    yield "getattr", p.call(p.call(getattr_, p.name("os", "path"), p.text("os.system")), SHELL), ""
    yield "import_module", p.method(os_module, "system", SHELL), "picklescan issue 66"
    yield "resolve_name", p.call(p.call(resolve, p.text("os:system")), SHELL), "GHSA-vvpj-8cmc-gx39"
    yield "dotted_name", p.call(p.stack_name("os", "path.os.system"), SHELL), ""
    yield "dunder_call", p.call(p.stack_name("os", "system.__call__"), SHELL), ""
    by_name = p.call(p.name("operator", "methodcaller"), p.text("system"), SHELL)
    yield "methodcaller", p.call(by_name, os_module), "GHSA-955r-x9j8-7rhh"
    getter = p.call(p.name("operator", "attrgetter"), p.text("system"))
    yield "attrgetter", p.call(p.call(getter, os_module), SHELL), "GHSA-m273-6v24-x4m4"
    partial = p.call(p.name("functools", "partial"), p.name("os", "system"), SHELL)
    yield "partial", p.call(partial), "fickling pull request 210"
    mapped = p.call(p.name("builtins", "map"), p.name("os", "system"), p.rows([SHELL]))
    yield "lazy_map", p.call(p.name("builtins", "list"), mapped), ""
    yield "reduce_of_functools", p.call(
        p.name("functools", "reduce"), p.name("builtins", "eval"), p.rows([PYTHON, p.EMPTY_DICT])
    ), ""
    code = p.call(p.name("marshal", "loads"), code_object())
    yield "marshal_function", p.call(
        p.call(p.name("types", "FunctionType"), code, p.EMPTY_DICT)
    ), "GHSA-565g-hwwr-4pp3"
    compiled = p.call(p.name("builtins", "compile"), CODE, p.text("m"), p.text("exec"))
    yield "compile_exec", p.call(p.name("builtins", "exec"), compiled), ""
    # The extension registry: a number stands for a name that the pickle itself registered.
    register = p.call(
        p.name("copyreg", "add_extension"), p.text("os"), p.text("system"), p.integer(77)
    )
    for width, opcode in ((1, b"\x82"), (2, b"\x83"), (4, b"\x84")):
        number = (77).to_bytes(width, "little")
        yield f"extension_{width}", register + p.POP + p.call(opcode + number, SHELL), ""
    # A call whose result is dropped, which static analysis of an expression tree does not see.
    yield "popped_result", p.system() + p.POP + p.NONE, "fickling advisories of 2026"
    yield "popped_mark", p.MARK + p.system() + p.POP_MARK + p.NONE, "fickling advisories of 2026"


def cases(base):
    def holding(program):
        return base.checkpoint(base.state(first=[(p.text("extra"), program)]))

    for name, module, attribute, arguments, about in CALLS:
        program = p.call(p.name(module, attribute), *arguments)
        yield Case(f"call_{name}", holding(program), "harmless", about=about)
    for name, program, about in chains():
        yield Case(f"chain_{name}", holding(program), "harmless", about=about)
    # Every container that holds a pickle of an object.
    state = base.state(first=[(p.text("extra"), p.system())])
    yield Case("call_in_legacy_file", base.old_checkpoint(state), "harmless")
