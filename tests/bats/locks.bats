#!/usr/bin/env bats
# watch and lock: changes as they happen, and a command that runs on one machine of many at a time.

load helpers

setup_file() {
    new_home
    cluster up
}
teardown_file() { drop_home; }

locked() { timeout 60 "$RAFTBUS_BIN" lock "$@"; }
held() { raftbus get "lock/$1" >/dev/null 2>&1; }
free() { ! held "$1"; }

# ---- watch

@test "watch tells what changes, in order, and ends after -n" {
    local revision
    revision=$(raftbus set w/a 1 | awk '{print $3}')
    raftbus set w/b 2
    raftbus delete w/a
    run -0 timeout 60 "$RAFTBUS_BIN" watch --prefix w/ --from "$revision" -n 3
    [ "${lines[0]}" = "$revision"$'\tset\tw/a\t1' ]
    [[ ${lines[1]} == *$'\tset\tw/b\t2' ]]
    [[ ${lines[2]} == *$'\tdelete\tw/a' ]]
    run -0 timeout 60 "$RAFTBUS_BIN" watch w/b --from "$revision" -n 1 -o json
    [ "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["value"])' <<<"$output")" = 2 ]
}

@test "watch goes on at another node when one is killed" {
    local out=$BATS_TEST_TMPDIR/out from
    from=$(raftbus set go/on 0 | awk '{print $3}')
    timeout 60 "$RAFTBUS_BIN" watch go/on --from "$from" -n 4 >"$out" 2>/dev/null 3>&- &
    local watch=$!
    eventually grep -q $'go/on\t0' "$out"
    raftbus set go/on 1
    eventually grep -q $'go/on\t1' "$out"
    cluster kill 1
    raftbus set go/on 2
    cluster start 1
    raftbus set go/on 3
    wait "$watch"
    [ "$(cut -f 4 "$out" | tr '\n' ' ')" = "0 1 2 3 " ]
}

@test "watch wants a key or a prefix; Ctrl-C: exit 130" {
    run -2 raftbus watch
    says --prefix
    run -2 raftbus watch key --prefix k
    run -130 timeout --preserve-status -s INT 1 "$RAFTBUS_BIN" watch some-key
}

# ---- lock

