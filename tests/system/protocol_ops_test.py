"""Every op of the client protocol, on every node, as an independent client meets it."""

import unittest

import client as protocol
from cluster import eventually
from scene import OnThreeNodes

JAVASCRIPT_MAX = 2**53


class KeysAndValues(OnThreeNodes):
    def test_set_then_get_on_any_node(self):
        for client in self.on_every_node():
            key = self.key(client.address)
            written = client.done("SET", key=key, value=b"red")
            for other in self.clients.values():
                read = other.done("GET", key=key)
                self.assertIs(read["found"], True)
                self.assertEqual(read["value"], b"red")
                self.assertEqual(read["revision"], written["revision"])

    def test_get_of_an_absent_key(self):
        for client in self.on_every_node():
            self.assertIs(client.done("GET", key=self.key("absent"))["found"], False)

    def test_str_and_bin_keys_are_one_and_replies_are_bytes(self):
        for client in self.on_every_node():
            client.done("SET", key="str-and-bin", value="wert ü")
            read = client.done("GET", key=b"str-and-bin")
            self.assertEqual(read["value"], "wert ü".encode())

    def test_any_bytes_are_kept(self):
        every_byte = bytes(range(256))
        for client in self.on_every_node():
            client.done("SET", key=every_byte, value=every_byte[::-1])
            self.assertEqual(client.done("GET", key=every_byte)["value"], every_byte[::-1])

    def test_empty_value_is_a_value(self):
        for client in self.on_every_node():
            client.done("SET", key=self.key("empty"), value=b"")
            read = client.done("GET", key=self.key("empty"))
            self.assertIs(read["found"], True)
            self.assertEqual(read["value"], b"")

    def test_revisions_grow_across_the_store_and_stay_exact_in_javascript(self):
        last = 0
        for _ in range(3):
            for client in self.clients.values():
                revision = client.done("SET", key=self.key(client.address), value=b"x")["revision"]
                self.assertGreater(revision, last)
                self.assertLess(revision, JAVASCRIPT_MAX)
                last = revision

    def test_delete(self):
        for client in self.on_every_node():
            key = self.key("gone")
            set_at = client.done("SET", key=key, value=b"x")["revision"]
            deleted = client.done("DELETE", key=key)
            self.assertIs(deleted["found"], True)
            self.assertGreater(deleted["revision"], set_at)
            self.assertIs(client.done("GET", key=key)["found"], False)
            self.assertIs(client.done("DELETE", key=key)["found"], False)

    def test_no_op_under_both_names(self):
        for client in self.on_every_node():
            first = client.done("NO-OP")["revision"]
            second = client.done("NOOP")["revision"]
            self.assertGreater(second, first)

    def test_local_read_carries_applied_and_catches_up(self):
        for client in self.on_every_node():
            key = self.key("local")
            revision = client.done("SET", key=key, value=b"x")["revision"]
            def seen():
                read = client.done("GET", key=key, consistency="local")
                return read["applied"] >= revision and read
            read = eventually(seen, "a local read sees an acknowledged write")
            self.assertEqual(read["value"], b"x")

    def test_linearizable_may_be_named(self):
        for client in self.on_every_node():
            client.done("SET", key=self.key("k"), value=b"x")
            read = client.done("GET", key=self.key("k"), consistency="linearizable")
            self.assertEqual(read["value"], b"x")


