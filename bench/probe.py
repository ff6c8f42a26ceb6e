"""Asks nodes from outside, for compare.sh: how long until they answer, how many they serve.

Owns: the connections. Must not know: how nodes are started. Prints what was measured, or fails.

    probe.py failover PID ENDPOINT...      kills PID; ms until one of ENDPOINTs acknowledges a write
    probe.py serving ENDPOINT              "ready", then when a linearizable read was answered
    probe.py redis-serving PORT            the same of a Redis
    probe.py connections ENDPOINT PID N WATCHES
"""

import itertools
import os
import select
import signal
import socket
import statistics
import struct
import sys
import time

import msgpack
import zmq

PATIENCE = 60  # seconds, then nothing comes any more
ATTEMPT = 0.1  # seconds until a request is sent again


def microseconds():
    return time.time_ns() // 1000


class Node:
    """A DEALER that is connected again at once."""

    def __init__(self, endpoint):
        self.numbers = itertools.count(1)
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.reconnect_ivl = 1
        self.socket.connect(endpoint)

    def send(self, op, **fields):
        number = next(self.numbers)
        body = msgpack.packb({"op": op, "id": number, "timeout_ms": 1000 * PATIENCE, **fields})
        self.socket.send_multipart([b"", body])
        return number

    def receive(self, seconds):
        """A reply, or None."""
        if not self.socket.poll(max(0, seconds * 1000)):
            return None
        return msgpack.unpackb(self.socket.recv_multipart()[1])

    def ask(self, op, seconds=PATIENCE, **fields):
        number = self.send(op, **fields)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            reply = self.receive(left)
            if reply and reply["id"] == number:
                return reply
        return None


def failover(pid, *endpoints):
    nodes = [Node(endpoint) for endpoint in endpoints]
    for node in nodes:
        if not node.ask("SET", key="failover", value="before")["ok"]:
            raise SystemExit("no write was acknowledged before the kill")
    process = os.pidfd_open(int(pid))
    killed = time.monotonic()
    os.kill(int(pid), signal.SIGKILL)
    select.select([process], [], [])  # not that the dead leader acknowledges it
    print(f"{1000 * (first_write(nodes) - killed):.1f}")


def first_write(nodes):
    """When a node acknowledged one. Every node is asked again when it refuses, or says nothing."""
    poller = zmq.Poller()
    begun = time.monotonic()
    sent = {}
    for node in nodes:
        poller.register(node.socket, zmq.POLLIN)
    while (now := time.monotonic()) - begun < PATIENCE:
        for node in nodes:
            if now - sent.get(node, 0) >= ATTEMPT:
                node.send("SET", key="failover", value="after")
                sent[node] = now
        poller.poll(5)
        for node in nodes:
            while reply := node.receive(0):
                if reply["ok"]:
                    return time.monotonic()
                sent[node] = 0
    raise SystemExit("no write was acknowledged after the kill")


def serving(endpoint):
    print("ready", flush=True)
    node = Node(endpoint)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        reply = node.ask("GET", key="key0000000000000", timeout_ms=int(1000 * ATTEMPT))
        if reply and reply["ok"]:
            print(microseconds())
            return
        time.sleep(0.001)
    raise SystemExit("no read was answered")


def redis_serving(port):
    print("ready", flush=True)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", int(port)), timeout=PATIENCE) as link:
                while True:
                    link.sendall(b"GET key:000000000000\r\n")
                    if link.recv(4096).startswith(b"$64"):
                        print(microseconds())
                        return
                    time.sleep(0.001)
        except OSError:
            time.sleep(0.001)
    raise SystemExit("no read was answered")


# ---- many connections: a descriptor each, so no ZeroMQ on this side


class Link:
    """A DEALER's connection, by hand: ZMTP 3.0 without security."""

    GREETING = (b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        self.buffer = b""

    def begin(self):
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
        self.socket.sendall(self.GREETING + bytes([4, len(ready)]) + ready)

    def read(self, count):
        while len(self.buffer) < count:
            got = self.socket.recv(65536)
            if not got:
                raise SystemExit("the node closed a connection")
            self.buffer += got
        got, self.buffer = self.buffer[:count], self.buffer[count:]
        return got

    def frame(self):
        flags, size = self.read(1)[0], self.read(1)
        if flags & 2:
            size += self.read(7)
        return flags, self.read(int.from_bytes(size, "big"))

    def greeted(self):
        self.read(64)
        self.frame()

    def send(self, **fields):
        body = msgpack.packb(fields)
        self.socket.sendall(b"\x01\x00" + bytes([0, len(body)]) + body)

    def receive(self):
        """The next reply; commands of the protocol in between are passed over."""
        while True:
            flags, body = self.frame()
            if not flags & 4 and body:
                return msgpack.unpackb(body)


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def connect(address, count, abreast=100):
    links = []
    while len(links) < count:
        some = [Link(address) for _ in range(min(abreast, count - len(links)))]
        for link in some:
            link.begin()
        for link in some:
            link.greeted()
        links += some
    return links


def connections(endpoint, pid, count, watches):
    host, port = endpoint.removeprefix("tcp://").split(":")
    count, watches = int(count), int(watches)
    before = resident_kib(pid)
    links = connect((host, int(port)), count)
    for link in links:
        link.send(op="GET", id=1, key="key0000000000000")
    for link in links:
        if not link.receive()["ok"]:
            raise SystemExit("a connection was not served")
    connected = resident_kib(pid)
    print("connections", count)
    print("connection_KiB", f"{(connected - before) / count:.1f}")
    for number, link in enumerate(links[:watches]):
        link.send(op="WATCH", id=2, prefix="watched")
        if not link.receive()["ok"]:
            raise SystemExit(f"{number} watches were begun, and no more")
    print("watches", watches)
    print("watch_KiB", f"{(resident_kib(pid) - connected) / watches:.1f}")
    print("all_told_ms", f"{statistics.median(told(links, watches) for _ in range(5)):.1f}")


def told(links, watches):
    """Milliseconds from sending a write until the last watch was told of it."""
    begun = time.monotonic()
    links[-1].send(op="SET", id=3, key="watched", value="now")
    for link in links[:watches]:
        if link.receive().get("event") != "set":
            raise SystemExit("a watch was not told")
    elapsed = 1000 * (time.monotonic() - begun)
    if not links[-1].receive()["ok"]:
        raise SystemExit("the write was not acknowledged")
    return elapsed


def main():
    works = {"failover": failover, "serving": serving, "redis-serving": redis_serving,
             "connections": connections}
    if len(sys.argv) < 3 or sys.argv[1] not in works:
        raise SystemExit(__doc__)
    works[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
