#!/usr/bin/env bash
# Line coverage of src/, include/ and apps/ by the tests: builds build/coverage, runs the tests, and prints the figure for
# each folder. The lines of every file are in build/coverage/report/index.html.
#
#   tools/coverage.sh [CTEST_ARGUMENT...]       for instance -R Pickle, or -j 2
#
# Needs gcovr (Debian and Ubuntu: apt-get install gcovr). The tests of the installed package and of symbols of object files
# are left out: they look at other builds, and at symbols that the instrumentation adds to.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v gcovr >/dev/null || { echo "coverage: gcovr is not installed" >&2; exit 1; }
cmake --preset coverage --log-level=WARNING
cmake --build --preset coverage
find build/coverage -name '*.gcda' -delete
failed=0
ctest --preset coverage -E '^(install_|kernels.isa_symbols)' "$@" || failed=$?

mkdir -p build/coverage/report
gcovr --root . --object-directory build/coverage --exclude-directories 'build/coverage/CMakeFiles' --filter src/ --filter include/ --filter apps/ \
  --gcov-ignore-parse-errors \
  --html-details build/coverage/report/index.html --json-summary build/coverage/report/summary.json
python3 - build/coverage/report/summary.json <<'SUMMARY'
import collections
import json
import sys

summary = json.load(open(sys.argv[1]))
folders = collections.defaultdict(lambda: [0, 0])
for file in summary["files"]:
    folder = "/".join(file["filename"].split("/")[:2])
    folders[folder][0] += file["line_covered"]
    folders[folder][1] += file["line_total"]
for folder, (covered, total) in sorted(folders.items()):
    print(f"  {folder:20} {covered:6} of {total:6}  {100 * covered / max(total, 1):5.1f} %")
print(f"coverage: {summary['line_percent']} % of {summary['line_total']} lines")
SUMMARY
if [ "$failed" -ne 0 ]; then
  echo "coverage: tests failed (status $failed): what they would have covered behind the failure is missing" >&2
fi
exit "$failed"
