"""The private classes of the module have no object but those that its functions make."""

import copy
import pickle

import pytest

from sapiens import _sapiens

CLASSES = [value for value in vars(_sapiens).values() if isinstance(value, type)]


def test_there_are_classes():
    assert len(CLASSES) >= 9


@pytest.mark.parametrize("kind", CLASSES)
def test_none_can_be_made_without_an_inside(kind):
    base = kind.__mro__[1]
    for make in (
        kind,
        lambda: kind.__new__(kind),
        lambda: object.__new__(kind),
        lambda: base.__new__(kind),
        lambda: type("Derived", (kind,), {}),
    ):
        with pytest.raises(TypeError):
            make()
    with pytest.raises((TypeError, AttributeError)):
        kind.method = None


def test_none_is_copied_or_pickled_into_one_without_an_inside(models, pixels):
    model = _sapiens.model_options()
    engine = _sapiens.engine_options()
    things = [
        model,
        engine,
        _sapiens.convert_options(layout="clean", dtype="", keep_unused=False, model=model),
        _sapiens.onnx_options(
            out_types=[],
            dtype="float32",
            opset=18,
            batch=0,
            dynamic_size=False,
            with_preprocessing=False,
            attention="plain",
            raw_maps=False,
            min_score=0.3,
            nms_iou=0.3,
            max_detections=100,
            model=model,
        ),
        _sapiens.Image.from_array(pixels),
        _sapiens.open_encoder(models["pretrain"], engine, model),
        _sapiens.open_task(models["seg"], engine, model, "seg"),
    ]
    for thing in things:
        for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                duplicate(thing)
        for protocol in (0, 1):
            with pytest.raises(TypeError):
                pickle.loads(pickle.dumps(thing, protocol))


def test_none_can_be_declared_one_of_another_class(models, pixels):
    image = _sapiens.Image.from_array(pixels)
    with pytest.raises(TypeError):
        image.__class__ = _sapiens.Encoder
    with pytest.raises(TypeError):
        _sapiens.Encoder.size(image)
