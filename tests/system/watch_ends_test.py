"""Watches whose node or client goes, and those behind a real proxy."""

import os
import subprocess
import threading
import unittest

import msgpack
import zmq

from client import Client, NoAnswer
from cluster import PROGRAM, Cluster, eventually


class Proxy:
    """A ROUTER and a DEALER with small queues between clients and one node."""

    def __init__(self, node, queue):
        context = zmq.Context.instance()
        self.front, self.back = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
        for socket in (self.front, self.back):
            socket.linger = 0
            socket.sndhwm = socket.rcvhwm = queue
        self.address = f"tcp://127.0.0.1:{self.front.bind_to_random_port('tcp://127.0.0.1')}"
        self.back.connect(node)
        control = f"inproc://control-{id(self)}"
        self.control, self.steered = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self.steered.bind(control)
        self.control.connect(control)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        zmq.proxy_steerable(self.front, self.back, None, self.steered)

    def close(self):
        self.control.send(b"TERMINATE")
        self.thread.join()
        for socket in (self.front, self.back, self.control, self.steered):
            socket.close()


class Watcher:
    """Compares numbers, and watches again where something is missing, as docs/protocol.md says."""

    def __init__(self, address, prefix):
        self.client = Client(address)
        self.client.socket.disconnect(address)
        self.client.socket.rcvhwm = 10
        self.client.socket.connect(address)
        self.prefix, self.at, self.gaps, self.seen = prefix, {}, 0, []
        self.watch()

    def watch(self):
        self.seq = 0
        self.watching = self.client.send("WATCH", prefix=self.prefix, progress_ms=200, **self.at)

    def take(self):
        reply = self.client.receive()
        if reply["id"] != self.watching:
            return
        if "seq" in reply:
            self.seq += 1
            if reply["seq"] != self.seq:
                self.gaps += 1
                self.client.send_body(msgpack.packb({"op": "CANCEL", "id": self.watching}))
                return self.watch()
        if not reply["ok"]:
            return self.watch()
        if reply.get("watching"):
            self.at = self.at or {"from": reply["revision"] + 1}
        elif reply.get("more"):
            self.at = {"from": reply["revision"], "from_part": reply["part"] + 1}
        else:
            self.at = {"from": reply["revision"] + 1}
        if "event" in reply:
            self.seen.append((reply["revision"], reply["part"]))


class Watches(unittest.TestCase):
    COUNT = 8_000

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(options=["--watches-max", "4", "--watches-per-client-max", "3"])
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.cluster.wait_until_ready()

    def test_1_what_a_proxy_drops_shows_and_is_told_again(self):
        proxy = Proxy(self.cluster.node(1).client, queue=20)
        self.addCleanup(proxy.close)
        watcher = Watcher(proxy.address, b"k")
        self.addCleanup(watcher.client.close)
        while not watcher.at:
            watcher.take()
        with self.cluster.client(2) as writer:
            written = []
            value = os.urandom(500)
            for first in range(0, self.COUNT, 500):
                replies = writer.ask_all(
                    [("TXN", {"then": [{"op": "SET", "key": b"k%d" % i, "value": value},
                                       {"op": "SET", "key": b"k", "value": value}]})
                     for i in range(first, first + 500)])
                written += [(r["revision"], part) for r in replies for part in (0, 1)]
        while len(watcher.seen) < len(written):
            watcher.take()
        self.assertEqual(watcher.seen, sorted(written), "all, in order, none twice")
        self.assertGreater(watcher.gaps, 0, "the proxy has dropped some")

    def test_2_the_command_line_sees_what_a_proxy_drops(self):
        proxy = Proxy(self.cluster.node(1).client, queue=20)
        self.addCleanup(proxy.close)
        revision = self.cluster.ask(1, "NO-OP")["revision"]
        with self.cluster.client(2) as writer:
            writer.ask_all([("SET", {"key": b"c%d" % i, "value": os.urandom(300)})
                            for i in range(3_000)])
        told = subprocess.run([PROGRAM, "watch", "--prefix", "c", "--from", str(revision + 1),
                               "-n", "3000", "-o", "json", "-e", proxy.address],
                              capture_output=True, timeout=120, check=True)
        self.assertEqual(len(set(told.stdout.splitlines())), 3_000)

    def test_3_clients_that_died_behind_a_proxy_leave_their_places(self):
        proxy = Proxy(self.cluster.node(3).client, queue=1000)
        self.addCleanup(proxy.close)
        dead = [Client(proxy.address) for _ in range(3)]
        for client in dead:
            client.send("WATCH", key=b"k", keepalive_ms=1000)
            self.assertTrue(client.receive()["watching"])
        with Client(proxy.address) as another, self.cluster.client(3) as direct:
            self.assertEqual(another.ask("WATCH", key=b"k")["error"], "BUSY")
            direct.send("WATCH", key=b"k")
            self.assertTrue(direct.receive()["watching"], "of another connection")
            self.assertEqual(direct.ask("KEEPALIVE")["watches"], 1)
            for client in dead:
                client.close()
            eventually(lambda: another.ask("WATCH", key=b"k", keepalive_ms=60_000)["ok"],
                       "their places are free")

    def test_4_the_end_of_a_node(self):
        at_the_end = self.cluster.client(3)
        self.addCleanup(at_the_end.close)
        at_the_end.send("WATCH", prefix=b"")
        first = at_the_end.receive()
        self.assertTrue(first["watching"])
        endpoints = ",".join(self.cluster.node(i).client for i in (3, 1, 2))
        follower = subprocess.Popen([PROGRAM, "watch", "r", "-n", "1", "-e", endpoints],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(follower.kill)
        eventually(lambda: at_the_end.ask("STATUS")["clients"] >= 2, "it is connected")
        with self.cluster.client(1) as client:
            eventually(lambda: client.ask("REMOVE", node=3)["ok"], "node 3 is removed")
            while True:
                end = at_the_end.receive()
                if not end["ok"]:
                    break
            self.assertEqual((end["error"], end["executed"]), ("BUSY", "no"))
            self.assertIn("removed", end["message"])
            refused = at_the_end.ask("WATCH", prefix=b"")
            self.assertEqual(refused["error"], "BUSY")
            written = False
            while follower.poll() is None:
                written = client.ask("SET", key=b"r", value=b"after")["ok"] or written
                try:
                    follower.wait(0.2)
                except subprocess.TimeoutExpired:
                    pass
        self.assertIn("after", follower.stdout.read())


if __name__ == "__main__":
    unittest.main()
