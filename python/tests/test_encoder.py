"""Features are those of `sapiens features`, byte for byte, in memory that NumPy owns."""

import numpy as np
import pytest

import sapiens

OUT_TYPES = ("featmap", "raw", "cls_token", "avg_featmap")


@pytest.fixture(scope="module")
def encoder(models):
    return sapiens.Encoder(models["pretrain"], precision="fp32")


@pytest.mark.parametrize("out_type", OUT_TYPES)
@pytest.mark.parametrize("precision", ("fp32", "bf16", "int8", "auto"))
def test_features_are_those_of_the_program(
    models, image, run_sapiens, tmp_path, out_type, precision
):
    run_sapiens(
        "features",
        models["pretrain"],
        image,
        "--output",
        tmp_path,
        "--out-type",
        out_type,
        "--precision",
        precision,
    )
    found = sapiens.Encoder(models["pretrain"], precision=precision).features(image, out_type)
    expected = np.load(tmp_path / "image.npy")
    assert found.dtype == expected.dtype and found.shape == expected.shape
    assert found.tobytes() == expected.tobytes()


def test_layers_size_and_preprocessing_are_those_of_the_program(
    models, image, run_sapiens, tmp_path
):
    run_sapiens(
        "features",
        models["pretrain"],
        image,
        "--output",
        tmp_path,
        "--size",
        "96x160",
        "--layers",
        "0,-1",
        "--norm",
        "--preprocess",
        "lite",
    )
    encoder = sapiens.Encoder(models["pretrain"], size=(96, 160))
    assert encoder.size == (96, 160)
    found = encoder.features(image, layers=[-1, 0], norm=True, preprocess="lite")
    assert list(found) == [0, max(found)]
    for layer, array in found.items():
        assert np.array_equal(array, np.load(tmp_path / f"image.layer{layer:02}.npy"))


def test_one_layer_is_an_array(encoder, image):
    last = encoder.features(image)
    assert np.array_equal(encoder.features(image, layers=-1), last)
    assert np.array_equal(encoder.features(image, layers=np.int64(-1)), last)
    assert not np.array_equal(encoder.features(image, layers=0), last)


def test_several_forms_are_a_dict_of_what_each_alone_gives(encoder, image, pixels):
    found = encoder.features(image, OUT_TYPES)
    assert list(found) == list(OUT_TYPES)
    for name, array in found.items():
        assert np.array_equal(array, encoder.features(image, name))
    by_layer = encoder.features([image, pixels], ["raw", "featmap"], layers=[0, 1], batch=1)
    assert [list(forms) for forms in by_layer.values()] == [["raw", "featmap"]] * 2
    assert np.array_equal(by_layer[0]["raw"][0], encoder.features(image, "raw", layers=0))
    prepared = encoder.preprocess(image)[np.newaxis]
    assert list(encoder.forward(prepared, ["raw"])) == ["raw"]
    for wrong in ([], ["raw", "raw"]):
        with pytest.raises(sapiens.InvalidArgumentError) as caught:
            encoder.features(image, wrong)
        assert caught.value.key == "out_type"


@pytest.mark.parametrize("batch", (1, 2, 5))
def test_any_batch_gives_the_same_bits(encoder, pixels, batch):
    images = [pixels, pixels[:, ::-1], pixels[:50, :40]]
    found = encoder.features(images, "raw", batch=batch)
    each = [encoder.features(image, "raw") for image in images]
    assert np.array_equal(found, np.stack(each))
    by_layer = encoder.features(iter(images), "raw", layers=[0, 1], batch=batch)
    assert by_layer[0].shape == by_layer[1].shape == found.shape


def test_any_number_of_threads_gives_the_same_bits(models, encoder, image):
    one = sapiens.Encoder(models["pretrain"], precision="fp32", threads=1)
    assert one.stats["threads"] == 1
    assert np.array_equal(one.features(image), encoder.features(image))


def test_forward_takes_what_preprocess_makes(encoder, image):
    prepared = encoder.preprocess(image)
    assert prepared.dtype == np.float32 and prepared.shape == (3, *encoder.size)
    found = encoder.forward(prepared[np.newaxis])
    assert np.array_equal(found[0], encoder.features(image))


@pytest.mark.parametrize("highest", [1, 255])
def test_forward_warns_of_images(encoder, highest):
    inputs = np.linspace(0, highest, 3 * 64 * 64, dtype=np.float32).reshape(1, 3, 64, 64)
    with pytest.warns(UserWarning, match=f"from 0 to {highest};"):
        encoder.forward(inputs)
    with pytest.raises(TypeError, match="features"):
        encoder.forward(np.zeros((1, 64, 64, 3), np.uint8))


def test_forward_takes_any_strides_and_sizes(encoder):
    inputs = np.random.default_rng(2).normal(size=(2, 64, 48, 3)).astype(np.float32)
    strided = inputs.transpose(0, 3, 1, 2)
    found = encoder.forward(strided)
    assert found.shape[2:] == (4, 3)
    assert np.array_equal(found, encoder.forward(np.ascontiguousarray(strided)))


def test_arrays_pass_through_dlpack_both_ways(encoder, image):
    class Tensor:  # as of another library, which NumPy knows through the protocol alone
        def __init__(self, array):
            self._array = array

        def __dlpack__(self, **options):
            return self._array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self._array.__dlpack_device__()

    prepared = encoder.preprocess(image)[np.newaxis]
    found = encoder.forward(Tensor(prepared))
    assert np.array_equal(found, encoder.forward(prepared))
    assert np.from_dlpack(found).ctypes.data == found.ctypes.data


def test_results_outlive_the_model_and_can_be_written_to(models, image):
    encoder = sapiens.Encoder(models["pretrain"])
    found = encoder.features(image)
    before = found.copy()
    encoder.features(image, "raw")
    del encoder
    assert np.array_equal(found, before)
    assert found.flags.writeable and found.flags.c_contiguous
    found += 1


def test_inputs_that_are_none_are_refused(encoder):
    with pytest.raises(sapiens.ShapeMismatchError):
        encoder.forward(np.zeros((3, 64, 64), np.float32))
    with pytest.raises(sapiens.ShapeMismatchError):
        encoder.forward(np.zeros((1, 4, 64, 64), np.float32))
    with pytest.raises(sapiens.ShapeMismatchError):
        encoder.forward(np.zeros((1, 3, 8, 64), np.float32))
    with pytest.raises(sapiens.ShapeMismatchError):
        encoder.forward(np.zeros((0, 3, 64, 64), np.float32))
    with pytest.raises(TypeError, match="float64"):
        encoder.forward(np.zeros((1, 3, 64, 64)))
    with pytest.raises(ValueError):
        encoder.features([])
    with pytest.raises(ValueError):
        encoder.features(np.zeros((20, 20, 3), np.uint8), layers=[])


def test_report_and_stats_tell_what_was_loaded(models, encoder, image):
    encoder.features(image)
    assert encoder.report.file.path == str(models["pretrain"])
    assert encoder.stats["precision"] == "fp32" and encoder.stats["unquantized"] == []
    assert encoder.stats["weight_bytes"] > 0 and encoder.stats["forward_seconds"] > 0
    assert not encoder.partial
    assert "pretrain" in repr(encoder)
