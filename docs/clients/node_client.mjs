// A raftbus client. Needs: npm install zeromq @msgpack/msgpack. Usage: node node_client.mjs [tcp://host:port]
import { Request } from "zeromq";
import { decode, encode } from "@msgpack/msgpack";

const socket = new Request({ relaxed: true, correlate: true, receiveTimeout: 10_000, linger: 0 });
socket.connect(process.argv[2] ?? "tcp://127.0.0.1:7238");

async function ask(op, fields) {
  await socket.send(encode({ op, ...fields }));
  const [body] = await socket.receive();
  return decode(body);
}

console.log(await ask("SET", { key: "colour", value: Buffer.from("red") }));
console.log(await ask("GET", { key: "colour" }));
