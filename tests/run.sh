#!/usr/bin/env bash
# run.sh: installs what is missing, builds, runs the tests, and ends with one line of counts.
#
# Owns: the order of the suites and the sum. Must not know: what a test is about.
set -euo pipefail

usage() {
    cat <<'END'
usage: tests/run.sh [SUITE...]

  unit     the unit tests under ASan and UBSan (build/dev), and those of the bus under TSan (build/tsan)
  sim      a thousand simulated minutes under all faults; planted bugs, which have to be found
  bats     launch/cluster.sh and the commands, as typed
  system   real clusters: the protocol, failures, random faults, garbage
  all      these four (default)

Ends with "N passed, N failed", and 1 if anything failed. Nothing is asked, and no node or file is
left behind.
  RAFTBUS_CHAOS_SECONDS, RAFTBUS_CHAOS_SEED   how long random faults last (40), and which ones
END
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=launch/packages.sh
source launch/packages.sh

jobs=$(nproc)
((jobs <= 3)) || jobs=3
passed=0
failed=0
skipped=0
failures=() # the suites that had any, for the end
scratch=
running= # the suite's process, if one runs

# ---- counting

# count SUITE PASSED FAILED SKIPPED
count() {
    passed=$((passed + $2))
    failed=$((failed + $3))
    skipped=$((skipped + $4))
    (($3 == 0)) || failures+=("$1: $3")
}

# broken SUITE: it did not come to its end, so one test at least has failed.
broken() { count "$1" 0 1 0; }

title() { printf '\n==== %s\n' "$1"; }

# run LOG COMMAND...: shows and keeps what it prints. In the background, so that a signal is heeded at
# once, and as a process group of its own, so that all of it can be ended.
run() {
    local log=$1 status=0
    shift
    set -m
    ("$@" 2>&1 </dev/null | tee "$log") &
    running=$!
    set +m
    wait "$running" || status=$?
    running=
    return "$status"
}

# ---- the suites

# unit_suite PRESET [TARGET...]: builds and runs the unit tests of a preset; all, or these programs'.
unit_suite() {
    local preset=$1 suite="unit ($1)" log=$scratch/$1.log results=$scratch/$1
    shift
    title "$suite"
    if ! cmake --preset "$preset" >"$log" 2>&1; then
        tail -n 30 "$log"
        broken "$suite"
        return 0
    fi
    if ! run "$log" cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}; then
        broken "$suite"
        return 0
    fi
    mkdir "$results"
    shards_of "build/$preset" "$results" "$@" >"$results/list"
    run "$log" xargs -a "$results/list" -P "$jobs" -L 1 tests/shard.sh || true
    count_junit "$suite" "$results"
}

