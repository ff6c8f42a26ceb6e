#!/usr/bin/env bash
# zeromq.js 6.8.0 (npm `zeromq`): an awaited send() does not copy a buffer of more than 128 bytes.
#
# The promise of send() is fulfilled when the message is queued. A message of up to 128 bytes has been
# copied by then. A longer one is sent later from the very buffer that the caller gave: what the caller
# writes into it after the `await` is what the other side receives.
#
# Seen: 128 a     (what was in the buffer at the send)
#       129 b     (what was written into it afterwards)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --prefix . zeromq@6.8.0 >/dev/null
cat >seen.mjs <<'END'
import { Dealer, Router } from "zeromq";

let port = 20000 + (process.pid % 10000);
for (const size of [128, 129]) {
  const endpoint = `tcp://127.0.0.1:${port++}`;
  const client = new Dealer({ linger: 0 });
  client.connect(endpoint); // nobody listens yet, so the message waits
  const buffer = Buffer.alloc(size, "a");
  await client.send(buffer);
  buffer.fill("b");
  const server = new Router({ linger: 0, receiveTimeout: 10_000 });
  await server.bind(endpoint);
  const [, body] = await server.receive();
  console.log(size, String.fromCharCode(body[0]));
  server.close();
  client.close();
}
process.exit(0);
END
seen=$(timeout 60 node seen.mjs)
echo "$seen"
[ "$seen" = $'128 a\n129 b' ] || {
    echo "this has changed" >&2
    exit 1
}
