#!/usr/bin/env bats
# The commands as typed, or as a script uses them: what they print, and what they exit with.

load helpers

setup_file() {
    new_home
    cluster up
}
teardown_file() { drop_home; }

# field EXPRESSION: of the JSON on stdin, as `d`.
field() { python3 -c 'import json, sys; print(eval(sys.argv[1], {"d": json.load(sys.stdin)}))' "$1"; }

# ---- data

@test "set, get, delete" {
    run -0 raftbus set colour red
    [[ $output =~ ^OK\ revision\ [0-9]+$ ]]
    run -0 raftbus get colour
    [ "$output" = red ]
    run -0 raftbus delete colour
    run -1 raftbus get colour
}

@test "a key that is not there: nothing on stdout, the reason on stderr, exit 1" {
    run -1 --separate-stderr raftbus get no-such-key
    [ -z "$output" ]
    says "no-such-key" "not found"
    run -1 --separate-stderr raftbus delete no-such-key
    [ -z "$output" ]
}

@test "get prints the bytes and nothing else into a pipe" {
    raftbus set bare value
    [ "$(raftbus get bare | wc -c)" = 5 ]
    raftbus set empty ""
    [ "$(raftbus get empty | wc -c)" = 0 ]
    run -0 raftbus get empty
}

@test "every byte survives, from stdin and from a file" {
    local file=$BATS_TEST_TMPDIR/bytes
    head -c 100000 /dev/urandom >"$file"
    printf '\0\n\r\xff' >>"$file"
    raftbus set from-stdin - <"$file"
    raftbus set from-file "@$file"
    raftbus get from-stdin | cmp - "$file"
    raftbus get from-file | cmp - "$file"
}

@test "values that look like options, files or stdin" {
    run -0 raftbus set negative -5
    [ "$(raftbus get negative)" = -5 ]
    run -0 raftbus set at @@home
    [ "$(raftbus get at)" = @home ]
    run -0 raftbus set dashes -- --dashes
    [ "$(raftbus get dashes)" = --dashes ]
    run -2 raftbus set missing @/no/such/file
    says "/no/such/file"
}

@test "json: strings where they are UTF-8, base64 where not" {
    raftbus set wort grün
    run -0 raftbus get wort -o json
    [ "$(field 'd["value"]' <<<"$output")" = grün ]
    [ "$(field 'd["revision"] > 0' <<<"$output")" = True ]
    printf '\xff\x00' | raftbus set bytes -
    run -0 raftbus get bytes -o json
    [ "$(field 'd["value"]["base64"]' <<<"$output")" = /wA= ]
    run -1 --separate-stderr raftbus get no-such-key -o json
    [ "$(field 'd["found"]' <<<"$output")" = False ]
    run -0 raftbus set k v -o json
    [ "$(field 'd["revision"] > 0' <<<"$output")" = True ]
}

@test "text escapes what does not print" {
    printf 'a\x01\n' | raftbus set control -
    run -0 raftbus get control -o text
    [ "$output" = 'a\x01\x0A' ] || [ "$output" = 'a\x01\x0a' ]
}

@test "conditions" {
    raftbus delete cond || true
    run -0 raftbus set cond 1 --if-absent
    run -1 raftbus set cond 2 --if-absent
    local revision
    revision=$(raftbus get cond -o json | field 'd["revision"]')
    run -0 raftbus set cond 2 --if-revision "$revision"
    run -1 raftbus set cond 3 --if-revision "$revision"
    run -0 raftbus set cond 3 --if-value 2
    run -1 raftbus set cond 4 --if-value 2
    run -1 raftbus delete cond --if-value 2
    [ "$(raftbus get cond)" = 3 ]
    run -0 raftbus delete cond --if-value 3
    run -2 raftbus set cond 1 --if-absent --if-revision 3
}

@test "scan" {
    for key in c a b; do raftbus set "scan/$key" "v$key"; done
    run -0 raftbus scan scan/
    [ "$output" = $'scan/a\tva\nscan/b\tvb\nscan/c\tvc' ]
    run -0 raftbus scan scan/ --keys-only
    [ "$output" = $'scan/a\nscan/b\nscan/c' ]
    run -0 raftbus scan --start scan/a --end scan/c --keys-only
    [ "$output" = $'scan/a\nscan/b' ]
    run -0 --separate-stderr raftbus scan scan/ --limit 1
    [ "$output" = $'scan/a\tva' ]
    says "limit"
    run -0 raftbus scan scan/ -o json
    [ "$(field '[i["value"] for i in d]' <<<"$output")" = "['va', 'vb', 'vc']" ]
    run -0 raftbus scan scan/ -o table
    says revision scan/b
    run -0 raftbus scan no/such/prefix
    [ -z "$output" ]
    run -2 raftbus scan scan/ --start a
}

