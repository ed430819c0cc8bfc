#!/usr/bin/env bash
# Formatting and layering of every tracked source, links of the documentation; with --tidy also clang-tidy, over build/dev.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  "" | --tidy) ;;
  *) echo "usage: tools/lint.sh [--tidy]" >&2; exit 2 ;;
esac

mapfile -t sources < <(git ls-files '*.cpp' '*.hpp' '*.h' '*.c' | grep -v '/data/')
python3 tools/check_layers.py
python3 tools/check_links.py
# Each version formats a little differently; the one of Debian 12 decides.
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
  clang-format --dry-run -Werror "${sources[@]}"
  echo "lint: ${#sources[@]} files are formatted"
else
  echo "lint: clang-format 14 is not installed; formatting was not checked"
fi

if [ "${1:-}" = --tidy ]; then
  cmake --preset dev --log-level=WARNING
  cmake --build --preset dev --target sapiens  # writes version.hpp
  printf '%s\n' "${sources[@]}" | grep -E '^(src|apps)/.*\.cpp$' |
    xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build/dev
  echo "lint: clang-tidy has nothing to say"
fi
