#!/usr/bin/env bash
# shard.sh: runs one part of a test program's tests, and shows what they print if one fails.
#
# Owns: one run of one program. Must not know: how many parts run at the same time.
#
# usage: tests/shard.sh PROGRAM SHARD SHARDS DIRECTORY
#   SHARD is from 0; DIRECTORY gets NAME.SHARD.xml, unless the program does not come to its end.
set -euo pipefail

program=$1 shard=$2 shards=$3 directory=$4
name=$(basename "$program").$shard
log=$directory/$name.log

status=0
GTEST_SHARD_INDEX=$shard GTEST_TOTAL_SHARDS=$shards timeout 600 "$program" \
    --gtest_output="xml:$directory/$name.xml" >"$log" 2>&1 </dev/null || status=$?
if ((status == 0)); then
    echo "ok      $name: $(grep -oE '^\[==========\] [0-9]+ tests?' "$log" | tail -n 1 | grep -oE '[0-9]+') tests"
    exit 0
fi
echo "failed  $name, exit $status"
[[ -f $directory/$name.xml ]] && {
    grep -E '^\[  FAILED  \]' "$log" | sort -u
    grep -B 20 -E '^\[  FAILED  \] .*\([0-9]+ ms\)$' "$log" | head -n 200
    exit 0
}
tail -n 100 "$log"
