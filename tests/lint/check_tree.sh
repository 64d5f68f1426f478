#!/bin/sh
# Checks on the text of the tree: files over 500 lines, unformatted C++, folders without a README.
# Usage: check_tree.sh ROOT
set -u
cd "$1" || exit 1
bad=0
complain() {
  echo "$1"
  bad=1
}
sources=$(find proto firmware agent server tests benchmarks -name '*.h' -o -name '*.cc' | sort)
for file in $sources; do
  lines=$(wc -l <"$file")
  [ "$lines" -le 500 ] || complain "$file: $lines lines; past 500 it is two concepts"
done
# shellcheck disable=SC2086  # a list on purpose
clang-format-14 --dry-run -Werror $sources 2>/tmp/tinyrig-format.$$ || {
  grep 'error:' /tmp/tinyrig-format.$$ | cut -d: -f1 | sort -u | sed 's/$/: not formatted; run clang-format-14 -i on it/'
  bad=1
}
rm -f /tmp/tinyrig-format.$$
for folder in server agent firmware proto dashboards benchmarks tests deploy; do
  [ -f "$folder/README.md" ] || complain "$folder: no README.md"
done
exit $bad