@test "consistency" {
    raftbus set consistent yes
    run -0 raftbus get consistent --consistency linearizable
    run -0 raftbus scan consist --consistency local
    run -2 raftbus get consistent --consistency lease # this cluster runs without leases
    run -2 raftbus get consistent --consistency eventual
}

@test "a key with a time goes by itself" {
    run -0 raftbus set fleeting v --ttl 300ms
    gone() { ! raftbus get fleeting; }
    eventually gone
    run -0 raftbus set stays v --ttl 10m
    [ "$(raftbus get stays)" = v ]
    run -2 raftbus set k v --ttl 0
    says "--ttl"
    run -2 raftbus set k v --ttl soon
}

@test "txn: one branch or the other, from stdin or a file" {
    local file=$BATS_TEST_TMPDIR/txn.json
    raftbus set stock 3
    cat >"$file" <<'END'
{"if": [{"key": "stock", "value": "3"}],
 "then": [{"op": "SET", "key": "stock", "value": "2"}, {"op": "GET", "key": "stock"},
          {"op": "DELETE", "key": "no-such-key"}, {"op": "SCAN", "prefix": "stock"}],
 "else": [{"op": "GET", "key": "stock"}]}
END
    run -0 raftbus txn "$file"
    [[ ${lines[0]} =~ ^OK\ revision\ [0-9]+$ ]]
    says "set stock" "get stock: 2" "delete no-such-key: was not there" "scan: 1 keys" "stock = 2"
    run -1 raftbus txn - <"$file"
    [[ ${lines[0]} =~ ^ELSE\ revision\ [0-9]+$ ]]
    says "get stock: 2"
    run -1 raftbus txn -o json <"$file"
    [ "$(field 'd["succeeded"], d["results"][0]["value"]' <<<"$output")" = "(False, '2')" ]
    run -0 raftbus txn <<<'{"then": [{"op": "SET", "key": {"base64": "AP8="}, "value": "v"}]}'
    raftbus txn -o json <<<'{"then": [{"op": "SCAN", "prefix": {"base64": "AA=="}}]}' | grep -q AP8=
}

@test "txn: what is wrong is named, exit 2" {
    run -2 raftbus txn <<<'{"if":'
    says "not JSON"
    run -2 raftbus txn <<<'[]'
    run -2 raftbus txn <<<'{"when": []}'
    says "when"
    run -2 raftbus txn <<<'{"then": [{"op": "GET", "key": "k"}, {"op": "STATUS"}]}'
    says "then[1]"
    run -2 raftbus txn /no/such/file
    says "/no/such/file"
    run -2 raftbus shell <<<'txn'
    says "txn FILE"
}

