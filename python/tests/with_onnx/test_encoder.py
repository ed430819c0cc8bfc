"""Encoders of both families, in all forms of features."""

import numpy as np
import pytest

import sapiens
from conftest import GOLDEN, distance

CLOSE = 1e-4  # of the range of the output


def test_featmap_equals_the_engine(convert):
    checkpoint = GOLDEN / "encoder_batch2" / "model.safetensors"
    if not checkpoint.exists():
        checkpoint = next((GOLDEN / "encoder_batch2").glob("*.pth"))
    encoder = sapiens.Encoder(checkpoint, precision="fp32", heads=2)
    images = np.random.default_rng(0).standard_normal((2, 3, *encoder.size), np.float32)
    expected = encoder.forward(images)
    for _, found in convert(checkpoint, "--heads", 2).everywhere(images=images):
        assert distance(found["featmap"], expected) < CLOSE
