"""Formats that PyTorch reads by other code: TorchScript, packages, tar, exported programs."""

import json

import pickle_ops as p
from cases import Case
from containers import Member, archive, exported, tar


def other_formats(base):
    """Formats that PyTorch reads or used to read by other code."""
    run = p.proto(2) + p.system() + p.STOP
    members = base.members()
    yield Case(
        "script_constants",
        archive([*members, Member("archive/constants.pkl", run)]),
        "harmless",
        about="CVE-2025-32434",
    )
    code = b"def forward(self):\n  return ops.aten.system()\n"
    yield Case(
        "script_code",
        archive(
            [
                *members,
                Member("archive/constants.pkl", p.proto(2) + p.EMPTY_TUPLE + p.STOP),
                Member("archive/code/__torch__/evil.py", code),
                Member("archive/code/__torch__/evil.py.debug_pkl", run),
            ]
        ),
        "harmless",
        about="CVE-2025-32434",
        payload=False,
    )
    yield Case(
        "script_alone",
        archive(
            [
                Member("archive/data.pkl", run),
                Member("archive/constants.pkl", run),
                Member("archive/code/__torch__.py", code),
            ]
        ),
        about="CVE-2025-32434",
    )
    yield Case(
        "package",
        archive(
            [
                Member("p/.data/extern_modules", b"os\n"),
                Member("p/.data/version", b"6\n"),
                Member("p/model/model.pkl", run),
                Member("p/evil.py", p.CODE.encode()),
            ]
        ),
        says="zip archive of something else",
        about="torch.package",
    )
    yield Case(
        "package_around_a_model",
        archive(
            [
                *members,
                Member("archive/.data/extern_modules", b"os\n"),
                Member("archive/evil.py", p.CODE.encode()),
            ]
        ),
        "harmless",
        about="torch.package",
        payload=False,
    )
    old = [("sys_info", run), ("pickle", run), ("storages", run), ("tensors", run)]
    yield Case("tar_of_2016", tar(old), says="tar format", about="CVE-2025-32434")
    yield Case(
        "tar_of_2016_renamed",
        tar([("x/" + n, d) for n, d in old]),
        says="tar archive",
        about="CVE-2025-32434",
    )
    yield Case("plain_pickle", run, says="", about="CVE-2025-1889", suffix=".bin")
    yield Case(
        "plain_pickle_0", b"cos\nsystem\n(S'" + p.SHELL.encode() + b"'\ntR.", says="", suffix=".pt"
    )


def exports(base):
    """Files of torch.export: a JSON table, and pickles beside it."""
    run = p.proto(2) + p.system() + p.STOP
    described, end = base.described(), base.count

    def export(name, content, outcome="refused", says="", **other):
        return Case(f"export_{name}", content, outcome, says, suffix=".pt2", **other)

    yield export(
        "pickle_beside",
        exported(
            base, more=[Member("m/data/constants/custom_obj_0", run), Member("m/extra/x.pkl", run)]
        ),
        "harmless",
    )
    pickled = described | {
        "x": {"path_name": "weight_1", "is_param": True, "use_pickle": True, "tensor_meta": None}
    }
    more = [Member("m/data/weights/weight_1", run)]
    yield export(
        "pickled_tensor", exported(base, json.dumps({"config": pickled}).encode(), more), "harmless"
    )
    text = json.dumps({"config": described}).encode()
    first = next(iter(described))
    twin = json.dumps({first: base.description(0, [1])})[1:-1].encode()
    yield export(
        "name_twice", exported(base, text[:-2] + b", " + twin + b"}}"), says="twice", payload=False
    )
    yield export(
        "config_twice",
        exported(base, text[:-1] + b', "config": {' + twin + b"}}"),
        says="twice",
        payload=False,
    )
    yield export("nul_in_table", exported(base, text + b"\0{}"), says="NUL", payload=False)
    for label, offset, shape, strides in (
        ("outside", end, [1], [1]),
        ("negative", -1, [1], [1]),
        ("overflow", 0, [2**32, 2**32], [0, 0]),
        ("stride_overflow", 0, [2, 2], [2**62, 2**62]),
        ("2_63", 2**63 - 1, [2], [1]),
        ("2_64", 2**64, [1], [1]),
        ("multiplied", 0, [2**34], [0]),
    ):
        table = described | {"x": base.description(offset, shape, strides)}
        yield export(
            f"tensor_{label}", exported(base, json.dumps({"config": table}).encode()), payload=False
        )
    elsewhere = described | {"x": base.description(0, [1]) | {"path_name": "../../../etc/passwd"}}
    yield export(
        "path_leads_elsewhere",
        exported(base, json.dumps({"config": elsewhere}).encode()),
        says="lacks the data",
        payload=False,
    )
    yield export("table_of_pickle", exported(base, run), says="damaged")
    yield export(
        "nested_pickle",
        archive(
            [
                Member(
                    "serialized_state_dict.pt",
                    base.checkpoint(base.state(first=[(p.text("x"), p.system())])),
                )
            ]
        ),
        "harmless",
    )
    yield export("nested_plain_pickle", archive([Member("serialized_state_dict.pt", run)]))
