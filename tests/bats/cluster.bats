#!/usr/bin/env bats
# launch/cluster.sh, as somebody would use it.

load helpers

setup_file() { new_home; }
teardown_file() { drop_home; }

# Most tests want three nodes that serve; what an earlier one broke is mended here.
healthy() {
    local i
    for i in 1 2 3; do
        cluster resume "$i" >/dev/null 2>&1 || true
    done
    cluster up >/dev/null
}

@test "before the first up: status, kill and logs say what to type, down and wipe are harmless" {
    run -1 cluster status
    says "there is no cluster" "up"
    run -1 cluster kill 1
    says "up"
    run -1 cluster logs 1
    run -0 cluster down
    run -0 cluster wipe
}

@test "up starts three nodes, waits for a leader, says where they are and what to type" {
    run -0 cluster up
    says "n1  clients 127.0.0.1:$RAFTBUS_PORT  peers 127.0.0.1:$((RAFTBUS_PORT + 1))" \
        "n3  clients 127.0.0.1:$((RAFTBUS_PORT + 20))" "trace 127.0.0.1:$((RAFTBUS_PORT + 3))" \
        "leads" "set greeting hello" "export RAFTBUS_ENDPOINTS=$RAFTBUS_ENDPOINTS"
    run -0 raftbus set greeting hello
    run -0 raftbus get greeting
    [ "$output" = hello ]
}

@test "up again changes nothing" {
    healthy
    local before
    before=$(pid_of 1)-$(pid_of 2)-$(pid_of 3)
    run -0 cluster up
    [ "$(pid_of 1)-$(pid_of 2)-$(pid_of 3)" = "$before" ]
    run -0 cluster up 3
    [ "$(pid_of 1)-$(pid_of 2)-$(pid_of 3)" = "$before" ]
}

@test "up starts only the nodes that are down" {
    healthy
    local one two
    one=$(pid_of 1) two=$(pid_of 2)
    cluster kill 2
    run -0 cluster up
    [ "$(pid_of 1)" = "$one" ]
    [ "$(pid_of 2)" != "$two" ]
}

@test "up with another number of nodes is refused, with the way to it" {
    healthy
    run -1 cluster up 5
    says "3 nodes" "down" "wipe" "up 5"
    run -0 cluster status
}

@test "the nodes outlive the script's session and hold nothing of it open" {
    healthy
    local pid
    pid=$(pid_of 1)
    [ "$(readlink "/proc/$pid/fd/0")" = /dev/null ]
    [ "$(readlink "/proc/$pid/fd/1")" = "$RAFTBUS_HOME/n1.log" ]
    run -1 bash -c "ls -l /proc/$pid/fd | grep -F '$RAFTBUS_HOME/lock'"
    [ "$(awk '{print $6}' "/proc/$pid/stat")" = "$pid" ] # leads a session of its own
}

@test "status tells who runs, who is paused, who is down, and who leads" {
    healthy
    run -0 cluster status
    says "n1  running" "n2  running" "n3  running" "leads"
    local victim
    victim=$(a_follower)
    cluster kill "$victim"
    run -0 cluster status
    says "n$victim  down" "start $victim"
    cluster start "$victim"
    cluster pause "$victim"
    run -0 cluster status
    says "n$victim  paused" "resume $victim"
}

@test "kill is a crash: the process is gone at once, the others go on, and again is harmless" {
    healthy
    local victim pid
    victim=$(leader)
    pid=$(pid_of "$victim")
    run -0 cluster kill "$victim"
    says "killed"
    [ ! -d "/proc/$pid" ] || grep -q '^State:.*Z' "/proc/$pid/status"
    run -0 raftbus set after-kill yes
    run -0 cluster kill "$victim"
    says "does not run"
    run -0 cluster start "$victim"
    run -0 raftbus get after-kill -e "127.0.0.1:$((RAFTBUS_PORT + 10 * (victim - 1)))"
    [ "$output" = yes ]
}

@test "stop is orderly, start again is harmless" {
    healthy
    local victim
    victim=$(leader)
    run -0 cluster stop "$victim"
    says "stopped"
    run -0 raftbus set after-stop yes
    run -0 cluster stop "$victim"
    says "does not run"
    run -0 cluster start "$victim"
    run -0 cluster start "$victim"
    says "runs already"
}

@test "a paused leader is replaced, and follows once it goes on" {
    healthy
    local victim
    victim=$(leader)
    run -0 cluster pause "$victim"
    run -0 cluster pause "$victim"
    eventually raftbus set after-pause yes -t 2s
    run -1 cluster start "$victim"
    says "paused" "resume $victim"
    run -0 cluster resume "$victim"
    run -0 cluster resume "$victim"
    follows() { raftbus status -o text | awk -v n="$victim" '$1 == n && $2 == "follower" {ok = 1} END {exit !ok}'; }
    eventually follows
}

@test "pause and resume of a node that is down say to start it" {
    healthy
    cluster stop 3
    run -1 cluster pause 3
    says "start 3"
    run -1 cluster resume 3
    says "start 3"
}