@test "lock runs the command, with a token that grows, and gives the lock back" {
    local first second
    # shellcheck disable=SC2016
    first=$(locked one -- sh -c 'echo "$RAFTBUS_LOCK $RAFTBUS_FENCING_TOKEN"')
    [[ $first =~ ^one\ [0-9]+$ ]]
    free one
    # shellcheck disable=SC2016
    second=$(locked one -- sh -c 'echo $RAFTBUS_FENCING_TOKEN')
    ((second > ${first#one }))
}

@test "the exit status is the command's" {
    run -7 locked status -- sh -c 'exit 7'
    run -143 locked status -- sh -c 'kill -TERM $$'
    run -127 locked status -- no-such-command
    says no-such-command
    run -126 locked status -- /
    free status
}

@test "a lock that is held is waited for, or not" {
    local out=$BATS_TEST_TMPDIR/out
    mkfifo "$BATS_TEST_TMPDIR/go"
    locked held -- sh -c "echo in; cat <'$BATS_TEST_TMPDIR/go'" >"$out" 3>&- &
    local holder=$!
    eventually grep -q in "$out"
    run -4 locked held --no-wait -- echo never
    says "is held by host="
    [[ $output != *never* ]]
    run -4 locked held --wait 200ms -- echo never
    locked held -- echo second >>"$out" 3>&- &
    local waiter=$!
    : >"$BATS_TEST_TMPDIR/go"
    wait "$holder"
    wait "$waiter"
    grep -q second "$out"
}

@test "of many at once each has it alone" {
    local file=$BATS_TEST_TMPDIR/count i pids=()
    echo 0 >"$file"
    for i in 1 2 3 4 5 6; do
        # shellcheck disable=SC2016
        locked alone -- sh -c 'n=$(cat "$0"); sleep 0.05; echo $((n + 1)) >"$0"' "$file" 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    [ "$(cat "$file")" = 6 ]
}

@test "signals are forwarded" {
    local out=$BATS_TEST_TMPDIR/out
    # shellcheck disable=SC2016
    "$RAFTBUS_BIN" lock signals -- sh -c 'trap "echo got; exit 9" TERM; echo in; while :; do sleep 0.05; done' >"$out" 3>&- &
    local lock=$! status=0
    eventually grep -q in "$out"
    kill -TERM "$lock"
    wait "$lock" || status=$?
    [ "$status" = 9 ]
    grep -q got "$out"
}

@test "a signal that would end it goes to the command, and the key goes with it" {
    local signal number lock status
    local out=$BATS_TEST_TMPDIR/out
    for signal in HUP QUIT USR1 USR2; do
        number=$(kill -l "$signal")
        # QUIT is ignored in the background jobs of a script, unless python says otherwise.
        python3 - "$signal" "$RAFTBUS_BIN" >"$out" 3>&- <<'END' &
import os, signal, sys
name, program = sys.argv[1:]
signal.signal(getattr(signal, "SIG" + name), signal.SIG_DFL)
os.execv(program, [program, "lock", "hup", "--", "sh", "-c", "echo in; exec sleep 1000"])
END
        lock=$! status=0
        eventually grep -q in "$out"
        kill -s "$signal" "$lock"
        wait "$lock" || status=$?
        [ "$status" = $((128 + number)) ]
        free hup
    done
    # shellcheck disable=SC2016
    "$RAFTBUS_BIN" lock hup -- sh -c 'trap "echo again; exit 9" USR1; echo in; while :; do sleep 0.05; done' >"$out" 3>&- &
    lock=$! status=0
    eventually grep -q in "$out"
    kill -s USR1 "$lock"
    wait "$lock" || status=$?
    [ "$status" = 9 ]
    grep -q again "$out"
    free hup
}

@test "nohup holds for lock and command" {
    local out=$BATS_TEST_TMPDIR/out lock status=0
    # shellcheck disable=SC2016
    nohup "$RAFTBUS_BIN" lock nohup -- sh -c 'kill -HUP $PPID; kill -HUP $$; echo on' >"$out" 3>&- || status=$?
    [ "$status" = 0 ]
    grep -q on "$out"
}

@test "a lock that is lost ends the command: exit 74" {
    local out=$BATS_TEST_TMPDIR/out status=0
    "$RAFTBUS_BIN" lock lost --ttl 3s -- sh -c 'echo in; exec sleep 1000' >"$out" 2>&1 3>&- &
    local lock=$!
    eventually grep -q in "$out"
    raftbus delete lock/lost
    wait "$lock" || status=$?
    [ "$status" = 74 ]
    grep -q "was lost" "$out"
}

@test "a holder that is killed takes the command with it, and its time frees the lock" {
    local out=$BATS_TEST_TMPDIR/out
    # shellcheck disable=SC2016
    "$RAFTBUS_BIN" lock dies --ttl 2s -- sh -c 'echo $$; exec sleep 1000' >"$out" 3>&- &
    local lock=$! child
    eventually grep -q . "$out"
    child=$(cat "$out")
    kill -KILL "$lock"
    wait "$lock" || true
    eventually eval "! kill -0 $child"
    run -0 locked dies -- echo mine
    says mine
}

@test "a cluster that is gone loses the lock before its time, and the command with it" {
    local out=$BATS_TEST_TMPDIR/out status=0
    "$RAFTBUS_BIN" lock gone --ttl 3s -- sh -c 'echo in; exec sleep 1000' >"$out" 2>&1 3>&- &
    local lock=$!
    eventually grep -q in "$out"
    cluster down
    wait "$lock" || status=$?
    cluster up
    [ "$status" = 74 ]
    grep -q "could not be renewed" "$out"
}

@test "lock is told what is wrong with its words" {
    run -2 raftbus lock
    run -2 raftbus lock name
    run -2 raftbus lock name --ttl 1s -- true
    says "--ttl"
    run -2 raftbus lock name --wait 1s --no-wait -- true
}
