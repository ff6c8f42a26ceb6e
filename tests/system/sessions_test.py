"""Sessions, times and transactions on real nodes, as an independent client meets them."""

import concurrent.futures
import time
import unittest

import client as protocol
from cluster import Cluster, eventually
from scene import OnThreeNodes
from watch_test import Watcher


class Sessions(OnThreeNodes):
    def test_a_write_that_comes_again_answers_the_same_at_any_node(self):
        for client in self.on_every_node():
            session = client.done("SESSION")["session"]
            key = self.key(client.address)
            writes = [
                ("SET", dict(key=key, value=b"1", if_revision=0)),
                ("SET", dict(key=key, value=b"2", if_revision=0)),  # its condition fails
                ("DELETE", dict(key=key)),
                ("NO-OP", {}),
                ("TXN", {"then": [{"op": "SET", "key": key, "value": b"3"},
                                  {"op": "GET", "key": key}]}),
            ]
            for seq, (op, fields) in enumerate(writes, 1):
                first = client.ask(op, session=session, seq=seq, **fields)
                for other in self.clients.values():
                    again = other.ask(op, session=session, seq=seq, **fields)
                    self.assertEqual({**again, "id": 0}, {**first, "id": 0})
            self.assertEqual(client.done("GET", key=key)["value"], b"3")

    def test_a_number_belongs_to_one_write(self):
        client = self.clients[1]
        session = client.done("SESSION")["session"]
        first = client.done("SET", key=self.key("a"), value=b"1", session=session, seq=7)
        again = client.done("SET", key=self.key("b"), value=b"2", session=session, seq=7)
        self.assertEqual(first["revision"], again["revision"])
        self.assertIs(client.done("GET", key=self.key("b"))["found"], False)

    def test_numbers_in_any_order_in_flight_together(self):
        client = self.clients[1]
        session = client.done("SESSION")["session"]
        numbers = list(range(1024, 0, -1))
        requests = [("SET", dict(key=self.key(seq), value=b"%d" % seq, session=session, seq=seq))
                    for seq in numbers]
        first = client.ask_all(requests)
        self.assertTrue(all(reply["ok"] for reply in first))
        again = self.clients[2].ask_all(requests)
        self.assertEqual([reply["revision"] for reply in first],
                         [reply["revision"] for reply in again])

    def test_a_number_that_is_too_old(self):
        client = self.clients[1]
        session = client.done("SESSION")["session"]
        client.done("NO-OP", session=session, seq=1)
        client.done("NO-OP", session=session, seq=1025)
        reply = client.ask("NO-OP", session=session, seq=1)
        self.assert_refused(reply, "BAD_REQUEST", protocol.UNKNOWN, ["seq"])

    def test_a_session_that_never_was(self):
        for client in self.on_every_node():
            reply = client.ask("SET", key=self.key("k"), value=b"v", session=2**52, seq=1)
            self.assert_refused(reply, "SESSION_EXPIRED")
        self.assertIs(self.clients[1].done("GET", key=self.key("k"))["found"], False)

    def test_one_without_the_other(self):
        for op, fields in [("SET", dict(key=b"k", value=b"v")), ("DELETE", dict(key=b"k")),
                           ("NO-OP", {}), ("TXN", {"then": []})]:
            self.assert_refused(self.clients[1].ask(op, session=1, **fields), "BAD_REQUEST",
                                naming=["'seq'"])
            self.assert_refused(self.clients[1].ask(op, seq=1, **fields), "BAD_REQUEST",
                                naming=["'session'"])


