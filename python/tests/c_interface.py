"""The C library through ctypes, as any language that can call C would use it."""

import ctypes
import json
from ctypes import POINTER, byref, c_char_p, c_float, c_int32, c_int64, c_size_t, c_uint8, c_void_p

import numpy as np


class Image(ctypes.Structure):
    """sapiens_image."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("path", c_char_p),
        ("file", c_void_p),
        ("file_bytes", c_size_t),
        ("pixels", c_void_p),
        ("width", c_int64),
        ("height", c_int64),
        ("stride", c_int64),
    ]


class FeaturesOptions(ctypes.Structure):
    """sapiens_features_options."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("layers", POINTER(c_int64)),
        ("layer_count", c_size_t),
        ("out_type", c_int32),
        ("norm_layers", c_int32),
        ("preprocess", c_int32),
        ("reserved", c_int32),
        ("height", c_int64),
        ("width", c_int64),
        ("progress", c_void_p),
        ("user_data", c_void_p),
    ]


OUT_TYPES = ("featmap", "raw", "cls_token", "avg_featmap", "registers")  # SAPIENS_FEATMAP ...


class CInterface:
    """Handles are not freed: the process of a test ends soon."""

    def __init__(self, library):
        self._library = ctypes.CDLL(library)
        self._library.sapiens_error_text.restype = c_char_p
        self._library.sapiens_report_json.restype = c_char_p
        self._library.sapiens_result_count.restype = c_int64
        self._library.sapiens_result_rank.restype = c_int32
        self._library.sapiens_result_shape.restype = POINTER(c_int64)
        self._library.sapiens_result_floats.restype = POINTER(c_float)
        self._library.sapiens_result_bytes.restype = POINTER(c_uint8)

    def _made(self, function, *arguments):
        """What the function hands out."""
        handle, error = c_void_p(), c_void_p()
        status = getattr(self._library, function)(*arguments, byref(handle), byref(error))
        assert status == 0, self._library.sapiens_error_text(error).decode()
        return handle

    def run(self, kind, function, checkpoint, path, out_type=None):
        """The arrays that sapiens_KIND_FUNCTION makes of one image, with every default but the type
        of features."""
        opened = self._made("sapiens_checkpoint_open", bytes(checkpoint))
        model = self._made(f"sapiens_{kind}_load", opened, None, None)
        image = Image(struct_size=ctypes.sizeof(Image), path=bytes(path))
        # After the image: boxes or images, how many, and options.
        options = None
        if out_type:
            size = ctypes.sizeof(FeaturesOptions)
            options = FeaturesOptions(struct_size=size, out_type=OUT_TYPES.index(out_type))
        more = (c_size_t(1), options and byref(options))
        if function == "pose":
            more = (None, c_size_t(0), None)
        elif kind == "reconstructor":
            more = (None,)
        result = self._made(f"sapiens_{kind}_{function}", model, byref(image), *more)
        return [self._array(result, i) for i in range(self._library.sapiens_result_count(result))]

    def report(self, checkpoint):
        """The JSON document about a checkpoint."""
        opened = self._made("sapiens_checkpoint_open", bytes(checkpoint))
        report = self._made("sapiens_checkpoint_inspect", opened, None)
        return json.loads(self._library.sapiens_report_json(report))

    def _array(self, result, index):
        index = c_int64(index)
        rank = self._library.sapiens_result_rank(result, index)
        shape = self._library.sapiens_result_shape(result, index)[:rank]
        values = self._library.sapiens_result_floats(result, index)
        values = values or self._library.sapiens_result_bytes(result, index)
        return np.ctypeslib.as_array(values, shape).copy()