class Conditions(OnThreeNodes):
    def test_revision_zero_means_only_if_absent(self):
        for client in self.on_every_node():
            key = self.key(client.address)
            written = client.done("SET", key=key, value=b"first", if_revision=0)
            refused = client.ask("SET", key=key, value=b"second", if_revision=0)
            self.assert_refused(refused, "CONDITION_FAILED")
            self.assertEqual(refused["revision"], written["revision"])
            self.assertIs(refused["found"], True)
            self.assertEqual(client.done("GET", key=key)["value"], b"first")

    def test_revision(self):
        for client in self.on_every_node():
            key = self.key(client.address)
            first = client.done("SET", key=key, value=b"1")["revision"]
            second = client.done("SET", key=key, value=b"2", if_revision=first)["revision"]
            refused = client.ask("SET", key=key, value=b"3", if_revision=first)
            self.assert_refused(refused, "CONDITION_FAILED")
            self.assertEqual(refused["revision"], second)

    def test_revision_of_an_absent_key(self):
        for client in self.on_every_node():
            refused = client.ask("SET", key=self.key("absent"), value=b"x", if_revision=1)
            self.assert_refused(refused, "CONDITION_FAILED")
            self.assertIs(refused["found"], False)

    def test_value(self):
        for client in self.on_every_node():
            key = self.key(client.address)
            client.done("SET", key=key, value=b"a")
            client.done("SET", key=key, value=b"b", if_value=b"a")
            self.assert_refused(client.ask("SET", key=key, value=b"c", if_value=b"a"),
                                "CONDITION_FAILED")
            client.done("SET", key=key, value=b"c", if_value="b")  # str is as good

    def test_value_of_an_absent_key(self):
        for client in self.on_every_node():
            refused = client.ask("SET", key=self.key("absent"), value=b"x", if_value=b"")
            self.assert_refused(refused, "CONDITION_FAILED")
            self.assertIs(refused["found"], False)

    def test_delete_with_conditions(self):
        for client in self.on_every_node():
            key = self.key(client.address)
            revision = client.done("SET", key=key, value=b"a")["revision"]
            self.assert_refused(client.ask("DELETE", key=key, if_value=b"b"), "CONDITION_FAILED")
            self.assert_refused(client.ask("DELETE", key=key, if_revision=revision + 1),
                                "CONDITION_FAILED")
            client.done("DELETE", key=key, if_revision=revision, if_value=b"a")
            self.assertIs(client.done("GET", key=key)["found"], False)

    def test_one_of_many_wins(self):
        key = self.key("race")
        numbers = {i: [client.send("SET", key=key, value=b"%d" % i, if_revision=0)
                       for _ in range(20)] for i, client in self.clients.items()}
        replies = [self.clients[i].receive() for i, sent in numbers.items() for _ in sent]
        self.assertEqual(sum(reply["ok"] for reply in replies), 1)


class Scans(OnThreeNodes):
    def setUp(self):
        self.prefix = self.key("")
        writer = next(iter(self.clients.values()))
        self.revisions = {name: writer.done("SET", key=self.prefix + name, value=b"v" + name)["revision"]
                          for name in (b"c", b"a", b"e", b"b", b"d")}
        writer.done("SET", key=self.prefix[:-1] + b"0", value=b"beyond the prefix")

    def names(self, reply):
        return [key[len(self.prefix):] for key, _, _ in reply["items"]]

    def test_prefix_in_key_order(self):
        for client in self.on_every_node():
            reply = client.done("SCAN", prefix=self.prefix)
            self.assertEqual(reply["items"], [[self.prefix + n, b"v" + n, self.revisions[n]]
                                              for n in sorted(self.revisions)])
            self.assertIs(reply["more"], False)

    def test_start_is_inside_and_end_is_not(self):
        for client in self.on_every_node():
            reply = client.done("SCAN", start=self.prefix + b"b", end=self.prefix + b"d")
            self.assertEqual(self.names(reply), [b"b", b"c"])
            self.assertIs(reply["more"], False)

    def test_empty_range(self):
        for client in self.on_every_node():
            reply = client.done("SCAN", start=self.prefix + b"b", end=self.prefix + b"b")
            self.assertEqual(reply["items"], [])
            self.assertIs(reply["more"], False)

    def test_limit_and_more(self):
        for client in self.on_every_node():
            reply = client.done("SCAN", prefix=self.prefix, limit=2)
            self.assertEqual(self.names(reply), [b"a", b"b"])
            self.assertIs(reply["more"], True)
            self.assertIs(client.done("SCAN", prefix=self.prefix, limit=5)["more"], False)

    def test_page_by_page(self):
        for client in self.on_every_node():
            self.assertEqual([key for key, _, _ in client.scan_all(self.prefix, limit=2)],
                             [self.prefix + n for n in sorted(self.revisions)])

    def test_keys_only(self):
        for client in self.on_every_node():
            reply = client.done("SCAN", prefix=self.prefix, keys_only=True)
            self.assertEqual(self.names(reply), sorted(self.revisions))
            self.assertFalse(any(value for _, value, _ in reply["items"]))

    def test_empty_prefix_is_everything(self):
        for client in self.on_every_node():
            keys = [key for key, _, _ in client.done("SCAN", prefix=b"", limit=10_000)["items"]]
            self.assertTrue({self.prefix + n for n in self.revisions} <= set(keys))
            self.assertEqual(keys, sorted(keys))

    def test_prefix_of_highest_bytes(self):
        for client in self.on_every_node():
            client.done("SET", key=b"\xff\xff1", value=b"x")
            keys = [key for key, _, _ in client.done("SCAN", prefix=b"\xff\xff")["items"]]
            self.assertEqual(keys, [b"\xff\xff1"])

    def test_default_limit_is_a_thousand(self):
        writer = self.clients[1]
        prefix = self.key("many/")
        writer.ask_all([("SET", dict(key=prefix + b"%04d" % i, value=b"")) for i in range(1001)])
        for client in self.on_every_node():
            reply = client.done("SCAN", prefix=prefix)
            self.assertEqual(len(reply["items"]), 1000)
            self.assertIs(reply["more"], True)

    def test_local(self):
        for client in self.on_every_node():
            reply = client.done("SCAN", prefix=self.prefix, consistency="local")
            self.assertIsInstance(reply["applied"], int)


