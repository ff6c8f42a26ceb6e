"""Watches: every change, in order, once, whatever happens to nodes and clients in between."""

import os
import threading
import time
import unittest

import msgpack

from client import NO, Client
from cluster import Cluster, eventually
from scene import OnThreeNodes


class Watcher:
    """One watch that goes on at other nodes, as docs/protocol.md says. `seen`: (revision, key, value)."""

    def __init__(self, cluster, numbers, prefix, start):
        self.cluster, self.numbers, self.prefix = cluster, list(numbers), prefix
        self.next, self.seen, self.partial = start, [], 0
        self.compacted = False
        self.stopping = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            turn = 0
            while not self.stopping.is_set() and not self.compacted:
                number = self.numbers[turn % len(self.numbers)]
                turn += 1
                with self.cluster.client(number) as client:
                    self._follow(client)
        except Exception as error:  # told by check()
            self.failure = error

    def _follow(self, client):
        client.send("WATCH", prefix=self.prefix, **{"from": self.next}, progress_ms=200)
        skip = self.partial
        while not self.stopping.is_set():
            try:
                reply = client.receive(seconds=2)
            except Exception:
                return  # silence: the next node
            if not reply["ok"]:
                self.compacted = reply["error"] == "COMPACTED"
                return
            if "event" in reply:
                if skip:
                    skip -= 1
                    continue
                self.seen.append((reply["revision"], reply["event"], bytes(reply["key"]),
                                  reply["value"]))
                if reply.get("more"):
                    self.next = reply["revision"]
                    self.partial += 1
                else:
                    self.next, self.partial = reply["revision"] + 1, 0
            elif reply.get("progress"):
                self.next, self.partial = max(self.next, reply["revision"] + 1), 0

    def stop(self):
        self.stopping.set()
        self.thread.join()
        if self.failure:
            raise self.failure


def receive_events(client, count, seconds=60):
    events = []
    while len(events) < count:
        reply = client.receive(seconds=seconds)
        if "event" in reply:
            events.append(reply)
    return events


class Watches(OnThreeNodes):
    def test_changes_come_in_order_on_every_node(self):
        # On a connection of its own: what is watched comes between replies.
        writer = Client(self.clients[1].address)
        self.addCleanup(writer.close)
        for client in self.on_every_node():
            key = self.key(client.address)
            watch = client.send("WATCH", prefix=key)
            first = client.receive()
            self.assertEqual((first["id"], first["ok"], first["watching"]), (watch, True, True))
            revisions = [writer.done("SET", key=key + b"a", value=b"1")["revision"],
                         writer.done("DELETE", key=key + b"a")["revision"]]
            writer.done("DELETE", key=key + b"a")  # finds nothing
            self.assert_refused(writer.ask("SET", key=key, value=b"x", if_revision=7),
                                "CONDITION_FAILED")
            txn = writer.done("TXN", **{"then": [
                {"op": "SET", "key": key + b"b", "value": b"2"},
                {"op": "SET", "key": key + b"c", "value": b"3"}]})["revision"]
            ttl = writer.done("SET", key=key + b"d", value=b"4", ttl_ms=50)["revision"]
            events = receive_events(client, 6)
            told = [(e["event"], e["key"][len(key):], e["value"], e["revision"])
                    for e in events[:5]]
            self.assertEqual(told, [("set", b"a", b"1", revisions[0]),
                                    ("delete", b"a", None, revisions[1]),
                                    ("set", b"b", b"2", txn), ("set", b"c", b"3", txn),
                                    ("set", b"d", b"4", ttl)])
            self.assertTrue(events[2]["more"])
            self.assertNotIn("more", events[3])
            self.assertEqual((events[5]["event"], events[5]["key"]), ("expire", key + b"d"))
            self.assertGreater(events[5]["revision"], ttl)
            # The same from the past.
            client.send("WATCH", prefix=key, **{"from": revisions[0]})
            again = receive_events(client, 6)
            for event in again + events:
                event.pop("id")
            self.assertEqual(again, events)

    def test_cancel_ends_it_and_frees_the_id(self):
        client, key = self.clients[2], self.key("k")
        watch = client.send("WATCH", key=key)
        client.receive()
        client.send_body(msgpack.packb({"op": "CANCEL", "id": watch}))
        self.assertEqual(client.receive(), {"ok": True, "id": watch, "cancelled": True})
        client.send_body(msgpack.packb({"op": "CANCEL", "id": watch}))
        self.assert_refused(client.receive(), "BAD_REQUEST", NO)
        self.clients[1].done("SET", key=key, value=b"v")
        client.done("GET", key=key)  # nothing came before it

    def test_signs_of_life(self):
        client, key = self.clients[3], self.key("k")
        revision = self.clients[1].done("SET", key=key, value=b"v")["revision"]
        client.done("GET", key=key)
        client.send("WATCH", key=key, progress_ms=100)
        client.receive()
        self.assertGreaterEqual(client.receive()["revision"], revision)


