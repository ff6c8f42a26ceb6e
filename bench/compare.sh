#!/usr/bin/env bash
# compare.sh: the same loads at raftbus, at others and at what bounds it, in turns.
#
# Owns: the order of the loads, the raw results, the directory in which everybody keeps his data.
# Must not know: how a contestant is started or loaded: bench/contestants/ has a file for each.
set -euo pipefail

usage() {
    cat <<'END'
usage: bench/compare.sh [OPTION...]

Installs and builds what is missing, then measures in rounds. In each round every contestant is
started, warmed up, measured and stopped, one after the other; the median of the rounds counts.
Everything is on loopback, data lies beside the sources and is gone afterwards. Keep the machine
quiet meanwhile.

  --only LIST       these contestants, with commas between them
                    (raftbus,floor,three-logs,etcd,redis,redis-replicated)
  --rounds N        default 3
  --seconds N       how long each load is measured, after a second of warm-up (default 3)
  --connections N   over which requests outstanding are spread, at most (default 4)
  --trials N        kills of a leader, and restarts of a node; the median counts (default 5)
  --no-figures      loads alone: no failover, memory, disk, restart, idle cluster, connections
  --no-loads        those figures alone
  --quick           one round and trial, a second a load, a tenth of the keys: does it work?
  --out DIR         where the results go (default compare-results)
  help              this

On stderr a line for each load, at the end a table on stdout. In DIR: table.md, results.tsv (every
figure of every round), settings.txt (versions, settings, machine), throughput.svg, latency.svg.
Exit code 0: done; 1: it did not work, the last words say why; 2: wrong usage.

  RAFTBUS_BIN       the raftbus that is measured, instead of building build/bench/raftbus
END
}

self=${BASH_SOURCE[0]}
top=$(cd "$(dirname "$self")/.." && pwd)
here=$top/bench
build=$top/build/bench
readonly all_contestants=(raftbus floor three-logs etcd redis redis-replicated)
readonly concurrencies=(1 16 64 256 1024)
contestants=("${all_contestants[@]}")
rounds=3
seconds=3
warm_up=1
connections=4
many_spread=16      # over which '-spread' loads are spread instead
trials=5
keys=100000          # of the loads
many_keys=1000000    # of the figures about memory, disk and restart
with_loads=true
with_figures=true
idle_seconds=20
out=compare-results
work=                # the directory of this run
locked=false         # no other run is at work
begun=false          # there are results
port=0               # the first of fifty that are free
round=1