class TheClusterItself(OnThreeNodes):
    def test_status(self):
        for i, client in self.clients.items():
            with self.subTest(node=i):
                s = client.done("STATUS")
                self.assertEqual(s["node"], i)
                self.assertIn(s["role"], ("leader", "follower", "candidate", "learner"))
                for field in ("cluster", "digest", "version"):
                    self.assertIsInstance(s[field], str, field)
                    self.assertTrue(s[field], field)
                int(s["digest"], 16)
                for field in ("node", "term", "leader", "first", "last", "commit", "applied",
                              "uptime_ms"):
                    self.assertIs(type(s[field]), int, field)
                    self.assertLess(s[field], JAVASCRIPT_MAX)
                self.assertIsInstance(s["members"], list)
                self.assertEqual(len(s["members"]), 3)
                self.assertLessEqual(s["first"], s["last"] + 1)
                self.assertLessEqual(s["applied"], s["commit"])
                self.assertLessEqual(s["commit"], s["last"])

    def test_one_leads_and_all_agree(self):
        self.cluster.wait_until_ready()
        known = [client.done("STATUS") for client in self.clients.values()]
        self.assertEqual([s["role"] for s in known].count("leader"), 1)
        self.assertEqual(len({s["leader"] for s in known}), 1)
        self.assertEqual(len({s["cluster"] for s in known}), 1)

    def test_digests_are_equal_at_equal_applied(self):
        writer = self.clients[2]
        writer.ask_all([("SET", dict(key=self.key(str(i)), value=b"x" * i)) for i in range(200)])
        before = self.cluster.wait_until_equal()["digest"]
        writer.done("SET", key=self.key("one more"), value=b"")
        self.assertNotEqual(self.cluster.wait_until_equal()["digest"], before)

    def test_heartbeat(self):
        for client in self.on_every_node():
            beat = client.done("HEARTBEAT")
            s = client.done("STATUS")
            self.assertEqual((beat["leader"], beat["term"]), (s["leader"], s["term"]))
            self.assertIs(type(beat["round_trip_us"]), int)

    def test_members(self):
        for client in self.on_every_node():
            members = client.done("MEMBERS")["members"]
            self.assertEqual(sorted(m["node"] for m in members), self.cluster.numbers())
            for member in members:
                self.assertEqual(member["kind"], "voter")
                self.assertEqual(member["peer"], self.cluster.node(member["node"]).peer)
                self.assertIsInstance(member["client"], str)

    def test_log(self):
        written = self.clients[1].done("SET", key=self.key("logged"), value=b"red")["revision"]
        deleted = self.clients[1].done("DELETE", key=self.key("logged"))["revision"]
        nothing = self.clients[1].done("NO-OP")["revision"]
        self.cluster.wait_until_equal()
        for client in self.on_every_node():
            reply = client.done("LOG", **{"from": written, "limit": nothing - written + 1})
            entries = {e["index"]: e for e in reply["entries"]}
            self.assertEqual(sorted(entries), list(range(written, nothing + 1)))
            self.assertEqual(entries[written]["kind"], "set")
            self.assertEqual(entries[written]["key"], self.key("logged"))
            self.assertEqual(entries[written]["value"], b"red")
            self.assertEqual(entries[deleted]["kind"], "delete")
            self.assertEqual(entries[deleted]["key"], self.key("logged"))
            self.assertEqual(entries[nothing]["kind"], "no-op")
            for entry in entries.values():
                self.assertIs(type(entry["term"]), int)
                self.assertIn(entry["leader"], self.cluster.numbers())

    def test_log_from_the_oldest_and_limit(self):
        for client in self.on_every_node():
            first = client.done("STATUS")["first"]
            entries = client.done("LOG", **{"from": 0, "limit": 2})["entries"]
            self.assertEqual([e["index"] for e in entries], [first, first + 1])

    def test_log_beyond_the_end_is_empty(self):
        for client in self.on_every_node():
            beyond = client.done("STATUS")["last"] + 1_000_000
            self.assertEqual(client.done("LOG", **{"from": beyond})["entries"], [])

    def test_all_logs_are_one(self):
        self.clients[1].ask_all([("SET", dict(key=self.key("k"), value=b"%d" % i)) for i in range(50)])
        last = self.cluster.wait_until_equal()["last"]
        logs = [client.done("LOG", **{"from": 0, "limit": last})["entries"]
                for client in self.clients.values()]
        self.assertEqual(logs[0], logs[1])
        self.assertEqual(logs[0], logs[2])


