"""Garbage at the two ROUTERs of a node: it lives, its memory is bounded, it serves. (G1)

Each test throws at the client port and at the peer port alike.
"""

import os
import random
import socket
import struct
import unittest

import msgpack
import zmq

from cluster import eventually
from scene import OnThreeNodes

SEED = os.environ.get("RAFTBUS_MALFORMED_SEED") or str(random.SystemRandom().randrange(10**9))
GROWTH_MAX = 256 << 20  # bytes of memory that no garbage may cost
GREETING = (b"\xff" + b"\0" * 8 + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + b"\0" * 31)


def ready(socket_type):
    """The ZMTP 3 handshake command of a peer of that type."""
    properties = b"".join(bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
                          for name, value in ((b"Socket-Type", socket_type), (b"Identity", b"")))
    body = b"\x05READY" + properties
    return b"\x04" + bytes([len(body)]) + body


class Garbage(OnThreeNodes):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        print(f"malformed: seed {SEED}")

    def setUp(self):
        self.rng = random.Random(f"{SEED}/{self.id()}")
        self.cluster.start()  # those that an earlier test has felled
        self.before = {i: self.cluster.node(i).resident_bytes() for i in self.cluster.numbers()}

    def tearDown(self):
        for i in self.cluster.numbers():
            node = self.cluster.node(i)
            self.assertTrue(node.runs(), f"node {i} lives (seed {SEED})\n{node.log_tail()}")
            self.assertLess(node.resident_bytes() - self.before[i], GROWTH_MAX, f"node {i} (seed {SEED})")
        self.cluster.wait_until_ready()
        for i, client in self.cluster.clients():
            with client:
                client.done("SET", key=b"still", value=b"%d" % i, timeout_ms=20_000)
                self.assertEqual(client.done("GET", key=b"still", timeout_ms=20_000)["value"], b"%d" % i)
        self.cluster.wait_until_equal()

    def ports(self):
        node = self.cluster.node(1)
        return [node.client, node.peer]

    def test_bytes_that_are_no_zeromq(self):
        talk = [b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", b"\0" * 5000, b"\xff" * 5000, b"", b"\n"]
        for address in self.ports():
            for _ in range(300):
                self.throw(address, self.rng.choice(talk + [self.noise(4000)] * 5))

    def test_greeting_then_garbage(self):
        for address in self.ports():
            for _ in range(300):
                self.throw(address, GREETING[:self.rng.randrange(64)] + self.noise(2000))
                self.throw(address, GREETING + self.noise(2000))

    def test_handshake_then_garbage(self):
        for address in self.ports():
            for _ in range(200):
                kind = self.rng.choice([b"DEALER", b"REQ", b"ROUTER", b"PUB", b"NONSENSE", b""])
                self.throw(address, GREETING + ready(kind) + self.noise(2000))

    def test_frames_that_claim_to_be_huge(self):
        for address in self.ports():
            for claim in (1 << 62, (1 << 64) - 1, 1 << 40, 17 << 20, (1 << 31) - 1):
                for flags in (2, 3, 6):
                    self.throw(address, GREETING + ready(b"DEALER") + bytes([flags])
                               + struct.pack(">Q", claim) + self.noise(2000))

    def test_connections_that_say_nothing_and_stay(self):
        silent = [socket.create_connection(self.host(address), 5) for address in self.ports()
                  for _ in range(200)]
        try:
            self.clients[1].done("SET", key=b"k", value=b"v")
        finally:
            for connection in silent:
                connection.close()

    def test_frames_of_garbage(self):
        for address in self.ports():
            with self.dealer(address) as dealer:
                for _ in range(3000):
                    dealer.send_multipart([self.noise(300) for _ in range(self.rng.randrange(1, 8))])
                    self.drain(dealer)

    def test_bodies_of_garbage(self):
        """Sent as the protocol wants, so each of them is answered."""
        client = self.clients[1]
        bodies = [self.garbled() for _ in range(3000)]
        for body in bodies:
            client.send_body(body)
        for _ in bodies:
            self.assertIn(self.answer(client.receive_frames()[-1])["ok"], (True, False))

    @staticmethod
    def answer(body):
        """The reply without its `id`, which comes back as it was sent and need not make sense."""
        fields, unpacker = {}, msgpack.Unpacker(raw=False)
        unpacker.feed(body)
        for _ in range(unpacker.read_map_header()):
            name = unpacker.unpack()
            if name == "id":
                unpacker.skip()
            else:
                fields[name] = unpacker.unpack()
        return fields

    def test_peer_messages_garbled(self):
        """What nodes send each other begins with a preamble, then msgpack: both cut, flipped, nested."""
        with self.dealer(self.cluster.node(1).peer) as dealer:
            for _ in range(3000):
                frames = [self.garbled() for _ in range(self.rng.randrange(1, 5))]
                if self.rng.random() < 0.3:
                    frames.insert(0, b"")
                dealer.send_multipart(frames)
                self.drain(dealer)

    def test_recorded_peer_messages_repeated_and_broken(self):
        """Real messages of a node, late, again, cut and shuffled. No bit of them is flipped: a
        message that is well formed and lies is beyond what Raft can bear."""
        recorded = self.record_peer_messages()
        self.assertTrue(recorded)
        for i in self.cluster.numbers():
            for _ in range(40):
                with self.dealer(self.cluster.node(i).peer) as dealer:
                    for _ in range(40):
                        dealer.send_multipart(self.broken(self.rng.choice(recorded)))

    def broken(self, frames):
        frames = list(frames)
        at = self.rng.randrange(len(frames))
        how = self.rng.choice(["not at all", "cut", "longer", "shuffled", "one less", "one more"])
        if how == "cut":
            frames[at] = frames[at][:self.rng.randrange(len(frames[at]) or 1)]
        elif how == "longer":
            frames[at] += self.noise(50)
        elif how == "shuffled":
            self.rng.shuffle(frames)
        elif how == "one less" and len(frames) > 1:
            del frames[at]
        elif how == "one more":
            frames.insert(at, self.noise(50))
        return frames

    def record_peer_messages(self):
        """What node 3 says to node 2 when another program sits at node 2's address."""
        two = self.cluster.node(2)
        two.kill()
        recorded = []
        with zmq.Context.instance().socket(zmq.ROUTER) as ear:
            ear.linger = 0
            eventually(lambda: self.bound(ear, two.peer), "the address is free")
            while len(recorded) < 200 and ear.poll(3000):
                recorded.append(ear.recv_multipart()[1:])
        self.cluster.start(2)
        self.cluster.wait_until_ready()
        return recorded

    @staticmethod
    def bound(ear, address):
        try:
            ear.bind(address)
            return True
        except zmq.ZMQError:
            return False

    def host(self, address):
        host, port = address.removeprefix("tcp://").split(":")
        return host, int(port)

    def throw(self, address, data):
        """Sends raw bytes; the node may hang up at any moment."""
        with socket.create_connection(self.host(address), 5) as connection:
            try:
                connection.sendall(data)
                if self.rng.random() < 0.2:
                    connection.settimeout(0.01)
                    connection.recv(1000)
            except OSError:
                pass

    def dealer(self, address):
        dealer = zmq.Context.instance().socket(zmq.DEALER)
        dealer.linger = 1000
        dealer.connect(address)
        return dealer

    @staticmethod
    def drain(dealer):
        while dealer.poll(0):
            dealer.recv_multipart()

    def noise(self, size_max):
        return self.rng.randbytes(self.rng.randrange(size_max))

    def garbled(self):
        roll = self.rng.random()
        body = msgpack.packb(self.request())
        if roll < 0.25:
            return body[:self.rng.randrange(len(body))]
        if roll < 0.6:
            return self.flip(body)
        if roll < 0.7:
            return b"\x91" * self.rng.randrange(1, 20_000) + body
        if roll < 0.8:
            return self.rng.choice([b"\xdd\xff\xff\xff\xff", b"\xdf\x7f\xff\xff\xff", b"\xc6\xff\xff\xff\xf0",
                                    b"\xdb\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01"]) + body
        if roll < 0.9:
            return body + self.noise(20)
        return self.noise(200)

    def flip(self, data):
        flipped = bytearray(data)
        for _ in range(self.rng.randrange(1, 4)):
            if flipped:
                flipped[self.rng.randrange(len(flipped))] = self.rng.randrange(256)
        return bytes(flipped)

    def request(self):
        any_value = [None, True, -1, 2**64 - 1, 1.5, "x", b"x" * 100, [1], {"a": 1}, {}, []]
        fields = ["key", "value", "if_revision", "if_value", "prefix", "start", "end", "limit", "node",
                  "timeout_ms", "consistency", "from", "keys_only", "id", "session", "seq", "ttl_ms"]
        request = {"op": self.rng.choice(["SET", "GET", "DELETE", "SCAN", "LOG", "STATUS", "HEARTBEAT",
                                          "MEMBERS", "NO-OP", "WATCH", "CANCEL", "SESSION", "TXN",
                                          ""])}
        for field in self.rng.sample(fields, self.rng.randrange(6)):
            request[field] = self.rng.choice(any_value)
        if request["op"] == "TXN":
            for part in self.rng.sample(["if", "then", "else"], self.rng.randrange(4)):
                maps = [{name: self.rng.choice(["SET", "GET", "SCAN", *any_value])
                         for name in self.rng.sample(["op", "revision", "present", *fields], 3)}
                        for _ in range(self.rng.randrange(4))]
                request[part] = self.rng.choice([maps, *any_value])
        request.setdefault("timeout_ms", 500)
        return request


if __name__ == "__main__":
    unittest.main()