class SessionsOutliveNodes(unittest.TestCase):
    def test_a_thousand_retries_are_carried_out_once(self):
        """Each write is sent to all nodes at the same time, and again until it is answered, while
        the leader dies and comes back. A watch counts how often anything was carried out."""
        count = 1000
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            with cluster.client(leader) as client:
                session = client.done("SESSION")["session"]
            revisions = {seq: set() for seq in range(1, count + 1)}
            sent = [0] * len(cluster.numbers())

            def send_all(number):
                left = list(revisions)
                until = time.monotonic() + 60
                while left:
                    self.assertLess(time.monotonic(), until, f"{len(left)} writes are not answered")
                    now, left = left[:50], left[50:]
                    with cluster.client(number) as client:
                        writes = [("SET", dict(key=b"once/k", value=b"%d" % seq, session=session,
                                               seq=seq, timeout_ms=2_000)) for seq in now]
                        sent[number - 1] += len(writes)
                        try:
                            replies = client.ask_all(writes, seconds=3)
                        except protocol.NoAnswer:
                            left = now + left
                            continue
                        for seq, reply in zip(now, replies):
                            if reply["ok"]:
                                revisions[seq].add(reply["revision"])
                            else:
                                self.assertIn(reply["error"], ("TIMEOUT", "NO_LEADER", "BUSY"))
                                left.append(seq)

            with concurrent.futures.ThreadPoolExecutor() as pool:
                sending = [pool.submit(send_all, number) for number in cluster.numbers()]
                time.sleep(0.05)
                cluster.node(leader).kill()
                time.sleep(0.5)
                cluster.start(leader)
                for each in sending:
                    each.result()
            self.assertGreaterEqual(sum(sent), 3 * count)
            self.assertEqual({len(r) for r in revisions.values()}, {1}, "one answer to each write")
            with cluster.client(leader) as client:
                end = client.done("SET", key=b"once/end", value=b"")["revision"]
            first = min(min(r) for r in revisions.values())
            watcher = Watcher(cluster, cluster.numbers(), b"once/", first)
            eventually(lambda: watcher.seen and watcher.seen[-1][0] == end, "the watch's end")
            watcher.stop()
            self.assertEqual([revision for revision, *_ in watcher.seen],
                             sorted(r.pop() for r in revisions.values()) + [end])

    def test_leaders_die_and_then_everybody(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            with cluster.client(leader) as client:
                session = client.done("SESSION")["session"]
                first = client.done("SET", key=b"k", value=b"1", session=session, seq=1)
                client.done("SET", key=b"k", value=b"2")
            cluster.node(leader).kill()
            follower = cluster.wait_for_leader(cluster.others(leader))
            with cluster.client(follower) as client:
                again = client.done("SET", key=b"k", value=b"1", session=session, seq=1)
                self.assertEqual(again["revision"], first["revision"])
                self.assertEqual(client.done("GET", key=b"k")["value"], b"2")
            cluster.kill_all()
            cluster.start()
            cluster.wait_until_ready()
            for _, client in cluster.clients():
                with client:
                    again = client.done("SET", key=b"k", value=b"1", session=session, seq=1)
                    self.assertEqual(again["revision"], first["revision"])
                    self.assertEqual(client.done("GET", key=b"k")["value"], b"2")


class Times(OnThreeNodes):
    def test_a_key_goes_not_before_its_time_and_then_without_anybodys_write(self):
        for client in self.on_every_node():
            key = self.key(client.address)
            begin = time.monotonic()
            client.done("SET", key=key, value=b"v", ttl_ms=700)
            def gone():
                if client.done("GET", key=key)["found"]:
                    return False
                self.assertGreaterEqual(time.monotonic() - begin, 0.7)
                return True
            eventually(gone, "the key is gone")
            self.assertIs(client.done("DELETE", key=key)["found"], False)

    def test_a_later_set_clears_it(self):
        client = self.clients[1]
        client.done("SET", key=self.key("stays"), value=b"1", ttl_ms=100)
        client.done("SET", key=self.key("stays"), value=b"2")
        client.done("SET", key=self.key("goes"), value=b"1", ttl_ms=150)
        eventually(lambda: not client.done("GET", key=self.key("goes"))["found"], "the other goes")
        self.assertEqual(client.done("GET", key=self.key("stays"))["value"], b"2")

    def test_an_idle_cluster_writes_nothing_but_what_is_due(self):
        client = self.clients[1]
        client.done("SET", key=self.key("k"), value=b"1", ttl_ms=100)
        eventually(lambda: not client.done("GET", key=self.key("k"))["found"], "the key is gone")
        last = client.done("STATUS")["last"]
        kinds = [entry["kind"] for entry in client.done("LOG", **{"from": last})["entries"]]
        self.assertEqual(kinds, ["tick"])
        client.done("HEARTBEAT")
        time.sleep(1.2)  # two ticks' time
        self.assertEqual(client.done("STATUS")["last"], last)

    def test_nonsense_is_refused(self):
        for ttl in (0, -1, 1.5, "1", 2**53):
            reply = self.clients[1].ask("SET", key=b"k", value=b"v", ttl_ms=ttl)
            self.assert_refused(reply, "BAD_REQUEST", naming=["'ttl_ms'"])


class Transactions(OnThreeNodes):
    def txn(self, client, if_=(), then=(), else_=()):
        return client.done("TXN", **{"if": list(if_), "then": list(then), "else": list(else_)})

    def test_moving_between_two_keys(self):
        for client in self.on_every_node():
            a, b = self.key("a" + client.address), self.key("b" + client.address)
            client.done("SET", key=a, value=b"10")
            moved = self.txn(client, [{"key": a, "value": b"10"}, {"key": b, "present": False}],
                             [{"op": "SET", "key": a, "value": b"7"},
                              {"op": "SET", "key": b, "value": b"3"},
                              {"op": "GET", "key": a}])
            self.assertIs(moved["succeeded"], True)
            revision = moved["revision"]
            self.assertEqual(moved["results"],
                             [{"revision": revision}, {"revision": revision},
                              {"found": True, "value": b"7", "revision": revision}])
            again = self.txn(client, [{"key": a, "value": b"10"}], [{"op": "DELETE", "key": b}],
                             [{"op": "SCAN", "start": a, "end": a + b"\0"},
                              {"op": "SCAN", "prefix": b, "keys_only": True, "limit": 1}])
            self.assertIs(again["succeeded"], False)
            self.assertEqual(again["results"],
                             [{"items": [[a, b"7", revision]], "more": False},
                              {"items": [[b, b"", revision]], "more": False}])

    def test_many_at_once_never_tear(self):
        """Two keys that are only ever changed together are always seen equal."""
        client = self.clients[1]
        pair = [self.key("x"), self.key("y")]
        requests = []
        for i in range(200):
            requests.append(("TXN", {"then": [{"op": "SET", "key": key, "value": b"%d" % i}
                                              for key in pair]}))
            requests.append(("TXN", {"then": [{"op": "GET", "key": key} for key in pair]}))
        for reply in client.ask_all(requests):
            self.assertIs(reply["ok"], True, reply)
            values = [result.get("value") for result in reply["results"]]
            self.assertEqual(values[0], values[1])

    def test_limits(self):
        client = self.clients[1]
        get = {"op": "GET", "key": self.key("k")}
        self.assertEqual(len(client.done("TXN", then=[get] * 128)["results"]), 128)
        self.assert_refused(client.ask("TXN", then=[get] * 129), "BAD_REQUEST", naming=[128, 129])
        large = {"op": "SET", "key": self.key("k"), "value": b"v" * (2**20 + 1)}
        self.assert_refused(client.ask("TXN", then=[get, large]), "TOO_LARGE", naming=["then[1]"])
        client.done("SET", key=self.key("k"), value=b"v" * 2**20)
        self.assertEqual(len(client.done("TXN", then=[get] * 4)["results"]), 4)
        change = {"op": "SET", "key": self.key("changed"), "value": b"v"}
        self.assert_refused(client.ask("TXN", then=[change] + [get] * 5), "TOO_LARGE")
        self.assertIs(client.done("GET", key=self.key("changed"))["found"], False)

    def test_log_names_them(self):
        client = self.clients[1]
        revision = client.done("TXN", then=[])["revision"]
        session = client.done("SESSION")["session"]
        self.assertGreater(session, 0)
        kinds = {entry["index"]: entry["kind"]
                 for entry in client.done("LOG", **{"from": revision})["entries"]}
        self.assertEqual(kinds[revision], "txn")
        self.assertIn("session", [kind for index, kind in kinds.items() if index > revision])


if __name__ == "__main__":
    unittest.main()
