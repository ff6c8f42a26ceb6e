# shellcheck shell=bash
# helpers: a place, ports and a program for the bats tests. Nothing is built here.

bats_require_minimum_version 1.5.0
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# For setup_file: a home, a free port and a program for `cluster`, and none of the user's settings.
new_home() {
    export RAFTBUS_BIN=${RAFTBUS_BIN:-$top/build/raftbus}
    [[ -x $RAFTBUS_BIN ]] || {
        echo "there is no program at $RAFTBUS_BIN: tests/run.sh builds it" >&2
        return 1
    }
    RAFTBUS_HOME=$(mktemp -d "${RAFTBUS_TEST_CLUSTERS:-$BATS_FILE_TMPDIR}/XXXXXX")
    RAFTBUS_PORT=$(free_port)
    export RAFTBUS_HOME RAFTBUS_PORT HOME=$BATS_FILE_TMPDIR
    export RAFTBUS_ENDPOINTS=127.0.0.1:$RAFTBUS_PORT,127.0.0.1:$((RAFTBUS_PORT + 10)),127.0.0.1:$((RAFTBUS_PORT + 20))
    unset RAFTBUS_NODE_OPTIONS XDG_CONFIG_HOME XDG_STATE_HOME RAFTBUS_OUTPUT RAFTBUS_TIMEOUT RAFTBUS_COLOR
}

# For teardown_file: nothing runs on, whatever happened.
drop_home() {
    cluster down >/dev/null 2>&1 || true
    rm -rf "$RAFTBUS_HOME"
}

cluster() { "$top/launch/cluster.sh" "$@"; }
raftbus() { "$RAFTBUS_BIN" "$@"; }

# The first of fifty ports that nobody listens on.
free_port() {
    local port i
    while :; do
        port=$((10000 + RANDOM % 2200 * 10))
        for ((i = 0; i < 50; i++)); do
            if (: <"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null; then
                continue 2
            fi
        done
        echo "$port"
        return
    done
}

# eventually COMMAND...: until it succeeds, for 30 s.
eventually() {
    local deadline=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || {
            echo "never came true: $*" >&2
            return 1
        }
        sleep 0.05
    done
}

pid_of() { cat "$RAFTBUS_HOME/n$1.pid"; }

leader() { raftbus status -o text | awk '$2 == "leader" {print $1}'; }

a_follower() { raftbus status -o text | awk '$2 == "follower" {print $1; exit}'; }

# says WORDS...: the last `run` printed all of them, on stdout or stderr.
says() {
    local words
    for words in "$@"; do
        # shellcheck disable=SC2154 # `run` assigns them
        [[ $output${stderr:-} == *"$words"* ]] || {
            printf 'expected: %s\noutput: %s\nstderr: %s\n' "$words" "$output" "${stderr:-}" >&2
            return 1
        }
    done
}
