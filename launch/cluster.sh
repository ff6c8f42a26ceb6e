#!/usr/bin/env bash
# cluster.sh: a raftbus cluster on this machine, for trying it, breaking it and watching it heal.
#
# Owns: the nodes' processes, and RAFTBUS_HOME with their data, logs and pids.
# Must not know: anything of Raft. What the cluster is up to, it asks `raftbus status`.
set -euo pipefail

usage() {
    cat <<'END'
usage: launch/cluster.sh COMMAND

  up [N]      install and build what is missing, start N nodes (default 3), wait for a leader
  down        stop all nodes; their data stays
  status      which nodes run, and what they say of themselves; 0 if one leads, else 1
  kill I      kill -9 node I: a crash
  stop I      stop node I in good order: a leader hands over first
  start I     start node I again
  pause I     freeze node I: a process that hangs
  resume I    let it go on
  logs I      the end of node I's log; `logs I -f` follows it
  wipe        delete the data and logs of a stopped cluster
  help        this

Repeating any of them is harmless. Exit code 0: done; 1: it did not work, the last words say why
and what to do; 2: wrong usage.

Node I listens on 127.0.0.1, port 7238+10(I-1) for clients, the next for peers, +3 for traces.
  RAFTBUS_HOME          data, logs and pids (default: .cluster in the checkout)
  RAFTBUS_PORT          the first port, instead of 7238
  RAFTBUS_BIN           the program, instead of installing and building build/raftbus
  RAFTBUS_NODE_OPTIONS  more options for `raftbus node`, for example '--log-level debug'
END
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home=${RAFTBUS_HOME:-$top/.cluster}
[[ $home == /* ]] || home=$PWD/$home
bin=${RAFTBUS_BIN:-$top/build/raftbus}
self=${BASH_SOURCE[0]}
readonly nodes_max=9       # a decade of ports each; more helps nobody on one machine
readonly leader_seconds=30 # to wait for a leader, and for a node to answer
readonly stop_seconds=15   # to wait for an orderly stop
size=0                     # nodes of this cluster; 0: there is none
port=0                     # the first node's, for clients

fail() {
    printf 'cluster.sh: %s\n' "$1" >&2
    shift
    (($#)) && printf '  %s\n' "$@" >&2
    exit 1
}

fail_usage() {
    printf 'cluster.sh: %s\n  %s help\n' "$1" "$self" >&2
    exit 2
}

# ---- the cluster as it was made: its size and first port, in $home/cluster

load_cluster() {
    port=${RAFTBUS_PORT:-7238}
    if [[ ! $port =~ ^[1-9][0-9]{3,4}$ ]] || ((port < 1024 || port + 10 * nodes_max > 32768)); then
        fail_usage "RAFTBUS_PORT must be from 1024 to $((32768 - 10 * nodes_max)), not '$port'"
    fi
    [[ -f $home/cluster ]] || return 0
    local made_port
    read -r size made_port <"$home/cluster"
    port=${RAFTBUS_PORT:-$made_port}
    if [[ $port != "$made_port" ]]; then
        fail "this cluster was made on port $made_port, and RAFTBUS_PORT says $port" \
            "unset RAFTBUS_PORT, or give the new cluster a RAFTBUS_HOME of its own"
    fi
}

save_cluster() {
    echo "$size $port" >"$home/cluster"
}

need_cluster() {
    ((size)) || fail "there is no cluster in $home" "$self up"
}

# client_port I, peer_port I, trace_port I
client_port() { echo $((port + 10 * ($1 - 1))); }
peer_port() { echo $((port + 10 * ($1 - 1) + 1)); }
trace_port() { echo $((port + 10 * ($1 - 1) + 3)); }

peers() {
    local i list=()
    for ((i = 1; i <= size; i++)); do
        list+=("$i=tcp://127.0.0.1:$(peer_port "$i")")
    done
    (IFS=, && echo "${list[*]}")
}

endpoints() {
    local i list=()
    for ((i = 1; i <= size; i++)); do
        list+=("127.0.0.1:$(client_port "$i")")
    done
    (IFS=, && echo "${list[*]}")
}

# ---- processes

# The pid of node I, only if that process is still this node: a pid can be another's by now.
running_pid() {
    local pid
    [[ -f $home/n$1.pid ]] || return 1
    read -r pid <"$home/n$1.pid" || return 1
    [[ $pid =~ ^[0-9]+$ && -r /proc/$pid/cmdline ]] || return 1
    tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$home/n$1" || return 1
    echo "$pid"
}

runs() { running_pid "$1" >/dev/null; }

is_paused() {
    local pid
    pid=$(running_pid "$1") && grep -q '^State:[[:space:]]*T' "/proc/$pid/status" 2>/dev/null
}

any_runs() {
    local i
    for ((i = 1; i <= size; i++)); do
        runs "$i" && return 0
    done
    return 1
}

# signal_node I SIGNAL: no matter if it went meanwhile.
signal_node() {
    local pid
    pid=$(running_pid "$1") || return 0
    kill "-$2" "$pid" 2>/dev/null || true
}

# wait_gone I SECONDS: true once the process has ended.
wait_gone() {
    local deadline=$((SECONDS + $2))
    while runs "$1"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# Starts node I if it does not run. It outlives this script: a session of its own, and no file of
# the script's held open, its lock (9) least of all.
spawn() {
    local i=$1 options=()
    runs "$i" && return 0
    [[ -x $bin ]] || fail "there is no program at $bin" "$self up   # builds it"
    refuse_taken_port "$(client_port "$i")" "$i"
    read -r -a options <<<"${RAFTBUS_NODE_OPTIONS:-}"
    [[ -e $home/n$i.ran ]] && options+=(--expect-existing)
    mkdir -p "$home/n$i"
    setsid "$bin" node --id "$i" --data "$home/n$i" --peers "$(peers)" \
        --client "tcp://127.0.0.1:$(client_port "$i")" \
        --trace "tcp://127.0.0.1:$(trace_port "$i")" "${options[@]}" \
        </dev/null >>"$home/n$i.log" 2>&1 9>&- &
    echo $! >"$home/n$i.pid"
    disown
}

# Somebody else's node at the same port would answer in the place of ours.
refuse_taken_port() {
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        fail "port $1, which node $2 needs, is taken by another program" \
            "ss -ltnp 'sport = :$1'   # who it is; RAFTBUS_PORT moves this cluster elsewhere"
    fi
}

# fail_with_log I WHY: ends with the last words of node I.
fail_with_log() {
    tail -n 15 "$home/n$1.log" >&2 || true
    fail "$2" "its log ends as above: $home/n$1.log"
}

answers() {
    "$bin" status -e "127.0.0.1:$(client_port "$1")" -t 1s >/dev/null 2>&1
}

# wait_answering I: node I answers its clients. Ends the script if it dies instead.
wait_answering() {
    local deadline=$((SECONDS + leader_seconds))
    until answers "$1"; do
        process_exists "$1" || fail_with_log "$1" "node $1 ended right after its start"
        ((SECONDS < deadline)) || fail_with_log "$1" "node $1 does not answer"
        sleep 0.1
    done
    touch "$home/n$1.ran" # from now on an empty directory is a loss, not a first start
}

# Of a process started a moment ago, that perhaps is not yet the program that it will be.
process_exists() {
    local pid
    read -r pid <"$home/n$1.pid" && kill -0 "$pid" 2>/dev/null
}

# The leader's number, as the running nodes say; of two that think so, that of the higher term.
leader() {
    local lead
    lead=$("$bin" status -e "$(endpoints)" -t 1s -o text 2>/dev/null |
        awk '$2 == "leader" && $3 >= term {term = $3; node = $1} END {print node}')
    [[ -n $lead ]] && echo "$lead"
}

# wait_leader: prints who leads; false if nobody does in time, or a node has died.
wait_leader() {
    local deadline=$((SECONDS + leader_seconds)) i
    until leader; do
        for ((i = 1; i <= size; i++)); do
            process_exists "$i" || return 1
        done
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

# ---- commands

build() {
    [[ -z ${RAFTBUS_BIN:-} ]] || return 0
    # shellcheck source=launch/packages.sh
    source "$top/launch/packages.sh"
    install_missing "$top/cmake/packages.txt" || exit 1
    local jobs
    jobs=$(nproc)
    ((jobs <= 3)) || jobs=3
    [[ -x $bin ]] || echo "building build/raftbus, some minutes the first time" >&2
    (
        cd "$top" || exit 1
        cmake -S . -B build -G Ninja >"$home/build.log" 2>&1 || {
            tail -n 30 "$home/build.log" >&2
            exit 1
        }
        cmake --build build --target raftbus -j "$jobs" >&2
    ) || fail "the build failed (above)" "if nothing in the sources explains it: rm -rf $top/build"
}

cmd_up() {
    local wanted=${1:-$((size ? size : 3))} i lead
    [[ $wanted =~ ^[1-9]$ ]] || fail_usage "up takes a number of nodes from 1 to $nodes_max, not '$wanted'"
    if ((size && wanted != size)); then
        fail "this cluster was made with $size nodes" \
            "$self down && $self wipe && $self up $wanted   # a new one; the data goes"
    fi
    build
    size=$wanted
    save_cluster
    for ((i = 1; i <= size; i++)); do
        spawn "$i"
    done
    if ! lead=$(wait_leader); then
        for ((i = 1; i <= size; i++)); do
            process_exists "$i" || fail_with_log "$i" "node $i ended right after its start"
        done
        is_paused_any && fail "no leader within $leader_seconds s, and some nodes are paused" "$self status"
        fail_with_log 1 "no leader within $leader_seconds s"
    fi
    for ((i = 1; i <= size; i++)); do
        is_paused "$i" || wait_answering "$i"
    done
    greet "$lead"
}

is_paused_any() {
    local i
    for ((i = 1; i <= size; i++)); do
        is_paused "$i" && return 0
    done
    return 1
}

greet() {
    local i shown=${bin#"$PWD"/}
    for ((i = 1; i <= size; i++)); do
        printf 'n%d  clients 127.0.0.1:%d  peers 127.0.0.1:%d  trace 127.0.0.1:%d%s\n' "$i" \
            "$(client_port "$i")" "$(peer_port "$i")" "$(trace_port "$i")" \
            "$( ((i == $1)) && echo '  leads')"
    done
    printf '\nIt serves. Type:\n'
    [[ $(endpoints) == 127.0.0.1:7238,127.0.0.1:7248,127.0.0.1:7258 ]] ||
        printf '  export RAFTBUS_ENDPOINTS=%s\n' "$(endpoints)"
    printf '  %s\n' "$shown set greeting hello" "$shown get greeting" "$shown status" "$shown shell" \
        "$self kill $1     # the leader; then set and get again, and: $self start $1" \
        "$self down"
}

cmd_down() {
    local i
    if ! any_runs; then
        echo "no node runs"
        return 0
    fi
    for ((i = 1; i <= size; i++)); do
        signal_node "$i" TERM
        signal_node "$i" CONT # a paused one takes the TERM once it goes on
    done
    for ((i = 1; i <= size; i++)); do
        wait_gone "$i" "$stop_seconds" || {
            echo "node $i did not stop within $stop_seconds s: killed" >&2
            signal_node "$i" KILL
            wait_gone "$i" 5 || fail "node $i cannot be killed: its disk or kernel hangs"
        }
        rm -f "$home/n$i.pid"
    done
    echo "all nodes are down; their data is kept in $home"
}

cmd_status() {
    local i pid lead
    ((size)) || fail "there is no cluster in $home" "$self up"
    for ((i = 1; i <= size; i++)); do
        if ! pid=$(running_pid "$i"); then
            printf 'n%d  down     %s start %d\n' "$i" "$self" "$i"
        elif is_paused "$i"; then
            printf 'n%d  paused   pid %d   %s resume %d\n' "$i" "$pid" "$self" "$i"
        else
            printf 'n%d  running  pid %d   127.0.0.1:%d\n' "$i" "$pid" "$(client_port "$i")"
        fi
    done
    any_runs || fail "no node runs" "$self up"
    [[ -x $bin ]] || fail "there is no program at $bin to ask them with" "$self up   # builds it"
    "$bin" status -e "$(endpoints)" -t 1s -o text || true
    lead=$(leader) || fail "nobody leads: a majority of the $size nodes is needed" "$self up   # starts those that are down"
    echo "node $lead leads"
}

cmd_kill() {
    local was_running=false
    runs "$1" && was_running=true
    signal_node "$1" KILL
    wait_gone "$1" 5 || fail "node $1 cannot be killed: its disk or kernel hangs"
    rm -f "$home/n$1.pid"
    if $was_running; then echo "node $1 is killed"; else echo "node $1 does not run"; fi
}

cmd_stop() {
    runs "$1" || {
        echo "node $1 does not run"
        return 0
    }
    signal_node "$1" TERM
    signal_node "$1" CONT
    wait_gone "$1" "$stop_seconds" || fail "node $1 does not stop within $stop_seconds s" \
        "$self logs $1" "$self kill $1"
    rm -f "$home/n$1.pid"
    echo "node $1 is stopped"
}

cmd_start() {
    if is_paused "$1"; then
        fail "node $1 is paused, not down" "$self resume $1"
    fi
    if runs "$1"; then
        echo "node $1 runs already"
        return 0
    fi
    spawn "$1"
    wait_answering "$1"
    echo "node $1 runs: clients 127.0.0.1:$(client_port "$1")"
}

cmd_pause() {
    runs "$1" || fail "node $1 does not run" "$self start $1"
    signal_node "$1" STOP
    until is_paused "$1"; do
        runs "$1" || fail "node $1 has ended" "$self logs $1"
        sleep 0.01
    done
    echo "node $1 is paused"
}

cmd_resume() {
    runs "$1" || fail "node $1 does not run" "$self start $1"
    signal_node "$1" CONT
    echo "node $1 goes on"
}

cmd_logs() {
    local i=$1 follow=()
    shift
    if (($#)); then
        [[ $* == -f ]] || fail_usage "logs takes a node and perhaps -f, not '$*'"
        follow=(-f)
    fi
    [[ -f $home/n$i.log ]] || fail "node $i has no log yet" "$self start $i"
    tail -n 100 "${follow[@]}" "$home/n$i.log"
}

# Deletes only what this script makes: RAFTBUS_HOME may point anywhere.
cmd_wipe() {
    local i
    any_runs && fail "nodes run" "$self down"
    for ((i = 1; i <= nodes_max; i++)); do
        rm -rf "$home/n$i"
        rm -f "$home/n$i.log" "$home/n$i.pid" "$home/n$i.ran"
    done
    rm -f "$home/cluster" "$home/build.log" "$home/lock"
    rmdir "$home" 2>/dev/null || true
    echo "wiped: no cluster is left in $home"
}

# ---- the command line

# One at a time may start and stop processes. The lock goes when this script ends.
lock() {
    [[ $1 == up ]] && mkdir -p "$home"
    [[ -d $home ]] || return 0 # nothing is there to be locked, or worked on
    exec 9>"$home/lock"
    flock -w 60 9 || fail "another cluster.sh has been at work in $home for a minute" "wait for it, or end it"
}

need_node() {
    local command=$1
    shift
    (($#)) || fail_usage "$command takes a node: $command 1"
    [[ $1 =~ ^[1-9]$ ]] || fail_usage "'$1' is no node: a number is, as in $command 1"
    need_cluster
    (($1 <= size)) || fail_usage "there is no node $1: this cluster has $size"
}

no_more() {
    local command=$1 allowed=$2
    shift 2
    (($# <= allowed)) || fail_usage "$command takes no '${*:allowed+1:1}'"
}

main() {
    local command=${1:-help}
    (($#)) && shift
    case $command in
    help | -h | --help)
        usage
        return
        ;;
    up | down | status | kill | stop | start | pause | resume | logs | wipe) ;;
    *) fail_usage "'$command' is no command" ;;
    esac
    [[ $command == logs || $command == status ]] || lock "$command"
    load_cluster
    case $command in
    up) no_more up 1 "$@" && cmd_up "$@" ;;
    down | status | wipe) no_more "$command" 0 "$@" && "cmd_$command" ;;
    kill | stop | start | pause | resume)
        need_node "$command" "$@"
        no_more "$command" 1 "$@"
        "cmd_$command" "$1"
        ;;
    logs)
        need_node logs "$@"
        cmd_logs "$@"
        ;;
    esac
}

main "$@"
