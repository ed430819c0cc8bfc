"""Meta's Sapiens human-vision transformers on CPUs, without PyTorch.

    import sapiens

    print(sapiens.inspect("sapiens_0.3b_epoch_1600_clean.pth"))
    encoder = sapiens.Encoder("sapiens_0.3b_epoch_1600_clean.pth")
    featmap = encoder.features("photo.jpg")  # float32 (1024, 64, 64)

Images are paths, PIL images or uint8 arrays [height, width, 3]; results are NumPy arrays. A model
may be used from any thread, and computes without the GIL. docs/python.md describes the details.
"""

from __future__ import annotations

from . import _eval, _tasks
from ._checkpoints import (
    Verification,
    convert,
    inspect,
    load_state_dict,
    synthesize,
    verify_checkpoint,
)
from ._detector import Detector
from ._encoder import Encoder
from ._errors import (
    CheckpointRefusedError,
    CorruptFileError,
    Error,
    InternalError,
    InvalidArgumentError,
    NetworkError,
    NotFoundError,
    OutOfResourcesError,
    ShapeMismatchError,
    UnsupportedFormatError,
    UnsupportedHardwareError,
    WriteFailedError,
)
from ._eval import *
from ._features import Features, open_features
from ._images import crop_person, read_image, read_labels
from ._onnx import OnnxResult, OnnxValue, convert_to_onnx
from ._pooling import dequantize, pool
from ._reconstructor import Reconstruction, Reconstructor
from ._report import FileInfo, ModelInfo, Report, Use
from ._sapiens import __version__
from ._tasks import *

__all__ = [
    "CheckpointRefusedError",
    "CorruptFileError",
    "Detector",
    "Encoder",
    "Error",
    "Features",
    "FileInfo",
    "InternalError",
    "InvalidArgumentError",
    "ModelInfo",
    "NetworkError",
    "NotFoundError",
    "OnnxResult",
    "OnnxValue",
    "OutOfResourcesError",
    "Reconstruction",
    "Reconstructor",
    "Report",
    "ShapeMismatchError",
    "UnsupportedFormatError",
    "UnsupportedHardwareError",
    "Use",
    "Verification",
    "WriteFailedError",
    "__version__",
    "convert",
    "convert_to_onnx",
    "crop_person",
    "dequantize",
    "inspect",
    "load_state_dict",
    "open_features",
    "pool",
    "read_image",
    "read_labels",
    "synthesize",
    "verify_checkpoint",
]
__all__ += _eval.__all__ + _tasks.__all__
