#!/usr/bin/env bats
# The simulator as typed, or as a script uses it. No cluster runs here.

load helpers

setup_file() {
    export RAFTBUS_BIN=${RAFTBUS_BIN:-$top/build/raftbus}
    [[ -x $RAFTBUS_BIN ]] || {
        echo "there is no program at $RAFTBUS_BIN: tests/run.sh builds it" >&2
        return 1
    }
}

hash_of() { awk '$1 == "hash" {print $2}' <<<"$1"; }

@test "a run passes, and says so" {
    run -0 --separate-stderr raftbus sim --seed 1 --nodes 3 --duration 5s
    [[ ${lines[0]} == "passed: seed 1, 3 nodes, "* ]]
    says "times as fast"
    [ -z "$stderr" ]
}

@test "without a seed one is drawn, and named" {
    run -0 raftbus sim --nodes 3 --duration 1s
    [[ ${lines[0]} =~ ^passed:\ seed\ [0-9]+, ]]
}

@test "the same seed twice is the same run" {
    local first second other
    first=$(raftbus sim --seed 7 --duration 5s)
    second=$(raftbus sim --seed 7 --duration 5s)
    other=$(raftbus sim --seed 8 --duration 5s)
    [ -n "$(hash_of "$first")" ]
    [ "$(hash_of "$first")" = "$(hash_of "$second")" ]
    [ "$(hash_of "$first")" != "$(hash_of "$other")" ]
}

@test "many seeds end with what they were together" {
    run -0 raftbus sim --seeds 1..6 -j 2 --nodes 3 --duration 2s
    [ "${lines[0]}" = "no failure" ]
    says "6 of 6 (1 to 6)" "virtual seconds"
    run -0 raftbus sim --seeds 1..2 --nodes 3 --duration 1s -o json
    says '"played":2,"failed":0,"failures":[]'
}

@test "json: one object" {
    run -0 --separate-stderr raftbus sim --seed 3 --nodes 5 --duration 1s -o json
    [ "${#lines[@]}" = 1 ]
    says '{"verdict":"passed","what":null,"seed":3,"nodes":5,' '"replay":"raftbus sim --seed 3 --nodes 5 --duration 1s"}'
}

@test "every message, as lines and as a diagram" {
    run -0 raftbus sim --seed 1 --nodes 3 --duration 1s --faults none --trace --type 'RequestVote*'
    says "RequestVote term=1" "RequestVoteReply"
    run -0 raftbus sim --seed 1 --nodes 3 --duration 1s --faults none --trace --type 'RequestVote*' --view diagram
    says n1 n2 n3 RequestVote
}

@test "what is wrong is named, with what was meant" {
    run -2 raftbus sim --faults crsh
    says "--faults crsh" "did you mean crash?"
    run -2 raftbus sim --seeds 9..1
    says "write 1..9"
    run -2 raftbus sim --nodes 0
    says "from 1 to 15"
    run -2 raftbus sim --sede 3
    says "did you mean --seed"
    run -2 raftbus sim --seed 1 --seeds 1..2
    says "exclude each other"
}

@test "a script steps the cluster: the leader dies, writes go on, all heal" {
    run -0 raftbus sim --interactive --seed 1 --nodes 3 <<'SCRIPT'
run 2s
set colour red
elect 1
kill 1
set colour blue
get colour
start 1
cut 1|2,3
set colour green
show
heal
run 1s
get colour
finish
SCRIPT
    says "n1 is killed" "OK revision 2" "blue" "n1 is up" "green" "passed"
    [[ $output == *"s> get colour"*blue* ]]
}

@test "a script's first failure is its exit code" {
    run -2 --separate-stderr raftbus sim --interactive --seed 1 --nodes 3 <<<$'kil 1\nget nothing'
    says "did you mean kill?" "line 1 failed (exit 2)" "line 2 failed (exit 1)"
    run -1 raftbus sim --interactive --seed 1 --nodes 3 <<<'get nothing'
}

@test "Ctrl-C ends it with what was seen so far" {
    local out=$BATS_TEST_TMPDIR/out
    "$RAFTBUS_BIN" sim --seed 1 --faults none --duration 24h --verbose >"$out" 2>&1 &
    local pid=$!
    eventually grep -q "leader of term" "$out"
    kill -INT "$pid"
    local status=0
    wait "$pid" || status=$?
    [ "$status" = 130 ]
    grep -q "^interrupted: seed 1" "$out"
}
