#!/usr/bin/env bash
# Builds the documentation as a site in build/docs/site: the pages by MkDocs, the reference of the C++ and C interfaces by
# Doxygen. A warning of either is an error. Needs doxygen; MkDocs is fetched by pip into build/docs/tools.
set -euo pipefail
cd "$(dirname "$0")/.."
out=build/docs
version=$(sed -n 's/^ *VERSION \([0-9.]*\)$/\1/p' CMakeLists.txt)

command -v doxygen >/dev/null || { echo "docs: doxygen is not installed (Debian and Ubuntu: apt-get install doxygen)" >&2; exit 1; }
rm -rf "$out/pages" "$out/site"
mkdir -p "$out/pages/api"

# reference FOLDER NAME SETTING...: the common settings and these.
reference() {
  { cat tools/docs/Doxyfile
    printf '%s\n' "PROJECT_NUMBER = $version" "HTML_OUTPUT = pages/api/$1" "PROJECT_NAME = \"$2\"" "${@:3}"
  } | doxygen -
}
reference cpp "sapiens.cpp, C++" "INPUT = include/sapiens" "EXCLUDE = include/sapiens/sapiens.h" \
  "EXCLUDE_SYMBOLS = sapiens::detail" "BUILTIN_STL_SUPPORT = YES"
reference c "sapiens.cpp, C" "INPUT = include/sapiens/sapiens.h" "OPTIMIZE_OUTPUT_FOR_C = YES" \
  "PREDEFINED = SAPIENS_API="

if ! "$out/tools/bin/python" -c 'import material' 2>/dev/null; then
  python3 -m venv "$out/tools"
  "$out/tools/bin/pip" install --quiet -r tools/docs/requirements.txt
fi
python3 tools/docs/pages.py "$out"
NO_MKDOCS_2_WARNING=1 "$out/tools/bin/mkdocs" build --strict --config-file "$out/mkdocs.yml"
echo "docs: look at $out/site/index.html"
