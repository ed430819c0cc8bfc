"""Weights in files: what a run keeps of itself, and checkpoints in the published layouts."""
import math
import os
import pathlib

import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F

from model import HEAD_DIM, PATCH_PADDING, Config, Sapiens


def save_atomically(path, write):
    """`write(path)` into a file that appears whole or not at all."""
    path = pathlib.Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        write(partial)
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_state(path):
    """State dict and recorded values of a `.pth` (wrapped or flat), a `.safetensors`, or a run's `.pt`."""
    path = pathlib.Path(path)
    if path.suffix == ".safetensors":
        with safetensors.safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}
    content = torch.load(path, map_location="cpu", weights_only=True)
    if "state_dict" in content:
        return content["state_dict"], content.get("meta", {})
    return content, getattr(content, "sapiens_meta", {})


def task_of(state):
    if any(key.startswith("head.") for key in state):
        return "pose"
    if "decode_head.conv_seg.weight" in state:
        outputs = state["decode_head.conv_seg.weight"].shape[0]
        return {1: "depth", 3: "normal"}.get(outputs, "seg")
    return "pretrain"


def config_of(state, recorded):
    """The model that a state dict with prefixes belongs to."""
    task = task_of(state)
    table = state["backbone.pos_embed"]
    if grid := recorded.get("sapiens.grid"):
        grid = tuple(map(int, grid.split("x")))
    else:
        side = math.isqrt(table.shape[1])
        grid = (side, side)
    sizes = {"width": table.shape[2], "grid": grid}
    sizes["depth"] = 1 + max(int(key.split(".")[2]) for key in state if key.startswith("backbone.layers."))
    sizes["heads"] = int(recorded["sapiens.heads"])
    if task == "pretrain":
        sizes["decoder_width"] = state["neck.mask_token"].shape[2]
        sizes["decoder_depth"] = 1 + max(int(k.split(".")[2]) for k in state if k.startswith("neck.decoder_blocks."))
    else:
        head = "head." if task == "pose" else "decode_head."
        final = state[head + ("final_layer" if task == "pose" else "conv_seg") + ".weight"]
        sizes |= {"outputs": final.shape[0], "head_width": final.shape[1]}
    return Config(task, **sizes)


def load_model(path):
    """The network in a file, with float32 weights, for evaluation. The file must have what its task needs."""
    state, recorded = read_state(path)
    model = Sapiens(config_of(state, recorded))
    model.load_state_dict({key: value.float() for key, value in state.items()})
    return model.eval()


def recorded_values(config):
    """What the weights cannot tell, under the names that `sapiens convert` writes and every `sapiens` command reads."""
    values = {
        "sapiens.arch": "custom",
        "sapiens.task": config.task,
        "sapiens.heads": str(config.heads),
        "sapiens.grid": f"{config.grid[0]}x{config.grid[1]}",
        "sapiens.patch_padding": str(PATCH_PADDING[config.task]),
    }
    if config.task == "pretrain":
        values["sapiens.decoder_heads"] = str(config.decoder_width // HEAD_DIM)
    return values


def resize_positions(table, grid):
    """[1, N, D] of a square grid -> `grid`: bicubic, without antialiasing."""
    side = math.isqrt(table.shape[1])
    if side * side != table.shape[1]:
        raise ValueError(f"{table.shape[1]} positions are no square grid")
    table = table.unflatten(1, (side, side)).permute(0, 3, 1, 2).float()
    return F.interpolate(table, size=grid, mode="bicubic", align_corners=False).flatten(2).transpose(1, 2)


def start_from(model, path):
    """Loads a pretraining checkpoint, cleaned or not, or another task's, into the backbone of a task model: without its
    class token, decoder and head, and with the position table of the task's grid. Every other parameter of the encoder
    must be there. A file of the model's own task is loaded whole, to train it further; what is recorded of its training
    is returned."""
    state, recorded = read_state(path)
    if model.config.task != "pretrain" and task_of(state) == model.config.task:
        model.load_state_dict({key: value.float() for key, value in state.items()})
        return recorded
    others = ("neck.", "head.", "decode_head.")
    state = {k.removeprefix("backbone."): v.float() for k, v in state.items() if not k.startswith(others)}
    has_token = state.pop("cls_token", None) is not None
    table = state["pos_embed"][:, 1:] if has_token else state["pos_embed"]
    if table.shape[1] != math.prod(model.config.grid):
        table = resize_positions(table, model.config.grid)
    state["pos_embed"] = table
    model.backbone.load_state_dict(state)
    return {}


