#!/usr/bin/env python3
"""Makes a virtual environment of the packages that only tests beside `./test` need, PyTorch above all: those of
requirements.txt, pinned, from PyPI, for the Python that runs this, and ONNX Runtime for C#. About 6 GB of disk.

    install.py VENV

Does nothing where they are installed already. What it cannot finish it removes."""
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile

NEEDED = 12 << 30  # bytes: what is installed, and the archives while it is
REQUIREMENTS = pathlib.Path(__file__).resolve().with_name("requirements.txt")


def install_managed_onnxruntime(pip, folder):
    """The part of ONNX Runtime that is C#, as FOLDER/dotnet/Microsoft.ML.OnnxRuntime.dll. NuGet is its home, and a
    wheel of another Python's the place where PyPI has it. It calls the native library of any later version."""
    name = "Microsoft.ML.OnnxRuntime.dll"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wheel = ["--only-binary=:all:", "--platform=manylinux1_x86_64", "--python-version=38"]
        subprocess.run([*pip, "download", "--no-deps", *wheel, "--dest", scratch, "nimbusml==1.8.0"], check=True)
        with zipfile.ZipFile(next(pathlib.Path(scratch).glob("*.whl"))) as archive:
            (folder / "dotnet").mkdir(exist_ok=True)
            (folder / "dotnet" / name).write_bytes(archive.read(f"nimbusml/internal/libs/{name}"))


def main(folder):
    done = folder / "requirements.txt"  # written last
    if done.exists() and done.read_bytes() == REQUIREMENTS.read_bytes():
        return
    print(f"peers: installing {REQUIREMENTS} into {folder}", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    free = shutil.disk_usage(folder.parent).free
    if free < NEEDED:
        sys.exit(f"peers: {NEEDED >> 30} GiB of disk are needed, {free >> 30} are free in {folder.parent}")
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "pip", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
        subprocess.run([*pip, "install", "--requirement", REQUIREMENTS], check=True)
        if sys.platform == "linux" and platform.machine() == "x86_64":
            install_managed_onnxruntime(pip, folder)
        shutil.copy(REQUIREMENTS, done)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(pathlib.Path(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"peers: {' '.join(map(str, error.cmd))} ended with {error.returncode}; on Debian and Ubuntu it "
                 "needs the package python3-venv, and it needs a network")
