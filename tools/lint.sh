#!/usr/bin/env bash
# Formatting and layering of every tracked source, links of the documentation.
#
#   tools/lint.sh [--strict] [--tidy]
#
# --strict fails (exit status 3) where clang-format 14 is not installed, instead of a warning at the end; --tidy adds
# clang-tidy, over build/dev.
set -euo pipefail
cd "$(dirname "$0")/.."

strict=no tidy=no
for option in "$@"; do
  case "$option" in
    --strict) strict=yes ;;
    --tidy) tidy=yes ;;
    *) echo "usage: tools/lint.sh [--strict] [--tidy]" >&2; exit 2 ;;
  esac
done

# Each version formats a little differently; the one of Debian 12 decides.
format=
for program in clang-format-14 clang-format; do
  if "$program" --version 2>/dev/null | grep -q 'version 14\.'; then format=$program; break; fi
done

mapfile -t sources < <(git ls-files '*.cpp' '*.hpp' '*.h' '*.c' | grep -v '/data/')
python3 tools/check_layers.py
python3 tools/check_links.py
if [ -n "$format" ]; then
  "$format" --dry-run -Werror "${sources[@]}"
  echo "lint: ${#sources[@]} files are formatted"
fi

if [ "$tidy" = yes ]; then
  cmake --preset dev --log-level=WARNING
  cmake --build --preset dev --target sapiens  # writes version.hpp
  printf '%s\n' "${sources[@]}" | grep -E '^(src|apps)/.*\.cpp$' |
    xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build/dev
  echo "lint: clang-tidy has nothing to say"
fi

if [ -z "$format" ]; then
  echo "lint: WARNING: the formatting of ${#sources[@]} files was NOT checked: clang-format 14 is not installed" \
    "(here: $(clang-format --version 2>/dev/null || echo none))." >&2
  echo "lint: install it with \`pip install clang-format==14.0.6\`, or clang-format-14 of the distribution." >&2
  if [ "$strict" = yes ]; then exit 3; fi
fi
