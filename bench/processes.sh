# shellcheck shell=bash
# processes: what compare.sh starts, asks and ends. Sourced by it.
#
# Owns: the pids of servers and of the client at work, the ports, the environment they run in.
# Must not know: what the servers are.

declare -A pids=() # of servers, by name
client=            # the pid of the client at work, if any
measured=()        # what the last load gave: operations a second, then p50 p90 p99 max in us
errors=            # what went wrong in it, in a word

# isolate: nothing that the user has set for himself reaches what is measured.
isolate() {
    local name
    for name in "${!RAFTBUS_@}" "${!ETCD_@}"; do
        unset "$name"
    done
    export HOME=$work TMPDIR=$work LC_ALL=C PYTHONDONTWRITEBYTECODE=1
    unset XDG_CONFIG_HOME XDG_STATE_HOME
    ulimit -n "$(ulimit -Hn)" # a thousand connections and more
    choose_port
}

# choose_port: the first of fifty that nobody listens on, far from everybody's defaults.
choose_port() {
    local i
    while :; do
        port=$((12000 + RANDOM % 1900 * 10))
        for ((i = 0; i < 50; i++)); do
            (: <"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null && continue 2
        done
        return 0
    done
}

# launch NAME COMMAND...: a server in the background; its words go to $work/NAME.log.
launch() {
    local name=$1
    shift
    (cd "$work" && exec "$@") </dev/null >>"$work/$name.log" 2>&1 9>&- &
    pids[$name]=$!
    disown "$!"
}

alive() { kill -0 "$1" 2>/dev/null; }

# gone PID SECONDS: true once it has ended.
gone() {
    local tries=$(($2 * 50))
    while alive "$1"; do
        ((tries-- > 0)) || return 1
        sleep 0.02
    done
}

# halt NAME...: in good order if it can be had.
halt() {
    local name
    for name in "$@"; do
        [[ -z ${pids[$name]:-} ]] || kill "${pids[$name]}" 2>/dev/null || true
    done
    for name in "$@"; do
        [[ -n ${pids[$name]:-} ]] || continue
        gone "${pids[$name]}" 10 || kill -9 "${pids[$name]}" 2>/dev/null || true
        gone "${pids[$name]}" 5 || true
        unset "pids[$name]"
    done
}

# crash NAME: kill -9, and until it is gone.
crash() {
    kill -9 "${pids[$1]}"
    gone "${pids[$1]}" 10 || fail "$1 cannot be killed: its disk or kernel hangs"
    unset "pids[$1]"
}

# await COMMAND...: a client, whose answer is kept. A signal ends both at once.
await() {
    local status=0
    (cd "$work" && exec "$@") </dev/null >"$work/answer" 2>"$work/answer.err" 9>&- &
    client=$!
    wait "$client" || status=$?
    client=
    return "$status"
}

answered() { tail -n 5 "$work/answer" "$work/answer.err" 2>/dev/null; }

# await_load COMMAND...: as await, and scheduled as `raftbus bench` schedules itself: it does not
# interrupt the servers that it measures.
await_load() { await chrt --batch 0 "$@"; }

# need COMMAND...: as await, and ends the script if it fails.
need() {
    await "$@" || fail "this did not work: $*" "$(answered)"
}

# The script's way out: whatever runs. Nobody needs the data, so nobody is given time.
end_all() {
    local pid
    [[ -z $client$probe ]] || kill ${client:+"$client"} ${probe:+"$probe"} 2>/dev/null
    ((${#pids[@]} == 0)) || kill -9 "${pids[@]}" 2>/dev/null
    for pid in "${pids[@]}"; do
        gone "$pid" 5
    done
    [[ ! -d $work/raftbus ]] || raftbus_cluster down
}

# await_port PORT NAME: until NAME's server listens. Ends the script if it dies instead.
await_port() {
    local tries=1500
    until (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
        if ! alive "${pids[$2]}" || ((tries-- == 0)); then
            fail "$2 does not listen on port $1" "$(tail -n 5 "$work/$2.log")"
        fi
        sleep 0.02
    done
}

# spread CONCURRENCY [MOST]: sets `clients` connections, MOST of them at most, with `each` requests
# outstanding.
spread() {
    local most=${2:-$connections}
    clients=$(($1 < most ? $1 : most))
    each=$(($1 / clients))
}

# spread_as HOW CONCURRENCY: the same for a load whose name ends in HOW.
spread_as() {
    if [[ $1 == spread ]]; then spread "$2" "$many_spread"; else spread "$2"; fi
}

# read_json: what `raftbus bench -o json` says, and the loads here that speak as it does.
read_json() {
    local json name
    json=$(<"$work/answer")
    measured=()
    for name in per_second p50 p90 p99 max; do
        [[ $json =~ \"$name\":([0-9.e+-]+) ]] || return 1
        measured+=("${BASH_REMATCH[1]}")
    done
    [[ $json =~ \"errors\":\{([^}]*)\} ]] && errors=${BASH_REMATCH[1]}
}

# now_us: microseconds since 1970, without a process.
now_us() { echo "${EPOCHREALTIME/./}"; }