@test "writes are sent in a session, or once without one" {
    local last
    run -0 raftbus set k v --no-retry
    last=${output##* }
    raftbus set k w
    run -0 --separate-stderr raftbus log --from "$last"
    says "session" "set k = w"
    [ "$(grep -c session <<<"$output")" = 1 ]
}

@test "no-op" {
    run -0 raftbus no-op
    [[ $output == "OK revision "* ]]
}

@test "too large is refused with the limit" {
    local key
    key=$(printf 'k%.0s' {1..4097})
    run -2 raftbus set "$key" v
    says 4096
}

# ---- the cluster

@test "status lists every node, in every format" {
    run -0 raftbus status
    says node role term leader commit applied keys digest speaks
    [[ $output != *trouble* ]]
    [ "$(grep -cE '^[123] ' <<<"$output")" = 3 ]
    run -0 raftbus status -o json
    [ "$(field 'sorted(n["node"] for n in d)' <<<"$output")" = "[1, 2, 3]" ]
    [ "$(field '[n["role"] for n in d].count("leader")' <<<"$output")" = 1 ]
    run -0 raftbus status -o table
    says leader follower
}

@test "status by one address finds the others" {
    run -0 raftbus status -e "127.0.0.1:$RAFTBUS_PORT"
    [ "$(grep -cE '^[123] ' <<<"$output")" = 3 ]
}

@test "members" {
    run -0 raftbus members
    says voter "tcp://127.0.0.1:$((RAFTBUS_PORT + 1))" "tcp://127.0.0.1:$((RAFTBUS_PORT + 21))"
    run -0 raftbus members -o json
    [ "$(field 'len(d)' <<<"$output")" = 3 ]
}

@test "members: a plan changes nothing" {
    run -0 raftbus members remove 3 --dry-run
    says "remove n3" "n1,n2" "2"
    run -2 raftbus members replace 3 9
    says "n9 is not a member" "--join"
    run -0 raftbus members -o json
    [ "$(field 'len(d)' <<<"$output")" = 3 ]
}

@test "heartbeat" {
    run -0 raftbus heartbeat
    says "leader n" "majority"
    run -0 raftbus heartbeat -o json
    [ "$(field 'd["leader"] in (1, 2, 3)' <<<"$output")" = True ]
}

@test "elect" {
    local wanted
    wanted=$(a_follower)
    won() { [ "$(raftbus elect "$wanted" -o json | field 'd["leader"]')" = "$wanted" ]; }
    eventually won
    run -0 raftbus elect "n$wanted"
    says "leader n"
    run -2 raftbus elect nobody
    run -2 raftbus elect 99
}

@test "log has its header, and the entries below it" {
    raftbus set logged loudly
    run -0 --separate-stderr raftbus log
    [ "${lines[0]}" = "Machine ID | Index | Term | Value | Leader Id" ]
    says logged loudly
    run -0 --separate-stderr raftbus log --from 1 --limit 2
    [ "${#lines[@]}" = 3 ]
    run -0 --separate-stderr raftbus log -o json --limit 1
    [ "$(field 'len(d)' <<<"$output")" = 1 ]
}

@test "log --all lays the nodes' logs side by side" {
    raftbus set side by-side
    run -0 raftbus log --all --limit 5
    says n1 n2 n3 side
}

# ---- failures

@test "no node reachable: exit 3, and what to do" {
    run -3 --separate-stderr raftbus get k -e 127.0.0.1:1 -t 2s
    [ -z "$output" ]
    says "127.0.0.1:1" "cluster.sh up" "--endpoints"
    run -3 raftbus status -e 127.0.0.1:1 -t 2s
    run -3 raftbus set k v -e 127.0.0.1:1 -t 2s
    run -3 raftbus trace -n 1 -e 127.0.0.1:1 -t 2s
}

@test "a dead node among the endpoints does not matter" {
    run -0 raftbus set k v -e "127.0.0.1:1,127.0.0.1:$RAFTBUS_PORT"
}

@test "the flag wins over the environment" {
    RAFTBUS_ENDPOINTS=127.0.0.1:1 run -0 raftbus set k v -e "127.0.0.1:$RAFTBUS_PORT"
    RAFTBUS_ENDPOINTS=127.0.0.1:1 run -3 raftbus set k v -t 2s
}

@test "endpoints from the user's file" {
    mkdir -p "$BATS_TEST_TMPDIR/raftbus"
    echo "endpoints = 127.0.0.1:$RAFTBUS_PORT" >"$BATS_TEST_TMPDIR/raftbus/config"
    XDG_CONFIG_HOME=$BATS_TEST_TMPDIR run -0 env -u RAFTBUS_ENDPOINTS "$RAFTBUS_BIN" set k v
}

@test "without a majority: 4 for what was not executed, 5 for what is unknown, 0 for what needs none" {
    local lead other
    lead=$(leader)
    for other in 1 2 3; do
        [ "$other" = "$lead" ] || cluster kill "$other"
    done
    run raftbus set k v -t 1s
    [[ $status =~ ^[45]$ ]]
    leaderless() { [ -z "$(leader)" ]; }
    eventually leaderless
    run -4 --separate-stderr raftbus set k v -t 1s
    [ -z "$output" ]
    says "leader"
    run -4 raftbus no-op -t 1s
    run raftbus get k -t 1s
    [[ $status =~ ^[45]$ ]]
    run -0 raftbus get k --consistency local
    run -4 raftbus status
    says unreachable trouble "connection refused" "cannot reach n" "no leader"
    run -4 --separate-stderr raftbus status -o json
    [ "$(field '[len(n["unreachable"]) for n in d if n["ok"]]' <<<"$output")" = "[2]" ]
    logged() { grep -q "$1" "$RAFTBUS_HOME/n$lead.log"; }
    eventually logged "no leader has been heard for"
    eventually logged "cannot be reached: connection refused"
    cluster up
}

@test "wrong usage: exit 2, with what was meant" {
    run -2 --separate-stderr raftbus sett k v
    [ -z "$output" ]
    says "unknown command" "did you mean set"
    run -2 raftbus get k --consistancy local
    says "did you mean --consistency"
    run -2 raftbus status -o jsn
    says "did you mean json"
    run -2 raftbus get
    says "KEY"
    run -2 raftbus set k
    run -2 raftbus set k v extra
    run -2 raftbus status -o raw
    run -2 raftbus get k --endp 127.0.0.1:1
    run -2 raftbus get k -e "no port:x"
    run -2 raftbus get k -t soon
    run -2 raftbus </dev/null
}

# ---- help

@test "help everywhere" {
    for ask in help --help -h; do
        run -0 raftbus "$ask"
        says node sim set get delete no-op txn scan status members log heartbeat elect snapshot trace shell
    done
    for verb in node sim set get delete no-op txn scan status members log heartbeat elect snapshot trace shell help; do
        run -0 raftbus "$verb" --help
        says "$verb" "raftbus $verb"
        local long=$output
        run -0 raftbus help "$verb"
        [ "$output" = "$long" ]
    done
}

@test "--version" {
    run -0 raftbus --version
    [[ $output =~ ^raftbus\ [0-9]+\.[0-9]+ ]]
}

@test "verbs in any case, and under the names that people try" {
    run -0 raftbus GET k
    run -0 raftbus NOOP
}

# ---- node

@test "node refuses what is wrong, and names it" {
    run -2 raftbus node
    says "--id"
    run -2 raftbus node --id 1
    says "--data"
    run -2 raftbus node --id 4 --data "$BATS_TEST_TMPDIR/n" --peers 1=tcp://127.0.0.1:1
    says "node 4" "--peers"
    run -2 raftbus node --id 1 --data "$BATS_TEST_TMPDIR/n" --peers 1=here
    says "--peers"
    run -2 raftbus node --id 1 --data "$BATS_TEST_TMPDIR/n" --peers 1=tcp://127.0.0.1:11 --lease-duration 200ms --fast-failover on
    says "fast-failover"
    run -2 raftbus node --id 1 --data "$BATS_TEST_TMPDIR/n" --peers 1=tcp://127.0.0.1:11 --peer-bind tcp://0.0.0.0:11 --client tcp://0.0.0.0:12
    says "insecure-bind"
    run -2 raftbus node --id 1 --data "$BATS_TEST_TMPDIR/n" --peers 1=tcp://0.0.0.0:11
    says "all addresses of a machine"
}

@test "node's options from a file and from the environment" {
    printf 'id = 2\ndata = /somewhere\n' >"$BATS_TEST_TMPDIR/node.conf"
    RAFTBUS_DATA=/elsewhere run -0 raftbus node --config "$BATS_TEST_TMPDIR/node.conf" --print-config
    says "id = 2" "data = /elsewhere"
    run -2 raftbus node --config "$BATS_TEST_TMPDIR/none.conf"
    says "none.conf"
}

# ---- bench

@test "bench says how many, how fast, and how that is spread" {
    run -0 raftbus bench --in-flight 20 --count 2000 --keys 100
    [[ ${lines[0]} =~ ^[0-9,]+/s\ +2,000\ of\ set\ in\ [0-9.]+\ s$ ]]
    [[ ${lines[1]} =~ p50\ .*p90\ .*p99\ .*p99\.9\ .*max\  ]]
    [[ $output =~ \<\ +[0-9.]+\ (us|ms)\ +[0-9.]+\ % ]]
    says "of a core"
}

@test "bench as JSON: of what is mixed all is counted" {
    run -0 raftbus bench --op mixed --reads 90 --clients 4 --in-flight 5 --count 1000 --keys 50 -o json
    [ "$(field 'd["answered"]' <<<"$output")" = 1000 ]
    [ "$(field 'd["in_flight"]' <<<"$output")" = 20 ]
    [ "$(field 'd["errors"]' <<<"$output")" = "{}" ]
    [ "$(field '0 < d["latency_us"]["p50"] <= d["latency_us"]["p99"] <= d["latency_us"]["max"]' <<<"$output")" = True ]
}

@test "bench reads what it has written before, also at followers alone" {
    run -0 raftbus bench --op get --to followers --count 500 --in-flight 10 --keys 300
    run -0 raftbus bench --op scan --count 20 --keys 300 --scan-limit 50
    run -0 raftbus get key0000000000299 -o json
}

@test "bench with a rate, against the clock" {
    run -0 raftbus bench --rate 200 --seconds 500ms --warm-up 0 --keys 10 -o json
    [ "$(field 'd["answered"]' <<<"$output")" = 100 ]
}

@test "bench refuses what makes no sense" {
    run -2 raftbus bench --clients 0
    says "--clients 0" "from 1 to"
    run -2 raftbus bench --clients 20000 --in-flight 100
    says "too many"
    run -3 raftbus bench -e 127.0.0.1:1 -t 500ms
}