# shards_of BUILD RESULTS [TARGET...]: a line for each part of each test program.
shards_of() {
    local build=$1 results=$2 program shard shards=8
    shift 2
    for program in "$build"/tests/*/*_test; do
        [[ -x $program && (-z ${1:-} || " $* " == *" $(basename "$program") "*) ]] || continue
        for ((shard = 0; shard < shards; shard++)); do
            echo "$program $shard $shards $results"
        done
    done
}

# count_junit SUITE RESULTS: what stands in the parts' files. A part without one has failed.
count_junit() {
    local log file tests=0 failures_=0 skips=0
    for log in "$2"/*.log; do
        file=${log%.log}.xml
        if [[ ! -f $file ]]; then
            tests=$((tests + 1)) failures_=$((failures_ + 1))
            continue
        fi
        tests=$((tests + $(sum tests "$file" '<testsuites ')))
        failures_=$((failures_ + $(sum failures "$file" '<testsuites ') + $(sum errors "$file" '<testsuites ')))
        skips=$((skips + $(sum skipped "$file" '<testsuite ') + $(sum disabled "$file" '<testsuites ')))
    done
    if ((tests == 0)); then
        broken "$1"
    else
        count "$1" $((tests - failures_ - skips)) "$failures_" "$skips"
    fi
}

# sum NAME FILE ELEMENT: of the numbers in NAME="…" of all such elements.
sum() {
    { grep -F "$3" "$2" | grep -oE "[[:space:]]$1=\"[0-9]+" | grep -oE '[0-9]+$' || true; } |
        awk '{ sum += $1 } END { print sum + 0 }'
}

suite_unit() {
    unit_suite dev
    unit_suite tsan bus_test
}

build_program() {
    [[ -z ${RAFTBUS_BIN:-} ]] || return 0
    title "build/raftbus"
    cmake --preset release >"$scratch/release.log" 2>&1 || {
        tail -n 30 "$scratch/release.log"
        return 1
    }
    run "$scratch/release.log" cmake --build build --target raftbus -j "$jobs"
}

# Each planted bug is a test, and so are all the seeds together.
suite_sim() {
    local log=$scratch/sim.log bugs
    build_program || {
        broken sim
        return 0
    }
    title "simulator: seeds 1 to 1000, 60 virtual seconds each"
    if run "$log" "${RAFTBUS_BIN:-build/raftbus}" sim --seeds 1..1000 -j "$jobs"; then
        count sim 1 0 0
    else
        count sim 0 1 0
    fi
    title "simulator: planted bugs"
    if run "$log" tests/planted.sh; then
        bugs=$(grep -cE '^\| [a-z_]+ \|' "$log" || true)
        count "planted bugs" $((bugs - 1)) 0 0 # the table has a head
    else
        broken "planted bugs"
    fi
}

suite_bats() {
    local log=$scratch/bats.log
    build_program || {
        broken bats
        return 0
    }
    title bats
    run "$log" bats --tap tests/bats || true
    grep -qE '^1\.\.[0-9]+' "$log" || {
        broken bats
        return 0
    }
    local planned all not_ok skips
    planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" | head -n 1)
    all=$(grep -cE '^(not )?ok ' "$log" || true)
    not_ok=$(grep -cE '^not ok ' "$log" || true)
    skips=$(grep -cE '^ok .* # skip' "$log" || true)
    not_ok=$((not_ok + planned - all)) # what never ran has failed
    count bats $((planned - not_ok - skips)) "$not_ok" "$skips"
}

suite_system() {
    local log=$scratch/system.log python last
    build_program || {
        broken system
        return 0
    }
    title system
    python=$(python_with_zmq) || {
        echo "no python3 that imports zmq and msgpack: install python3-zmq and python3-msgpack"
        broken system
        return 0
    }
    run "$log" "$python" -u tests/system/run.py || true
    last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        count system "${BASH_REMATCH[@]:1:3}"
    else
        broken system
    fi
}

# The first python3 in PATH need not be Debian's, which has the packages.
python_with_zmq() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c 'import zmq, msgpack' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

# ---- the way in and the way out

# Nodes of the system tests die with their test; those of cluster.sh are looked up by their homes.
clean_up() {
    local home
    if [[ -n $running ]]; then
        kill -- "-$running" 2>/dev/null || true
        wait "$running" 2>/dev/null || true
    fi
    [[ -n $scratch ]] || return 0
    for home in "$scratch"/clusters/*/cluster; do
        [[ -f $home ]] || continue
        RAFTBUS_HOME=$(dirname "$home") launch/cluster.sh down >/dev/null 2>&1 || true
    done
    rm -rf "$scratch"
    scratch=
}

main() {
    local suite suites=()
    for suite in "${@:-all}"; do
        case $suite in
        unit | sim | bats | system) suites+=("$suite") ;;
        all) suites+=(unit sim bats system) ;;
        -h | --help | help)
            usage
            return 0
            ;;
        *)
            echo "tests/run.sh: '$suite' is no suite" >&2
            usage >&2
            return 2
            ;;
        esac
    done
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    install_missing cmake/packages.txt cmake/packages-test.txt
    scratch=$(mktemp -d)
    export TMPDIR=$scratch RAFTBUS_TEST_CLUSTERS=$scratch/clusters
    mkdir "$RAFTBUS_TEST_CLUSTERS"
    for suite in "${suites[@]}"; do
        "suite_$suite"
    done
    echo
    ((${#failures[@]} == 0)) || printf 'failed in %s\n' "${failures[@]}"
    if ((skipped)); then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    ((failed == 0))
}

main "$@"