class Elections(OnThreeNodes):
    def test_a_follower_that_is_asked_becomes_leader(self):
        for _ in range(3):
            leader = self.cluster.wait_until_ready()
            follower = self.cluster.others(leader)[0]
            term = self.clients[leader].done("STATUS")["term"]
            reply = self.elected(self.clients[follower])
            self.assertEqual(reply["leader"], follower)
            self.assertGreater(reply["term"], term)
            eventually(lambda: self.cluster.leader() == follower, "the follower leads")

    def test_another_node_may_be_named(self):
        leader = self.cluster.wait_until_ready()
        follower = self.cluster.others(leader)[1]
        reply = self.elected(self.clients[leader], node=follower)
        self.assertEqual(reply["leader"], follower)

    def test_writes_go_on_afterwards(self):
        for client in self.clients.values():
            self.elected(client)
            for other in self.clients.values():
                other.done("SET", key=self.key("k"), value=other.address.encode())

    def test_a_node_that_does_not_exist(self):
        for client in self.on_every_node():
            self.assert_refused(client.ask("ELECT", node=77), "BAD_REQUEST")

    def elected(self, client, **fields):
        """The election that is asked for may be lost to another node's: then it is asked again."""
        wanted = fields.get("node") or client.done("STATUS")["node"]
        def won():
            reply = client.ask("ELECT", **fields)
            return reply["ok"] and reply["leader"] == wanted and reply
        return eventually(won, f"node {wanted} wins")


class LaterOps(OnThreeNodes):
    def test_unsupported_says_so(self):
        requests = [
            ("GET", dict(key=b"k", consistency="lease")),
            ("SCAN", dict(prefix=b"k", consistency="lease")),
        ]
        for client in self.on_every_node():
            for op, fields in requests:
                with self.subTest(op=op):
                    self.assert_refused(client.ask(op, **fields), "UNSUPPORTED", protocol.NO)
            self.assertIs(client.done("GET", key=b"k")["found"], False)


if __name__ == "__main__":
    unittest.main()
