"""Golden cases as modules. What is here needs PyTorch, which `./test --with-peers` installs."""

import numpy as np
import pytest

from golden_case import GoldenCase

try:
    import torch

    import sapiens.torch
except ImportError:
    collect_ignore_glob = ["test_*.py"]


class Case(GoldenCase):
    """A golden case in tensors, and its model."""

    def tensor(self, name):
        return torch.from_numpy(np.load(self.path_of(f"{name}.npy")))

    def load(self, **options):
        options = {"dtype": torch.float32, **self.options, **options}
        return sapiens.torch.load(self.checkpoint, **options)


@pytest.fixture(scope="session")
def case():
    return Case


@pytest.fixture(scope="session")
def models(models):
    """Tiny checkpoints by their task, and by the name of a golden case."""

    class Models:
        def __getitem__(self, name):
            return Case(name).checkpoint if name.startswith("sapiens2") else models[name]

    return Models()


@pytest.fixture
def inputs():
    """Normalised images (2, 3, 64, 48)."""
    return torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(1))
