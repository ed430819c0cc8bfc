#!/usr/bin/env bash
# Builds for 64-bit ARM on a Debian 12 machine of another kind, and runs tests of the portable kernels under qemu-user.
#
#   tools/aarch64.sh [TARGET...]     default: the program and the tests of the layers that compute; CMAKE_BUILD_PARALLEL_LEVEL
#                                    and nice apply as usual
#
# Needs g++-12-aarch64-linux-gnu, qemu-user-static and mmdebstrap, and root for the sysroot of arm64 libraries, which is
# made once in build/aarch64-sysroot.
set -euo pipefail
cd "$(dirname "$0")/.."
sysroot=$PWD/build/aarch64-sysroot
libraries=(
  libc6-dev libstdc++-12-dev libfmt-dev nlohmann-json3-dev libcli11-dev zlib1g-dev libgtest-dev libgmock-dev
  libopencv-core-dev libopencv-imgproc-dev libjpeg-dev libpng-dev libwebp-dev libopenexr-dev
)
targets=("$@")
if [ $# -eq 0 ]; then
  targets=(sapiens_cli core_tests kernels_tests nn_tests checkpoint_tests)
fi

if [ ! -d "$sysroot" ]; then
  mmdebstrap --variant=extract --architectures=arm64 --include="$(IFS=,; echo "${libraries[*]}")" bookworm "$sysroot.new"
  # qemu-user looks for every path in the sysroot first, so it must have no /tmp: files would be written there and not found.
  find "$sysroot.new" -mindepth 1 -maxdepth 1 ! -name usr ! -name 'lib*' -exec rm -rf {} +
  # Links to /lib would lead out of the sysroot.
  while read -r link; do
    ln -sfn "$sysroot$(readlink "$link")" "$link"
  done < <(find "$sysroot.new/usr/lib" "$sysroot.new/lib" -type l -lname '/*')
  mv "$sysroot.new" "$sysroot"
fi

cmake --preset aarch64 -DCMAKE_SYSROOT="$sysroot" --log-level=WARNING
cmake --build --preset aarch64 --target "${targets[@]}"

# OpenCV's BLAS and LAPACK lie where only the links of a configured system would lead.
lib=$sysroot/usr/lib/aarch64-linux-gnu
emulate() {
  qemu-aarch64-static -L "$sysroot" -E "LD_LIBRARY_PATH=$lib/blas:$lib/lapack" "$@"
}
failed=0
for target in "${targets[@]}"; do
  case "$target" in
    *_tests) echo "aarch64: $target"; emulate "build/aarch64/bin/$target" --gtest_brief=1 || failed=1 ;;
    sapiens_cli)
      emulate build/aarch64/bin/sapiens --version
      emulate build/aarch64/bin/sapiens features models/tiny/sapiens_tiny_pretrain_clean.pth samples/mannequin/000002.png \
        --output build/aarch64/features || failed=1
      ;;
  esac
done
exit "$failed"
