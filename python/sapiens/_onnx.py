"""Models as ONNX files, for other runtimes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Optional, Union

from . import _sapiens
from ._calls import call
from ._model import model_options
from ._paths import Path, as_path
from ._report import Report


@dataclass(frozen=True)
class OnnxValue:
    """An input or output of a graph: ``type`` is "float32", "uint8" or "int64"; extents of
    ``shape`` that may vary are names, as in ``("N", 3, 1024, 768)``."""

    name: str
    type: str
    shape: tuple[Union[int, str], ...]


@dataclass(frozen=True)
class OnnxResult:
    """What `convert_to_onnx` wrote: ``files`` are the graph, and its weights where they are apart,
    with ``bytes`` together; ``report`` is on the checkpoint as the model that was written."""

    report: Report
    inputs: list[OnnxValue]
    outputs: list[OnnxValue]
    files: list[FilePath]
    bytes: int
    opset: int
    nodes: int


def convert_to_onnx(
    path: Path,
    output: Path,
    *,
    out_type: Union[str, Sequence[str], None] = None,
    dtype: str = "float32",
    opset: int = 18,
    batch: Optional[int] = None,
    dynamic_size: bool = False,
    with_preprocessing: bool = False,
    attention: str = "plain",
    raw_maps: bool = False,
    min_score: Optional[float] = None,
    nms_iou: Optional[float] = None,
    max_detections: Optional[int] = None,
    **options: Any,
) -> OnnxResult:
    """Writes the model of a checkpoint as an ONNX graph, as ``sapiens convert`` does.

        sapiens.convert_to_onnx("sapiens_0.3b_goliath_best.pth", "pose.onnx")
        session = onnxruntime.InferenceSession("pose.onnx")

    Args:
        path: Checkpoint file.
        output: The file to write, .onnx; it is replaced atomically. Weights that make it 2 GB or
            more go to a second file, the name with ".data" behind it, which has to lie beside it.
        out_type: A form of features, or several, each an output of its own name: "featmap", "raw",
            "cls_token", "avg_featmap", "registers". By default the output of the model's head, the
            feature map of an encoder, the boxes of a detector.
        dtype: Type of the weights: "float32"; "float16", which is also computed in; or "bfloat16",
            which is converted to float32 before it is used. Inputs and outputs are float32.
        opset: Version of the operators, 17 to 24.
        batch: Images of a run; by default any number.
        dynamic_size: Accept any height and width from 16 on, of Sapiens2 multiples of 16; not
            together with ``size``.
        with_preprocessing: Take images as they are, uint8 (N, height, width, 3) in RGB order of any
            size; otherwise what `Encoder.preprocess` returns.
        attention: "plain": MatMul and Softmax; "fused": one operator.
        raw_maps: Of a detector, the maps of its network instead of boxes.
        min_score, nms_iou, max_detections: Of a detector: ``score``, ``iou`` and
            ``max_detections`` of `Detector.persons`, by default those.
        options: As `inspect` takes them.

    Raises:
        CheckpointRefusedError: The model is not complete; nothing was written.
        UnsupportedFormatError: The module that writes ONNX files is missing.

    Warns:
        RuntimeWarning: Weights of an earlier graph of the same name are left.
    """
    names = [] if out_type is None else [out_type] if isinstance(out_type, str) else list(out_type)
    wanted = call(
        _sapiens.onnx_options,
        out_types=names,
        dtype=dtype,
        opset=opset,
        batch=0 if batch is None else batch,
        dynamic_size=dynamic_size,
        with_preprocessing=with_preprocessing,
        attention=attention,
        raw_maps=raw_maps,
        min_score=min_score,
        nms_iou=nms_iou,
        max_detections=max_detections,
        model=model_options(**options),
    )
    written = _sapiens.convert_to_onnx(as_path(path), as_path(output, "the output"), wanted)
    for message in written["warnings"]:
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    return OnnxResult(
        report=Report(*written["report"]),
        inputs=_values(written["inputs"]),
        outputs=_values(written["outputs"]),
        files=written["files"],
        bytes=written["bytes"],
        opset=written["opset"],
        nodes=written["nodes"],
    )


def _values(values: list[tuple[str, str, list[str]]]) -> list[OnnxValue]:
    def extent(text: str) -> Union[int, str]:
        return int(text) if text.isdigit() else text

    return [OnnxValue(name, type, tuple(map(extent, shape))) for name, type, shape in values]
