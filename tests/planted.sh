#!/usr/bin/env bash
# planted.sh: has the simulator look for every planted bug, and makes the table of what it took.
#
# Owns: the table's head, and where it stands in docs/simulator.md. Must not know: which bugs there
# are.
set -euo pipefail

usage() {
    cat <<'END'
usage: tests/planted.sh [--write]

Builds the planted bugs for release in build/ (or RAFTBUS_BUILD), plays seeds until each of them has shown, and prints a table.
  --write   puts the table into docs/simulator.md as well

Ends with 1 if a bug was not found within its bound, or something was found where no bug is.
END
}

write=
case ${1:-} in
'') ;;
--write) write=1 ;;
-h | --help)
    usage
    exit 0
    ;;
*)
    usage >&2
    exit 2
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
page=docs/simulator.md
build=${RAFTBUS_BUILD:-build}
programs=$build/tests/planted
jobs=$(nproc)
((jobs <= 3)) || jobs=3

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if ! {
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release &&
        cmake --build "$build" --target planted_all -j "$jobs"
} >"$scratch/build.log" 2>&1; then
    tail -n 30 "$scratch/build.log" >&2
    exit 1
fi

# hunt BUG: its row, into a file of its own.
hunt() {
    local program=$programs/planted_$1
    [[ -x $program ]] || program=$programs/planted
    tests/planted/one.sh "$program" "$programs/planted" "$1" >"$scratch/$1.row" 2>&1 ||
        touch "$scratch/failed"
}
export -f hunt
export programs scratch

"$programs/planted" control || touch "$scratch/failed"
"$programs/planted" list | xargs -P "$jobs" -I {} bash -c 'hunt {}'

{
    echo "| bug | what goes wrong | planted in | seeds | virtual time | wall time | caught by |"
    echo "| --- | --- | --- | --- | --- | --- | --- |"
    "$programs/planted" list | while read -r bug; do cat "$scratch/$bug.row"; done
} | tee "$scratch/table.md"

if [[ -e $scratch/failed ]]; then
    echo "not all is as it should be: the table is not written" >&2
    exit 1
fi
if [[ -n $write ]]; then
    awk -v table="$scratch/table.md" '
        /<!-- end of planted bugs -->/ { skips = 0 }
        !skips { print }
        /<!-- planted bugs -->/ { skips = 1; while ((getline line < table) > 0) print line }
    ' "$page" >"$scratch/page.md"
    cat "$scratch/page.md" >"$page"
fi
