"""The folder of a run: what it may hold at the start, and the checkpoints that are left in it."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any, Iterator, Mapping

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from .. import _checkpoints
from ..torch import MaskedAutoencoder, save
from ._augment import known_partners
from ._config import FREE, Config, ConfigError, read_config
from ._model import ChannelDropout, Classifier, Trained, head_of
from ._state import has_state, remove_states, write_atomically, writing

CONFIG, METRICS = "config.toml", "metrics.json"
_READERS_END = 10  # seconds; processes that read data outlive one that was killed
_RESULTS = (
    METRICS,
    "model.pth",
    "model.safetensors",
    "best.pth",
    "best.safetensors",
    "classifier.safetensors",
)


@contextlib.contextmanager
def alone_in(output: str) -> Iterator[None]:
    """Makes the folder of a run, in which no other process may write meanwhile."""
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"output: {folder} is a file; a run needs a folder")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        end = time.monotonic() + _READERS_END
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise ConfigError(
                        f"output: another run is writing in {folder}; end it, or give another output"
                    ) from None
                time.sleep(0.2)
            except OSError:  # a file system without locks
                break
        yield
    finally:
        os.close(handle)


def prepare_folder(config: Config, accelerator: Accelerator, resume: bool, overwrite: bool) -> None:
    folder = Path(config.output)
    # One that ended before its first state has nothing to keep.
    there = has_state(folder) or any((folder / name).exists() for name in _RESULTS)
    if there and resume:
        expect_same(config, read_config(folder / CONFIG).flags)
    elif there and not overwrite:
        raise ConfigError(
            f"output: {folder} holds a run; --resume goes on with it, --overwrite removes it"
        )
    accelerator.wait_for_everyone()  # all of them have looked
    if accelerator.is_main_process and not resume:
        for name in (CONFIG, "log.csv", "start.txt", *_RESULTS):
            (folder / name).unlink(missing_ok=True)
        remove_states(folder)
        shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    accelerator.wait_for_everyone()


def expect_same(config: Config, before: dict[str, Any]) -> None:
    for name, value in config.flags.items():
        old = before.get(name)
        if name not in FREE and value != old:
            raise ConfigError(
                f"{name}: the run in {config.output} has {old!r}, not {value!r}; give "
                f"that to go on, or another output"
            )


def bare_copy(module: Trained) -> Trained:
    """The model without its numbers, on the meta device."""
    parameters = {
        id(p): nn.Parameter(torch.empty_like(p, device="meta"), p.requires_grad)
        for p in module.parameters()
    }
    return copy.deepcopy(module, parameters)


def plain_copy(bare: Trained, state: Mapping[str, Tensor]) -> Trained:
    """A model for evaluation that has the numbers `state`, with adapters merged; `bare` is what
    `bare_copy` made when it began."""
    model = bare_copy(bare)
    model.load_state_dict(state, assign=True)
    for name, layer in list(model.named_modules()):
        if hasattr(layer, "base_layer"):
            # Merging adds in place, and `state` may be what trains.
            base = layer.base_layer
            base.weight = nn.Parameter(base.weight.detach().clone(), requires_grad=False)
            layer.merge()
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, layer.get_base_layer())
    head = head_of(model)
    if isinstance(getattr(head, "dropout", None), ChannelDropout):
        head.add_module("dropout", nn.Identity())
    return model.requires_grad_(False).eval()


def write_model(
    folder: Path, name: str, model: Trained, config: Config, names: tuple[str, ...], facts: dict
) -> None:
    """`name`.pth, and `model` also as safetensors; a classifier as safetensors alone.

    Args:
        model: What `plain_copy` returns.
        names: Of classes or keypoints.
        facts: About the training.
    """
    if isinstance(model, Classifier):
        _write_classifier(folder / f"{name}.safetensors", model, config, names)
        return
    pth = folder / f"{name}.pth"
    meta = {f"training.{fact}": str(value) for fact, value in facts.items()}
    with writing(pth):
        report = save(model, pth, {**meta, **_dataset_meta(config.task, names)})
    if report.verdict != "exact":
        raise RuntimeError(f"{pth} does not open as it should:\n{report}")
    if name == "model":
        decoder = isinstance(model, MaskedAutoencoder)
        write_atomically(
            folder / "model.safetensors",
            lambda path: _checkpoints.convert(pth, path, "mmengine", keep_unused=decoder),
        )


def _dataset_meta(task: str, names: tuple[str, ...]) -> dict[str, Any]:
    if not names or task not in ("pose", "seg"):
        return {}
    if task == "seg":
        return {"dataset_meta": {"classes": list(names)}}
    meta: dict[str, Any] = {
        "num_keypoints": len(names),
        "keypoint_id2name": dict(enumerate(names)),
        "keypoint_name2id": {name: i for i, name in enumerate(names)},
    }
    if partners := known_partners(names, len(names)):
        meta["flip_indices"] = partners
    return {"dataset_meta": meta}


def _write_classifier(
    path: Path, model: Classifier, config: Config, names: tuple[str, ...]
) -> None:
    from safetensors.torch import save_file

    rows, columns = model.size
    metadata = {
        "names": json.dumps(list(names)),
        "features": config.features,
        "size": f"{rows}x{columns}",
        "encoder": config.init,
    }
    tensors = {key: value.contiguous() for key, value in model.classifier.state_dict().items()}
    write_atomically(path, lambda partial: save_file(tensors, partial, metadata))