class ManyWatches(OnThreeNodes):
    COUNT = 2000

    def test_two_thousand_on_one_node_each_get_theirs(self):
        watcher, writer = self.clients[1], self.clients[2]
        keys = [self.key("k%d" % i) for i in range(self.COUNT)]
        ids = {watcher.send("WATCH", key=key): key for key in keys}
        for _ in ids:
            self.assertTrue(watcher.receive()["watching"])
        watcher.send("WATCH", prefix=self.key(""))
        self.assertTrue(watcher.receive()["watching"])
        replies = writer.ask_all([("SET", dict(key=key, value=b"v")) for key in keys])
        self.assertTrue(all(reply["ok"] for reply in replies))
        single, prefixed = {}, []
        for event in receive_events(watcher, 2 * self.COUNT):
            if event["id"] in ids:
                self.assertNotIn(event["id"], single)
                single[event["id"]] = event
            else:
                prefixed.append((event["revision"], event["key"]))
        for number, key in ids.items():
            self.assertEqual(single[number]["key"], key)
        self.assertEqual(prefixed, sorted(prefixed))
        self.assertEqual({key for _, key in prefixed}, set(keys))


class ASlowWatcher(unittest.TestCase):
    """It reads nothing while more is written than any buffer holds; then it gets all of it."""

    VALUE = os.urandom(200)
    COUNT = 70_000  # more than a connection's queue holds, and what TCP does
    AT_ONCE = 2_000

    def test_holds_up_nobody_and_misses_nothing(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            slow, quick = cluster.client(1), cluster.client(1)
            with slow, quick, cluster.client(2) as writer:
                slow.socket.disconnect(slow.address)
                slow.socket.rcvhwm = 10
                slow.socket.connect(slow.address)  # with the limit
                for client in (slow, quick):
                    client.send("WATCH", prefix=b"k")
                    self.assertTrue(client.receive()["watching"])
                for first in range(0, self.COUNT, self.AT_ONCE):
                    writer.ask_all([("SET", dict(key=b"k%06d" % i, value=self.VALUE))
                                    for i in range(first, first + self.AT_ONCE)])
                    told = [event["key"] for event in receive_events(quick, self.AT_ONCE)]
                    self.assertEqual(sorted(told), [b"k%06d" % i for i in
                                                    range(first, first + self.AT_ONCE)])
                keys, last = [], 0
                while len(keys) < self.COUNT:
                    reply = slow.receive(seconds=60)
                    if "event" in reply:
                        self.assertGreater(reply["revision"], last)
                        last = reply["revision"]
                        keys.append(reply["key"])
                    elif not reply["ok"]:  # it took too long: it goes on
                        self.assertEqual(reply["error"], "BUSY")
                        self.assertGreaterEqual(reply["revision"], last)
                        slow.send("WATCH", prefix=b"k", **{"from": reply["revision"] + 1})
                self.assertEqual(len(set(keys)), self.COUNT)


class NodesComeAndGo(unittest.TestCase):
    # Many small flushes, so that restarts find footnotes on the disk.
    OPTIONS = ["--flush-entries", "500"]

    def load(self, cluster, done, written):
        """Writes that happen once, deletes of nothing, conditions that fail, transactions."""
        number = 0
        node = 0
        while not done.is_set():
            node = node % 3 + 1
            try:
                with cluster.client(node) as client:
                    while not done.is_set():
                        number += 1
                        key = b"w%d" % (number % 50)
                        kind = number % 5
                        if kind == 0:
                            reply = client.ask("DELETE", seconds=2, key=key)
                        elif kind == 1:
                            reply = client.ask("SET", seconds=2, key=key, value=b"never",
                                               if_revision=1)
                        elif kind == 2:
                            reply = client.ask("TXN", seconds=2, **{
                                "if": [{"key": key, "present": number % 2 == 0}],
                                "then": [{"op": "SET", "key": key, "value": b"t%d" % number},
                                         {"op": "DELETE", "key": b"w%d" % (number % 7)}],
                                "else": [{"op": "DELETE", "key": key}]})
                        elif kind == 3:
                            reply = client.ask("SET", seconds=2, key=key, value=b"s%d" % number,
                                               ttl_ms=20)
                        else:
                            reply = client.ask("SET", seconds=2, key=key, value=b"v%d" % number)
                            if reply["ok"]:
                                written.append((reply["revision"], key, b"v%d" % number))
            except Exception:
                time.sleep(0.05)

    def test_watches_go_on_without_gap_or_repeat(self):
        with Cluster(options=self.OPTIONS) as cluster:
            cluster.wait_until_ready()
            done, written = threading.Event(), []
            writer = threading.Thread(target=self.load, args=(cluster, done, written), daemon=True)
            writer.start()
            watchers = [Watcher(cluster, [n, n % 3 + 1], b"", 1) for n in (1, 2, 3)]
            for victim in (1, 2, 3):
                before = len(written)
                eventually(lambda: len(written) > before + 200, "writes go on")
                cluster.node(victim).kill()
                before = len(written)
                eventually(lambda: len(written) > before + 100, "writes go on without it")
                cluster.start(victim)
                cluster.wait_until_ready()
            stopped = len(written)
            cluster.node(2).terminate()  # in good order
            eventually(lambda: len(written) > stopped + 100, "writes go on")
            cluster.start(2)
            cluster.wait_until_ready()
            done.set()
            writer.join()
            with cluster.client(1) as client:
                end = client.done("SET", key=b"end", value=b"end")["revision"]
            for watcher in watchers:
                eventually(lambda: watcher.next > end or watcher.failure or watcher.compacted,
                           "every watch comes to the end")
                watcher.stop()
                self.assertFalse(watcher.compacted)
            # Keys that expire later still are told of to whoever is stopped later.
            seen, *others = ([told for told in w.seen if told[0] <= end] for w in watchers)
            for other in others:
                self.assertEqual(other, seen)
            self.assertEqual(len(set((r, e, k) for r, e, k, _ in seen)), len(seen), "none twice")
            self.assertEqual([r for r, *_ in seen], sorted(r for r, *_ in seen))
            sets = {(r, k, v) for r, e, k, v in seen if e == "set"}
            self.assertLessEqual(set(written), sets, "none missed")
            self.assertFalse(any(v == b"never" for _, _, _, v in seen))
            # What is told makes the state.
            state = {}
            for _, event, key, value in seen:
                if event == "set":
                    state[key] = value
                else:
                    self.assertIn(key, state, "what goes was there")
                    del state[key]
            with cluster.client(3) as client:
                rest = {key: value for key, value, _ in client.done("SCAN", prefix=b"")["items"]}
            self.assertEqual({k: v for k, v in state.items() if not v.startswith(b"s")},
                             {k: v for k, v in rest.items() if not v.startswith(b"s")})


class TheLogIsCut(unittest.TestCase):
    def test_what_is_gone_is_compacted(self):
        with Cluster(options=["--segment-bytes", "64KiB", "--log-keep-bytes", "64KiB",
                              "--log-keep-entries", "10"]) as cluster:
            cluster.wait_until_ready()
            with cluster.client(1) as client:
                client.ask_all([("SET", dict(key=b"k%d" % i, value=os.urandom(500)))
                                for i in range(2000)])
                client.done("SNAPSHOT")
                first = client.done("STATUS")["first"]
                self.assertGreater(first, 1000)
                client.send("WATCH", prefix=b"", **{"from": 1})
                refused = client.receive()
                self.assertEqual((refused["error"], refused["executed"]), ("COMPACTED", "no"))
                self.assertEqual(refused["first"], first)
                last = client.done("SET", key=b"last", value=b"x")["revision"]
                client.send("WATCH", prefix=b"", **{"from": first})
                self.assertEqual(client.receive()["revision"], first - 1)
                self.assertEqual(receive_events(client, last - first + 1)[-1]["key"], b"last")


if __name__ == "__main__":
    unittest.main()