fail() {
    printf 'compare.sh: %s\n' "$1" >&2
    shift
    (($#)) && printf '  %s\n' "$@" >&2
    exit 1
}

fail_usage() {
    printf 'compare.sh: %s\n  %s help\n' "$1" "$self" >&2
    exit 2
}

say() { printf '%s\n' "$*" >&2; }

# shellcheck source=bench/processes.sh
source "$here/processes.sh"
# shellcheck source=bench/install.sh
source "$here/install.sh"
# shellcheck source=bench/figures.sh
source "$here/figures.sh"
# shellcheck source=bench/contestants/raftbus.sh
source "$here/contestants/raftbus.sh"
# shellcheck source=bench/contestants/floor.sh
source "$here/contestants/floor.sh"
# shellcheck source=bench/contestants/three-logs.sh
source "$here/contestants/three-logs.sh"
# shellcheck source=bench/contestants/etcd.sh
source "$here/contestants/etcd.sh"
# shellcheck source=bench/contestants/redis.sh
source "$here/contestants/redis.sh"
# shellcheck source=bench/contestants/redis-replicated.sh
source "$here/contestants/redis-replicated.sh"

# ---- the command line

need_number() {
    [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || fail_usage "$1 takes a number from 1 to 99999, not '$2'"
}

choose() {
    local name known
    contestants=()
    while read -r name; do
        for known in "${all_contestants[@]}"; do
            [[ $known == "$name" ]] && contestants+=("$name") && continue 2
        done
        fail_usage "there is no contestant '$name': ${all_contestants[*]} are known"
    done < <(tr ',' '\n' <<<"$1")
}

quick() {
    rounds=1 seconds=1 trials=1 many_keys=100000 idle_seconds=3
}

read_options() {
    local option
    while (($#)); do
        option=$1
        shift
        case $option in
        help | -h | --help)
            usage
            exit 0
            ;;
        --quick) quick ;;
        --no-figures) with_figures=false ;;
        --no-loads) with_loads=false ;;
        --only | --rounds | --seconds | --connections | --trials | --out)
            [[ -n ${1:-} ]] || fail_usage "$option takes a value"
            case $option in
            --only) choose "$1" ;;
            --out) out=$1 ;;
            *)
                need_number "$option" "$1"
                printf -v "${option#--}" %d "$1"
                ;;
            esac
            shift
            ;;
        *) fail_usage "'$option' is no option" ;;
        esac
    done
    $with_loads || $with_figures || fail_usage "--no-loads and --no-figures leave nothing"
    [[ $out == /* ]] || out=$PWD/$out
}

# ---- results

# call CONTESTANT FUNCTION ARGUMENTS...
call() {
    local contestant=${1//-/_} function=$2
    shift 2
    "${contestant}_$function" "$@"
}

knows() { declare -F "${1//-/_}_$2" >/dev/null; }

# record CONTESTANT WORK CONCURRENCY VALUE_BYTES METRIC VALUE
record() {
    begun=true
    (IFS=$'\t' && printf '%s\n' "$round"$'\t'"$*" >>"$out/results.tsv")
}

begin_results() {
    mkdir -p "$out" || fail "cannot make $out" "--out DIR puts the results elsewhere"
    printf 'round\tcontestant\twork\tconcurrency\tvalue_bytes\tmetric\tvalue\n' >"$out/results.tsv"
}

write_settings() {
    local contestant
    {
        echo "date      $(date -u '+%Y-%m-%d %H:%M UTC')"
        echo "kernel    $(uname -sr), $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)"
        echo "cpus      $(nproc), $(sed -n '/^model name/ {s/.*: //p; q}' /proc/cpuinfo)"
        echo "memory    $(awk '/^MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo)"
        echo "disk      $(findmnt -no FSTYPE,SOURCE -T "$work")"
        echo "load      at the start $(cut -d ' ' -f 1-3 /proc/loadavg)"
        echo "loads     $rounds rounds, $seconds s after $warm_up s, up to $connections connections"
        echo "keys      16 bytes, of $keys; values of 64 bytes unless the table says otherwise"
        for contestant in "${contestants[@]}"; do
            printf '\n%s\n' "$contestant"
            call "$contestant" version | sed 's/^/  version   /'
            call "$contestant" settings | sed 's/^/  /'
        done
    } >"$out/settings.txt"
}

# ---- loads

declare -A best=() # of this round and contestant: the highest throughput of each work

# measure CONTESTANT WORK CONCURRENCY VALUE_BYTES: one load, into the results and on stderr.
measure() {
    local value metrics=(ops p50 p90 p99 max) i
    measured=()
    call "$1" load "$2" "$3" "$4" || fail "$1: the load '$2' at $3 did not work" "$(answered)"
    ((${#measured[@]} == ${#metrics[@]})) ||
        fail "$1: the load '$2' at $3 says nothing" "$(answered)"
    for i in "${!metrics[@]}"; do
        value=${measured[i]}
        [[ $value == - ]] || record "$1" "$2" "$3" "$4" "${metrics[i]}" "$value"
    done
    printf '%s  %-16s %-13s %4d in flight %6d B  %9.0f/s  p50 %7.0f us  p99 %8.0f us%s\n' \
        "round $round" "$1" "$2" "$3" "$4" "${measured[0]}" "${measured[1]}" "${measured[3]}" \
        "${errors:+  with errors: $errors}" >&2
    [[ -z $errors ]] || record "$1" "$2" "$3" "$4" errors 1
    value=${measured[0]%.*}
    ((value <= ${best[$2]:-0})) || best[$2]=$value
}

measure_all() {
    local contestant works load
    for ((round = 1; round <= rounds; round++)); do
        for contestant in "${contestants[@]}"; do
            best=()
            call "$contestant" start
            ! knows "$contestant" fill || call "$contestant" fill "$keys"
            mapfile -t works < <(call "$contestant" works)
            for load in "${works[@]}"; do
                # shellcheck disable=SC2086 # three words
                measure "$contestant" $load
            done
            call "$contestant" stop
        done
    done
}

# usual_works WORK...: each of them with one value size at all concurrencies.
usual_works() {
    local work_ concurrency
    for work_ in "$@"; do
        for concurrency in "${concurrencies[@]}"; do
            echo "$work_ $concurrency 64"
        done
    done
}

# ---- the way in and the way out

clean_up() {
    local status=$?
    trap - EXIT
    set +e
    end_all
    forbid_no_more
    [[ -z $work ]] || rm -rf "$work"
    ! $locked || rmdir "$top/.compare" 2>/dev/null
    ((status == 0)) || ! $begun ||
        say "what was measured until then: python3 $here/compare_table.py $out"
    exit "$status"
}

# One at a time: two would measure each other. The lock goes when this script ends.
lock() {
    local left
    mkdir -p "$top/.compare"
    exec 9<"$top/.compare"
    flock -n 9 || fail "another compare.sh is at work in $top" "wait for it, or end it"
    locked=true
    left=$(find "$top/.compare" -mindepth 1 -maxdepth 1)
    [[ -z $left ]] || fail "a run that was killed has left $left" \
        "pgrep -af '$left'   # what still runs there: end that" "rm -rf '$left'"
    work=$(mktemp -d "$top/.compare/XXXXXX")
}

main() {
    read_options "$@"
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    lock
    begin_results
    install_and_build
    isolate
    write_settings
    $with_loads && measure_all
    $with_figures && figures_all
    "$python" "$here/compare_table.py" "$out" --gnuplot "$work/plot.gp"
    gnuplot "$work/plot.gp" || fail "gnuplot did not draw (above)"
    say "all of it is in $out"
}

main "$@"
