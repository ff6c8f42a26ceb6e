#!/usr/bin/env bash
# soak.sh: simulates for as long as it is told, each time other seeds, and keeps what failed.
#
# Owns: which seeds come next, and where that is remembered. Must not know: what a run does.
set -euo pipefail

usage() {
    cat <<'END'
usage: tests/soak.sh [TIME] [raftbus sim's options...]
       tests/soak.sh power-cuts [ROUNDS]
       tests/soak.sh pauses [N]

  power-cuts  cuts the power of real nodes' disks, ROUNDS times for each file system (default 20)
  pauses      has real followers stand still and go on, N times (default 500)

  TIME    how long: 30m, 8h (default 1h)

Plays seeds with `raftbus sim` (build/, or RAFTBUS_BIN), from where the last soak ended: build/soak-next holds the next seed. Failures
are printed with the command that replays them, and gathered in build/soak-failures. Ends with 1 if there were any.
END
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
esac

if [[ ${1:-} == power-cuts ]]; then
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    RAFTBUS_POWER_CUTS=${2:-20} exec python3 tests/system/run.py power_cut_test
fi

if [[ ${1:-} == pauses ]]; then
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    RAFTBUS_PAUSES=${2:-500} exec python3 tests/system/run.py network_test.Pauses
fi

time=1h
if [[ ${1:-} =~ ^[0-9]+[smh]$ ]]; then
    time=$1
    shift
elif [[ -n ${1:-} && $1 != -* ]]; then
    echo "tests/soak.sh: '$1' is no time: give 30s, 45m or 8h" >&2
    exit 2
fi
case $time in
*s) seconds=${time%s} ;;
*m) seconds=$((${time%m} * 60)) ;;
*h) seconds=$((${time%h} * 3600)) ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
raftbus=${RAFTBUS_BIN:-build/raftbus}
if [[ ! -x $raftbus ]]; then
    cmake --preset release >/dev/null
    cmake --build build --target raftbus -j "$(nproc)"
fi
mkdir -p build
next=$(cat build/soak-next 2>/dev/null || echo 1000000)
at_once=500
end=$((SECONDS + seconds))
played=0
failed=0
report=$(mktemp)
trap 'rm -f "$report"' EXIT
while ((SECONDS < end)); do
    status=0
    "$raftbus" sim --seeds "$next..$((next + at_once - 1))" "$@" >"$report" 2>&1 || status=$?
    case $status in
    0) ;;
    130)
        echo "interrupted at seed $next"
        break
        ;;
    1[0-3])
        failed=$((failed + 1))
        cat "$report"
        cat "$report" >>build/soak-failures
        ;;
    *)
        cat "$report"
        exit "$status"
        ;;
    esac
    next=$((next + at_once))
    played=$((played + at_once))
    echo "$next" >build/soak-next
done
echo "$played seeds played, next is $next; runs of $at_once with failures: $failed"
((failed == 0))
