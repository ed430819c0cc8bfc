"""Writes the checkpoint fixtures of tests/checkpoint: the same tensors in every container.

Run once per PyTorch, each writes the files that it is about:
    python3 make_fixtures.py 1.13    # with torch 1.13: zip, legacy, TorchScript, training, hostile files
    python3 make_fixtures.py 2.3     # with torch 2.3 and safetensors 0.8: zip, torch.export (nested), safetensors
    python3 make_fixtures.py new     # with torch 2.15: zip, torch.export (PT2 archive)

expected.json holds the bytes of every tensor as hexadecimal text.
"""

import io
import json
import os
import pickle
import sys
import warnings
import zipfile
from collections import OrderedDict

import numpy as np
import torch

warnings.simplefilter("ignore")


def tensors():
    """Every element type, and every way a tensor can lie in its storage."""
    generator = torch.Generator().manual_seed(7)
    base = torch.randn(6, 4, generator=generator)
    state = OrderedDict()
    state["weight"] = base
    state["rows"] = base[2:5]  # shares the storage, with an offset
    state["transposed"] = base.t()
    state["strided"] = torch.arange(20, dtype=torch.float32)[1::3]
    state["expanded"] = torch.tensor([[1.5], [-2.5]]).expand(2, 3)
    state["scalar"] = torch.tensor(3.25)
    state["empty"] = torch.zeros(0, 3)
    state["double"] = torch.tensor([1e-300, 2.5], dtype=torch.float64)
    state["half"] = torch.tensor([1.0, 65504.0, 6e-8, float("inf")]).half()
    state["bfloat16"] = torch.tensor([1.0, -3.0, 1e30]).bfloat16()
    state["int64"] = torch.tensor([-(2**62), 5])
    state["int32"] = torch.tensor([-7, 2**30], dtype=torch.int32)
    state["int16"] = torch.tensor([-300, 300], dtype=torch.int16)
    state["int8"] = torch.tensor([-128, 127], dtype=torch.int8)
    state["uint8"] = torch.tensor([0, 255], dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    return state


def raw_hex(tensor):
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return tensor.numpy().tobytes().hex()


def write_expected():
    names = {"float64": "f64", "float32": "f32", "float16": "f16", "bfloat16": "bf16", "int64": "i64", "int32": "i32"}
    names.update({"int16": "i16", "int8": "i8", "uint8": "u8", "bool": "bool"})
    expected = {}
    for key, value in tensors().items():
        dtype = names[str(value.dtype).split(".")[1]]
        expected[key] = {"dtype": dtype, "shape": list(value.shape), "hex": raw_hex(value)}
    with open("expected.json", "w") as file:
        json.dump(expected, file, indent=1)
        file.write("\n")


class Net(torch.nn.Module):
    """A small module tree with a parameter, a tied weight and both kinds of buffers."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.fc = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.SiLU())
        self.scale = torch.nn.Parameter(torch.tensor([1.0, 2.0, -0.5]).bfloat16())
        self.tied = self.fc[0].weight
        self.register_buffer("count", torch.tensor(5))

    def forward(self, x):
        tied = torch.nn.functional.linear(self.fc(x), self.tied.t())
        return tied + self.scale.float().sum() + self.count


class History:
    """A class that no reader knows."""

    def __init__(self):
        self.values = np.arange(3.0)


class Hostile:
    def __reduce__(self):
        return os.system, ("echo executed > executed",)


def rewrite_zip(source, target, change=lambda name, data: data, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), change(name, old.read(name)), compression)


def torch_113():
    write_expected()
    state = tensors()
    torch.save(state, "zip_113.pth")
    torch.save(state, "legacy_113.pth", _use_new_zipfile_serialization=False)
    torch.save(state, "legacy_protocol4.pth", _use_new_zipfile_serialization=False, pickle_protocol=4)
    torch.save(state, "zip_protocol5.pth", pickle_protocol=5)
    torch.save({"model": {"encoder": state}, "epoch": 3}, "nested.pth")
    torch.save([torch.ones(2)], "list.pth")
    torch.save(torch.ones(2), "bare_tensor.pth")
    torch.save({}, "empty_dict.pth")
    torch.save(OrderedDict(x=torch.eye(2).to_sparse()), "sparse.pth")
    torch.save(OrderedDict(x=torch.ones(2, dtype=torch.complex64)), "complex.pth")
    torch.save(OrderedDict(x=torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)), "quantised.pth")
    torch.save({"state_dict": OrderedDict(w=torch.ones(2)), "extra": Hostile()}, "hostile.pth")
    torch.save({"state_dict": OrderedDict(w=torch.ones(2)), "extra": Hostile()}, "hostile_legacy.pth",
               _use_new_zipfile_serialization=False)
    with open("plain_pickle.pkl", "wb") as file:
        pickle.dump({"w": [1, 2]}, file, protocol=4)

    net = Net()
    torch.save(net, "module.pth")
    torch.jit.trace(net, torch.zeros(1, 4)).save("script_113.pt")
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    net(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    meta = {"epoch": 12, "cfg": "model = dict()\n", "seed": None, "lr": 0.5, "colours": np.zeros((2, 3), np.uint8)}
    torch.save({"meta": meta, "state_dict": net.state_dict(), "optimizer": optimizer.state_dict(),
                "message_hub": {"history": History(), "eta": np.float64(2.5)}}, "training.pth")

    # Big-endian machines are rare, files that say so easily made: swap the bytes of every element.
    sizes = {}
    for number, value in enumerate({t.storage().data_ptr(): t for t in state.values()}.values()):
        sizes["zip_113/data/%d" % number] = value.element_size()

    def swap(name, data):
        width = sizes.get(name, 1)
        return np.frombuffer(data, np.uint8).reshape(-1, width)[:, ::-1].tobytes()

    rewrite_zip("zip_113.pth", "big_endian.pth", swap)
    with zipfile.ZipFile("big_endian.pth", "a") as archive:
        archive.writestr("zip_113/byteorder", "big")
    rewrite_zip("zip_113.pth", "compressed.pth", compression=zipfile.ZIP_DEFLATED)


def torch_23():
    from safetensors.torch import save_file

    state = tensors()
    torch.save(state, "zip_23.pth")
    save_file({key: value.contiguous().clone() for key, value in state.items()}, "all.safetensors", {"note": "by safetensors 0.8"})
    torch.export.save(torch.export.export(Net(), (torch.zeros(2, 4),)), "export_23.pt2")
    torch.save(Net().state_dict(), "net_state.pth")


def torch_new():
    torch.save(tensors(), "zip_new.pth")
    torch.export.save(torch.export.export(Net(), (torch.zeros(2, 4),)), "export_new.pt2")
    torch.save(OrderedDict(x=torch.ones(2).to(torch.float8_e4m3fn)), "float8.pth")
    torch.save(OrderedDict(x=torch.ones(2, dtype=torch.uint16)), "uint16.pth")
    values = torch.tensor([1.0, -2.5, 0.0, 65504.0])
    torch.save({"f32": torch._neg_view(values), "f16": torch._neg_view(values.half()),
                "i8": torch._neg_view(torch.tensor([1, -2, -128], dtype=torch.int8)),
                "rows": torch._neg_view(torch.arange(6.0).reshape(3, 2).t())}, "negated.pth")
    odd = {"first": torch.ones(3, dtype=torch.uint32), "second": torch.ones(2, dtype=torch.complex64), "last": values}
    torch.save(odd, "odd_legacy.pth", _use_new_zipfile_serialization=False)
    torch.jit.freeze(torch.jit.trace(Net().eval(), torch.zeros(1, 4))).save("frozen_script.pt")


if __name__ == "__main__":
    {"1.13": torch_113, "2.3": torch_23, "new": torch_new}[sys.argv[1]]()
