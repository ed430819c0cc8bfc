"""Training of Sapiens models on PyTorch.

    sapiens-train seg --init 0.3b:pretrain --data train/ --validation held_out/ --output run --epochs 20

`pip install '.[train]'` in the top folder of the repository installs what it needs;
docs/training.md describes data, options and recipes.
"""

from __future__ import annotations

from ._config import Config, ConfigError, make_config, read_config

__all__ = ["Config", "ConfigError", "make_config", "read_config"]
