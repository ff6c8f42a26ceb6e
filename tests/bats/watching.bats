#!/usr/bin/env bats
# trace and shell: the cluster watched, and talked to line by line.

load helpers

setup_file() {
    new_home
    cluster up
}
teardown_file() { drop_home; }

# Writes all the while that the command runs.
while_writing() {
    (while :; do raftbus set busy yes || true; done) >/dev/null 2>&1 3>&- &
    local writer=$! status=0
    "$@" || status=$?
    kill "$writer"
    wait "$writer" 2>/dev/null || true
    return "$status"
}

@test "trace -n ends after so many events, one a line, of several nodes and actors" {
    run -0 --separate-stderr while_writing timeout 60 "$RAFTBUS_BIN" trace -n 60
    [ "${#lines[@]}" = 60 ]
    says n1 n2 n3 replicator storage AppendEntries
    [[ $output != *HeartbeatReply* ]]
}

@test "trace --for ends after that time, even if nothing happens" {
    run -0 timeout 60 "$RAFTBUS_BIN" trace --for 300ms --type DigestVerdict
}

@test "trace filters" {
    run -0 --separate-stderr while_writing timeout 60 "$RAFTBUS_BIN" trace -n 10 --type 'AppendEntries*' --node 2
    [ "$(grep -c AppendEntries <<<"$output")" = 10 ]
    run -0 --separate-stderr while_writing timeout 60 "$RAFTBUS_BIN" trace -n 10 --actor storage
    [ "$(grep -c storage <<<"$output")" = 10 ]
    run -0 --separate-stderr timeout 60 "$RAFTBUS_BIN" trace -n 3 --heartbeats --type 'Heartbeat*'
    [ "$(grep -c Heartbeat <<<"$output")" = 3 ]
}

@test "trace -o json: a document a line" {
    run -0 --separate-stderr while_writing timeout 60 "$RAFTBUS_BIN" trace -n 20 -o json
    [ "$(python3 -c 'import json, sys; print(len([json.loads(l) for l in sys.stdin]))' <<<"$output")" = 20 ]
}

@test "trace ended with Ctrl-C: exit 130" {
    run -130 timeout --preserve-status -s INT 1 "$RAFTBUS_BIN" trace
}

@test "set --trace shows the write's own path through actors and nodes" {
    local victim
    for victim in 1 2 3; do # asked of the leader and of followers
        run -0 raftbus set colour red --trace -e "127.0.0.1:$((RAFTBUS_PORT + 10 * (victim - 1)))"
        says "OK revision" gateway replicator storage state_machine AppendEntries
        [[ $output =~ n1.*n2|n2.*n1|n1.*n3|n3.*n1|n2.*n3|n3.*n2 ]] || return 1
    done
}

@test "get --trace and no-op --trace" {
    run -0 raftbus get colour --trace
    says gateway
    run -0 raftbus no-op --trace
    says storage
}

@test "shell reads commands from a pipe" {
    run -0 --separate-stderr raftbus shell <<'END'
set greeting "hello there"
get greeting -o text
# a remark

GET greeting -o json
END
    says "OK revision" "hello there" '"found"'
}

@test "shell: the exit code is that of the first line that failed" {
    run -1 raftbus shell <<<$'get no-such-key\nset a 1'
    says "OK revision"
    run -2 raftbus shell <<<$'nonsense\nget no-such-key'
    says "nonsense"
    run -2 raftbus shell <<<'set "open quote'
}

@test "shell: exit leaves" {
    run -0 --separate-stderr raftbus shell <<<$'exit\nnonsense'
    [ -z "$output" ]
}

@test "shell: the menu's five choices" {
    run -0 --separate-stderr raftbus shell <<'END'
menu
1
2
chosen by-menu
3
4
5
get chosen
END
    [[ $output == *by-menu ]] # 5 leads back to the prompt
    says "1  start an election" "2  propose a value" "3  heartbeat" "4  print the log" "5  exit" \
        "leader n" "OK revision" "confirmed by a majority" "Machine ID | Index | Term | Value | Leader Id" by-menu
}

@test "shell: of a long log the menu shows the end" {
    local i
    for i in {1..30}; do echo no-op; done | raftbus shell >/dev/null
    run -0 --separate-stderr raftbus shell <<<$'menu\n4\n5'
    [ "$(grep -c ' | no-op' <<<"$output")" = 20 ]
}

@test "shell on a terminal: Tab after what is not ASCII replaces the word alone" {
    script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no terminal is to be had here"
    raftbus set schlüssel/grün ja
    run python3 "$BATS_TEST_DIRNAME/terminal.py" "$RAFTBUS_BIN" shell -- $'get schlüssel/gr\t' $'\n' $'exit\n'
    grep -q '^ja' <<<"$output" # the right key was read: nothing else of the line is gone
}

@test "tables fit the terminal, and are whole in a pipe" {
    raftbus set wide/key "$(printf 'x%.0s' {1..200})"
    run env COLUMNS=60 python3 "$BATS_TEST_DIRNAME/terminal.py" "$RAFTBUS_BIN" scan wide/ -o table --
    [[ $output == *xx…* ]]
    COLUMNS=60 run -0 raftbus scan wide/ -o table
    [[ $output == *"$(printf 'x%.0s' {1..200})"* ]]
}

@test "shell on a terminal: the prompt has node, role and term" {
    script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no terminal is to be had here"
    run script -qec "$RAFTBUS_BIN" /dev/null <<<$'get no-such-key\nexit'
    [[ $output =~ n[123]\ (leader|follower)\ t[0-9]+\> ]]
}