@test "logs shows the node's own words" {
    healthy
    run -0 cluster logs 2
    [ -n "$output" ]
    run -2 cluster logs 2 --follow
}

@test "without a majority: status and up say so and fail" {
    healthy
    cluster kill 1
    cluster pause 2
    eventually eval '! cluster status'
    run -1 cluster status
    says "nobody leads"
    run -0 cluster resume 2
    run -0 cluster up
}

@test "a pid that now is another process is left alone" {
    healthy
    cluster kill 2
    sleep 300 &
    local bystander=$!
    echo "$bystander" >"$RAFTBUS_HOME/n2.pid"
    run -0 cluster kill 2
    says "does not run"
    run -0 cluster stop 2
    kill -0 "$bystander"
    cluster start 2
    [ "$(pid_of 2)" != "$bystander" ]
    kill "$bystander"
}

@test "rubbish in a pid file is no process" {
    healthy
    cluster kill 2
    for rubbish in "" "-1" "1" "x y" "99999999"; do
        echo "$rubbish" >"$RAFTBUS_HOME/n2.pid"
        run -0 cluster kill 2
        says "does not run"
    done
    cluster start 2
}

@test "down stops paused nodes too and keeps the data; up brings it back" {
    healthy
    raftbus set kept yes
    cluster pause 1
    run -0 cluster down
    run -0 cluster down
    says "no node runs"
    run -3 raftbus get kept -t 1s
    run -0 cluster up
    run -0 raftbus get kept
    [ "$output" = yes ]
}

@test "wipe refuses while nodes run, then leaves nothing, and again is harmless" {
    healthy
    touch "$RAFTBUS_HOME/somebody-elses"
    run -1 cluster wipe
    says "down"
    cluster down
    run -0 cluster wipe
    [ "$(ls "$RAFTBUS_HOME")" = somebody-elses ]
    rm "$RAFTBUS_HOME/somebody-elses"
    run -0 cluster wipe
    run -0 cluster up
    run -1 raftbus get kept
}

@test "RAFTBUS_PORT of a running cluster is remembered, and another one is refused" {
    healthy
    run -0 env -u RAFTBUS_PORT "$top/launch/cluster.sh" status
    RAFTBUS_PORT=$((RAFTBUS_PORT + 1000)) run -1 cluster status
    says "RAFTBUS_PORT"
}

@test "a port that another program holds is named before anything is started" {
    cluster down
    cluster wipe
    python3 -c '
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(); time.sleep(60)' "$((RAFTBUS_PORT + 10))" 3>&- &
    local holder=$!
    until (: <"/dev/tcp/127.0.0.1/$((RAFTBUS_PORT + 10))") 2>/dev/null; do :; done
    run -1 cluster up
    kill "$holder"
    [[ $output == *"port $((RAFTBUS_PORT + 10)), which node 2 needs, is taken by another program"* ]]
    cluster down
    cluster wipe
}

@test "up fails with the log's tail when a node ends at once" {
    healthy
    cluster down
    RAFTBUS_NODE_OPTIONS=--no-such-option run -1 cluster up
    says "no-such-option" "its log ends as above"
    run -0 cluster up
}

@test "one node is a cluster too" {
    cluster down
    local home=$RAFTBUS_HOME
    RAFTBUS_HOME=$(mktemp -d "${RAFTBUS_TEST_CLUSTERS:-$BATS_FILE_TMPDIR}/XXXXXX")
    run -0 cluster up 1
    run -0 raftbus set alone yes -e "127.0.0.1:$RAFTBUS_PORT"
    run -0 cluster down
    run -0 cluster wipe
    [ ! -e "$RAFTBUS_HOME" ]
    RAFTBUS_HOME=$home
}

@test "wrong usage: exit 2, with where to look" {
    for wrong in "fly" "up zero" "up 0" "up 10" "up 3 4" "kill" "kill x" "kill 0" "kill 4" "kill 1 2" \
        "start" "pause 7" "down now" "wipe all" "status 1" "logs"; do
        # shellcheck disable=SC2086
        run -2 cluster $wrong
        says "help"
    done
    RAFTBUS_PORT=80 run -2 cluster up
    RAFTBUS_PORT=40000 run -2 cluster up
}

@test "help names every command" {
    for ask in "help" "--help" "-h" ""; do
        # shellcheck disable=SC2086
        run -0 cluster $ask
        says up down status kill stop start pause resume logs wipe RAFTBUS_HOME RAFTBUS_PORT RAFTBUS_BIN \
            RAFTBUS_NODE_OPTIONS
    done
}

@test "works from any directory, and with a home that is a relative path" {
    cluster down
    cd "$BATS_TEST_TMPDIR"
    RAFTBUS_HOME=here run -0 cluster up 1
    [ -d "$BATS_TEST_TMPDIR/here/n1" ]
    RAFTBUS_HOME=here run -0 cluster down
}
