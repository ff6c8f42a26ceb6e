"""What one turn of a node's main thread costs, for each kind of request that could make it long. While
a turn lasts no heartbeat leaves. Asserted is counted work (`most_work` in STATUS), which is the same on
every machine; the time is only told."""

import unittest

from client import NO
from cluster import Cluster, eventually

KEYS = 60_000
# Two budgets of a burst, and the step by which each may be exceeded (storage/work.hpp).
MOST_WORK = 2 * (60_000 + 70_000)
PATIENT = ["--election-timeout", "10s-12s", "--storage-stall", "30s"]


def key(i):
    return b"q/%08d" % i


def pipeline(client, requests, at_once=2_000):
    """All of them, many at a time; every one succeeds."""
    sent = answered = 0
    while answered < len(requests):
        while sent < len(requests) and sent - answered < at_once:
            op, fields = requests[sent]
            client.send(op, timeout_ms=60_000, **fields)
            sent += 1
        reply = client.receive(60)
        if not reply["ok"]:
            raise AssertionError(reply)
        answered += 1


class Turns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(options=PATIENT)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.cluster.wait_until_ready()
        eventually(lambda: {(cls.cluster.status(i) or {}).get("cluster_version", 0) >= 2
                            for i in cls.cluster.numbers()} == {True}, "the cluster speaks 2")
        with cls.cluster.client(1) as client:
            pipeline(client, [("SET", {"key": key(i), "value": b"x"}) for i in range(KEYS)])
            pipeline(client, [("DELETE", {"key": key(i)}) for i in range(KEYS)])
        cls.term = cls.cluster.status(1)["term"]

    def tearDown(self):
        told = []
        for i in self.cluster.numbers():
            status = self.cluster.status(i)
            told.append(f"n{i}: {status['most_work']} units, {status['longest_turn_us']} us"
                        f" ({status['longest_turn']})")
            self.assertLessEqual(status["most_work"], MOST_WORK)
            self.assertEqual(status["term"], self.term, "nobody is elected")
            self.assertGreater(status["longest_turn_us"], 0)
        print("; ".join(told), end=" ", flush=True)

    def ask(self, op, **fields):
        with self.cluster.client(1) as client:
            return client.ask(op, seconds=60, timeout_ms=60_000, **fields)

    def scan_transaction(self):
        step = {"op": "SCAN", "prefix": b"q/", "limit": 1}
        return self.ask("TXN", then=[step] * 128)

    def test_scan_over_deleted_keys(self):
        for i in self.cluster.numbers():
            with self.cluster.client(i) as client:
                for consistency in ("linearizable", "local"):
                    reply = client.ask("SCAN", seconds=60, timeout_ms=60_000, prefix=b"q/",
                                       limit=1, consistency=consistency)
                    self.assertEqual((reply["items"], reply["more"]), ([], False))

    def test_transaction_of_scans_over_deleted_keys(self):
        reply = self.scan_transaction()
        self.assertEqual(reply["results"], [{"items": [], "more": False}] * 128)

    def test_the_same_over_what_was_flushed(self):
        for i in self.cluster.numbers():
            with self.cluster.client(i) as client:
                client.ask("SNAPSHOT", seconds=60, timeout_ms=60_000)
        self.assertEqual(self.scan_transaction()["results"][127]["items"], [])
        self.assertEqual(self.ask("SCAN", prefix=b"q/", limit=1)["items"], [])

    def test_keys_of_large_values(self):
        with self.cluster.client(1) as client:
            pipeline(client, [("SET", {"key": b"large/%02d" % i, "value": b"v" * (1 << 20)})
                              for i in range(40)], 4)
            client.ask("SNAPSHOT", seconds=60, timeout_ms=60_000)
        found, start, more = [], b"large/", True
        while more:
            reply = self.ask("SCAN", start=start, end=b"large0", keys_only=True)
            self.assertTrue(reply["items"] or not reply["more"])  # `more`: there may be more
            found += [item[0] for item in reply["items"]]
            start, more = found[-1] + b"\0", reply["more"]
        self.assertEqual(found, [b"large/%02d" % i for i in range(40)])
        gets = [{"op": "GET", "key": k} for k in found]
        reply = self.ask("TXN", then=gets)
        self.assertEqual((reply["error"], reply["executed"]), ("TOO_LARGE", NO))
        is_other = [{"key": k, "value": b"v"} for k in found]
        self.assertFalse(self.ask("TXN", **{"if": is_other})["succeeded"])
        keys = self.ask("TXN", then=[{"op": "SCAN", "prefix": b"large/", "keys_only": True}])
        self.assertTrue(keys["results"][0]["more"])

    def test_keys_that_expire_together(self):
        with self.cluster.client(1) as client:
            pipeline(client, [("SET", {"key": b"ttl/%06d" % i, "value": b"x", "ttl_ms": 10_000})
                              for i in range(30_000)])
        eventually(lambda: not self.ask("SCAN", prefix=b"ttl/", limit=1)["items"],
                   "all of them are gone", 60)

    def test_a_watch_of_the_far_past_and_the_log(self):
        with self.cluster.client(1) as client:
            first = client.ask("LOG", **{"from": 0}, limit=10_000)["first"]
            number = client.send("WATCH", prefix=b"q/", **{"from": first + 1_000})
            events = 0
            while events < 20_000:
                reply = client.receive(60)
                self.assertEqual(reply["id"], number)
                self.assertNotIn("error", reply)
                events += "event" in reply


if __name__ == "__main__":
    unittest.main()
