"""O1: more is asked of a cluster than it can do, and by clients that do not read. What is over a limit
is refused at once, nobody is elected, nothing grows, and nothing of it is left afterwards."""

import threading
import unittest

import zmq

from client import NO, Client
from cluster import Cluster, eventually

MIB = 1 << 20

# Nobody is elected unless heartbeats fail to come for longer than any machine is slow.
PATIENT = ["--election-timeout", "10s-12s", "--storage-stall", "30s"]


def lazy_client(cluster, number):
    """One whose replies stay in the node and in the network's own buffers."""
    client = cluster.client(number)
    client.close()
    client.socket = zmq.Context.instance().socket(zmq.DEALER)
    client.socket.linger = 0
    client.socket.sndhwm = 0
    client.socket.rcvhwm = 1
    client.socket.connect(client.address)
    return client


def nothing_is_left(cluster, number):
    status = cluster.status(number)
    return status and status["in_flight"] == 1 and status["unread_bytes"] == 0  # STATUS itself


class Connections(unittest.TestCase):
    def test_who_is_too_many_is_served_when_others_leave(self):
        limit = 50
        # One more, for whoever asks STATUS.
        with Cluster(size=1, options=["--connections-max", str(limit + 1)]) as cluster:
            cluster.wait_until_ready()
            clients = [cluster.client(1) for _ in range(limit + 10)]
            try:
                for client in clients:
                    client.send("NO-OP", timeout_ms=60_000)
                served = set()

                def look():
                    served.update(i for i, c in enumerate(clients) if c.socket.poll(0))
                    return len(served) >= limit and cluster.status(1)["clients_refused"] >= 10

                eventually(look, lambda: f"{len(served)} are served, the others are refused")
                self.assertEqual(len(served), limit)
                self.assertLessEqual(cluster.status(1)["clients"], limit + 1)
                self.assertIn("refused a client", cluster.node(1).log_tail())
                leaving = sorted(served)[:10]
                for i in leaving:
                    clients[i].close()
                waiting = [c for i, c in enumerate(clients) if i not in served]
                eventually(lambda: all(c.socket.poll(0) for c in waiting),
                           "those who were too many are served")
                for client in waiting:
                    self.assertTrue(client.receive()["ok"])
            finally:
                for client in clients:
                    client.close()


class Load(unittest.TestCase):
    def test_ten_times_more_than_fits(self):
        options = ["--requests-max", "500", "--requests-per-client-max", "100"] + PATIENT
        with Cluster(options=options) as cluster:
            leader = cluster.wait_until_ready()
            term = cluster.status(leader)["term"]
            counts = {"ok": 0, "BUSY": 0}
            lock = threading.Lock()

            def flood(number):
                # Each has ten times as many under way as it may.
                with Client(cluster.node(number).client) as client:
                    requests = [("SET", dict(key=b"k%d" % i, value=b"v" * 100))
                                for i in range(1000)]
                    for _ in range(10):
                        for reply in client.ask_all(requests):
                            kind = "ok" if reply["ok"] else reply["error"]
                            assert reply["ok"] or reply["executed"] == NO, reply
                            with lock:
                                counts[kind] = counts.get(kind, 0) + 1

            threads = [threading.Thread(target=flood, args=(i,))
                       for i in cluster.numbers() for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(set(counts), {"ok", "BUSY"}, counts)
            self.assertEqual(sum(counts.values()), 9 * 10_000)
            self.assertGreater(counts["ok"], 0)
            self.assertGreater(counts["BUSY"], 0)
            for i in cluster.numbers():
                eventually(lambda i=i: nothing_is_left(cluster, i), f"node {i} has nothing to do")
                self.assertEqual(cluster.status(i)["term"], term, "nobody was elected")
            cluster.wait_until_equal()

    def test_frames_of_its_own_do_not_make_a_client_many(self):
        with Cluster(size=1, options=["--requests-per-client-max", "10"]) as cluster:
            cluster.wait_until_ready()
            cluster.node(1)
            with cluster.client(1) as client:
                from client import pack, unpack
                for i in range(200):
                    client.send_frames(b"%d" % i, b"",
                                       pack({"op": "SET", "key": b"k", "value": b"v", "id": i}))
                replies = [unpack(client.receive_frames()[2]) for _ in range(200)]
            busy = [r for r in replies if not r["ok"]]
            self.assertTrue(busy)
            self.assertEqual({r["error"] for r in busy}, {"BUSY"})


class LazyReaders(unittest.TestCase):
    def test_what_they_do_not_read_is_not_read_from_the_state_either(self):
        options = ["--unread-bytes-max", "64MiB", "--unread-bytes-per-client-max", "16MiB"] + PATIENT
        with Cluster(options=options) as cluster:
            leader = cluster.wait_until_ready()
            term = cluster.status(leader)["term"]
            with cluster.client(leader) as client:
                for i in range(16):
                    client.done("SET", key=b"large%d" % i, value=b"v" * MIB)
            before = cluster.node(leader).resident_bytes()
            lazy = [lazy_client(cluster, leader) for _ in range(8)]
            try:
                asked = 150  # 8 of them ask for 1.2 GB
                for client in lazy:
                    for i in range(asked):
                        client.send("GET", key=b"large%d" % (i % 16), timeout_ms=600_000)
                eventually(lambda: cluster.status(leader)["unread_bytes"] > 0, "they do not read")
                # Others are served meanwhile, large values, too.
                with cluster.client(leader) as client:
                    for _ in range(20):
                        client.done("SET", key=b"small", value=b"v")
                        self.assertEqual(len(client.done("GET", key=b"large1")["value"]), MIB)
                grown = cluster.node(leader).resident_bytes() - before
                self.assertLess(grown, 512 * MIB)
                for client in lazy:
                    for _ in range(asked):
                        self.assertEqual(len(client.receive()["value"]), MIB)
                    self.assertEqual(client.ask("GET", key=b"large1")["ok"], True, "well again")
            finally:
                for client in lazy:
                    client.close()
            for i in cluster.numbers():
                eventually(lambda i=i: nothing_is_left(cluster, i), f"node {i} has nothing to do")
                self.assertEqual(cluster.status(i)["term"], term, "nobody was elected")


if __name__ == "__main__":
    unittest.main()
