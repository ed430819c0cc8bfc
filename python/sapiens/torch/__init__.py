"""Sapiens as modules of PyTorch: the weights that the engine opens, under the original's names.

    import sapiens.torch

    encoder = sapiens.torch.load("sapiens_0.3b_epoch_1600_clean.pth", device="cuda")
    (featmap,) = encoder(encoder.preprocess(images))

`pip install '.[torch]'` in the top folder of the repository installs what it needs; the package
`sapiens` itself never imports PyTorch. docs/pytorch.md describes fine-tuning, and how exact the modules are.
"""

from __future__ import annotations

from ._encoder import Encoder, Sapiens2Encoder, SapiensEncoder
from ._engine import EngineEncoder
from ._load import load
from ._preprocess import preprocess
from ._save import save
from ._tasks import Decoder, Head, MaskedAutoencoder, MaskedPrediction, TaskModel

__all__ = [
    "Decoder",
    "Encoder",
    "EngineEncoder",
    "Head",
    "MaskedAutoencoder",
    "MaskedPrediction",
    "Sapiens2Encoder",
    "SapiensEncoder",
    "TaskModel",
    "load",
    "preprocess",
    "save",
]
