"""Processes: where they compute, how a model is spread over them, and gathered from them."""

from __future__ import annotations

import functools
import os
from datetime import timedelta
from typing import Any

import torch
import torch.distributed
from accelerate import Accelerator
from accelerate.utils import AutocastKwargs, DistributedDataParallelKwargs, InitProcessGroupKwargs
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..torch import Encoder
from ._config import Config, ConfigError
from ._errors import DataError

_LONG_WAIT = timedelta(hours=2)  # processes wait while one of them validates or writes


def make_accelerator(config: Config) -> Accelerator:
    cpu = config.device == "cpu" or not torch.cuda.is_available()
    if cpu:
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        torch.set_num_threads(config.threads or max(1, (cores or 1) // processes))
    else:
        # So that going on gives the same bits.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    return Accelerator(
        cpu=cpu,
        mixed_precision="no" if config.precision == "fp32" else "bf16",
        kwargs_handlers=[
            # A coarse step leaves layers out.
            DistributedDataParallelKwargs(find_unused_parameters=config.coarse > 0),
            InitProcessGroupKwargs(timeout=_LONG_WAIT),
            # No weight is used twice, but a cache would hold all of a sharded model's in bf16.
            AutocastKwargs(cache_enabled=False),
        ],
    )


def distribute(
    forward: nn.Module, encoder: Encoder, config: Config, accelerator: Accelerator
) -> nn.Module:
    """`forward`, of which `encoder` is a part, as DDP or FSDP run it."""
    if config.activation_checkpointing:
        for block in encoder.blocks_in_order():
            block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False)
    if config.sharding == "none":
        return accelerator.prepare_model(forward)
    if accelerator.num_processes == 1:
        raise ConfigError("sharding: fsdp needs several processes: torchrun -m sapiens.train")
    # PyTorch's own call: Accelerate makes it on GPUs alone, and this way tests on CPUs are of
    # the same code. Parameters are gathered as float32, so that results are those of DDP.
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    for block in encoder.blocks_in_order():
        fully_shard(block, mesh=mesh)
    fully_shard(forward, mesh=mesh)  # changes the module itself
    return forward


def whole(value: Tensor) -> Tensor:
    """Of a tensor that is spread over processes, all of it."""
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def _like(value: Tensor, other: Any) -> Tensor:
    """A tensor spread over processes as another one is."""
    value = value.to(other.device)
    if not hasattr(other, "full_tensor"):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value, other.device_mesh, other.placements)


def gathered_model(model: nn.Module, main: bool) -> dict[str, Tensor]:
    """The state dict on the CPU, on the main process; every process has to call this."""
    state = {}
    for name, value in model.state_dict().items():
        value = whole(value)
        if main:
            state[name] = value.detach().cpu()
    return state


def gathered_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The same of an optimizer, on every process."""
    state = optimizer.state_dict()
    moments = {
        number: {name: whole(value).cpu() for name, value in values.items()}
        for number, values in state["state"].items()
    }
    return {"param_groups": state["param_groups"], "state": moments}


def restore(
    model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any], where: str
) -> None:
    """Copies what was gathered into both; `where` names the state in errors."""
    parameters = model.state_dict()
    _expect_shapes(parameters, state["model"], where)
    with torch.no_grad():
        for name, value in state["model"].items():
            parameters[name].copy_(_like(value, parameters[name]))
    mine = [p for group in optimizer.param_groups for p in group["params"]]
    saved = state["optimizer"]
    for number, values in saved["state"].items():
        for name, value in values.items():
            if name != "step":
                _expect_shapes({name: mine[number]}, {name: value}, where)
                values[name] = _like(value, mine[number])
    optimizer.load_state_dict(saved)


def _expect_shapes(mine: dict[str, Tensor], saved: dict[str, Tensor], where: str) -> None:
    """Copying would spread a smaller tensor, and leave those that are missing as they are."""
    shapes, found = ({n: list(t.shape) for n, t in of.items()} for of in (mine, saved))
    wrong = [n for n in {**shapes, **found} if shapes.get(n) != found.get(n)]
    if wrong:
        name = wrong[0]
        raise DataError(
            f"{where}: {name} is {found.get(name, 'missing')}, expected "
            f"{shapes.get(name, 'none')}: the state is of another model, or init has changed; "
            "begin again, in another output"
        )
