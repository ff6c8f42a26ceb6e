#!/usr/bin/env bash
# msgpackr 1.12.1 (npm): whole numbers of 2^32 and more are packed as floats, and `undefined` as an
# extension of type 0, though msgpack has integers of 64 bits and nil.
#
# A receiver with types, which wants an integer, refuses the number, although JavaScript has it exactly (up to
# 2^53); @msgpack/msgpack 3.1.3 packs the same values as uint 64 and nil. A BigInt is packed as an integer.
#
# Seen (cb: float 64, cf: uint 64, ce: uint 32, d3: int 64, d4 00: extension of type 0, c0: nil):
#   4294967295  msgpackr ceffffffff          @msgpack/msgpack ceffffffff
#   4294967296  msgpackr cb41f0000000000000  @msgpack/msgpack cf0000000100000000
#   4294967296n msgpackr d30000000100000000
#   undefined   msgpackr d40000              @msgpack/msgpack c0
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix . msgpackr@1.12.1 @msgpack/msgpack@3.1.3 >/dev/null
cat >seen.mjs <<'END'
import { encode } from "@msgpack/msgpack";
import { pack } from "msgpackr";

const hex = (bytes) => Buffer.from(bytes).toString("hex");
for (const value of [2 ** 32 - 1, 2 ** 32, undefined]) console.log(String(value), hex(pack(value)), hex(encode(value)));
console.log("BigInt", hex(pack(2n ** 32n)));
END
seen=$(timeout 60 node seen.mjs)
echo "$seen"
[ "$seen" = "4294967295 ceffffffff ceffffffff
4294967296 cb41f0000000000000 cf0000000100000000
undefined d40000 c0
BigInt d30000000100000000" ] || {
    echo "this has changed" >&2
    exit 1
}
