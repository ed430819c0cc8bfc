"""Tables of features. What is here needs pyarrow, which `./test --with-peers` installs."""

import sys
from pathlib import Path

try:
    import pyarrow
except ImportError:
    collect_ignore_glob = ["test_*.py"]

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
