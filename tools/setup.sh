#!/usr/bin/env bash
# Installs what the build and the tests need, on Debian 12 and Ubuntu 24.04. Does nothing when it is all there.
# --browser adds Chromium, for the test of the page of the server (140 MB to load, 450 MB on disk); --peers what makes a
# virtual environment, for packages of PyPI, and a compiler for C# (25 MB on disk); --slurm Slurm, for the test of
# examples/slurm (13 MB on disk).
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache python3
  libfmt-dev nlohmann-json3-dev libcli11-dev zlib1g-dev
  libopencv-core-dev libopencv-imgproc-dev libopencv-videoio-dev
  libjpeg-dev libpng-dev libwebp-dev libopenexr-dev
  libonnx-dev libprotobuf-dev
  libarchive-dev
  libcurl4-openssl-dev libssl-dev openssl libcpp-httplib-dev
  libgtest-dev libgmock-dev pkg-config dpkg-dev file
  pybind11-dev python3-dev python3-numpy python3-pytest python3-pil python3-pip
)

# Ubuntu has it as a snap only, which cannot be tested with; there the test runs where google-chrome is installed.
if [[ " $* " == *" --browser "* ]] && grep -sqx 'ID=debian' /etc/os-release; then
  packages+=(chromium)
fi
if [[ " $* " == *" --peers "* ]]; then
  packages+=(python3-venv mono-mcs mono-runtime)
fi
if [[ " $* " == *" --slurm "* ]]; then
  packages+=(slurmctld slurmd slurm-client munge)
fi

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

if ! command -v dpkg-query >/dev/null; then
  echo "setup: not a Debian or Ubuntu system; needed are a C++20 compiler, CMake 3.25, Ninja, fmt," \
    "nlohmann-json, CLI11, zlib, libjpeg, libpng, libwebp, OpenEXR 3, OpenCV (core, imgproc; videoio for videos)," \
    "onnx and protobuf (for ONNX files), libcurl and OpenSSL (for downloads), cpp-httplib (for \`sapiens serve\`), GoogleTest; for the Python package" \
    "pybind11 and NumPy, for its tests pytest and Pillow; Chromium for the test of the server's page"
  exit 0
fi

mapfile -t missing < <(missing_packages)
if [ "${#missing[@]}" -eq 0 ]; then
  echo "setup: every package is installed"
  exit 0
fi

echo "setup: installing ${missing[*]}"
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: run this as root, or install sudo" >&2; exit 1; }
  sudo=(sudo)
fi
apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=5
  -o Dpkg::Use-Pty=0)
for attempt in 1 2 3; do
  if "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null; then
    exit 0
  fi
  echo "setup: apt-get failed (attempt $attempt of 3)" >&2
  sleep $((attempt * 5))
done
exit 1
