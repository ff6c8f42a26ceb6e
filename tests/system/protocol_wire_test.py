"""Frames, sockets, ids, pipelining, bad requests and limits: the protocol's edges, on every node."""

import random
import unittest

import msgpack
import zmq

from client import Client, NoAnswer, pack, unpack
from cluster import Cluster, eventually
from scene import OnThreeNodes

KEY_MAX = 4 << 10
VALUE_MAX = 1 << 20
MESSAGE_MAX = 16 << 20


class Frames(OnThreeNodes):
    def test_req_socket(self):
        for client in self.on_every_node():
            with Client(client.address, zmq.REQ) as lockstep:
                for i in range(3):
                    lockstep.socket.send(pack({"op": "SET", "key": "req", "value": str(i)}))
                    self.assertTrue(lockstep.socket.poll(20_000))
                    self.assertIs(unpack(lockstep.socket.recv())["ok"], True)

    def test_req_with_correlation(self):
        for client in self.on_every_node():
            with Client(client.address, zmq.REQ) as lockstep:
                lockstep.socket.setsockopt(zmq.REQ_CORRELATE, 1)
                lockstep.socket.setsockopt(zmq.REQ_RELAXED, 1)
                lockstep.socket.send(pack({"op": "STATUS"}))
                self.assertTrue(lockstep.socket.poll(20_000))
                self.assertIs(unpack(lockstep.socket.recv())["ok"], True)

    def test_frames_before_the_empty_one_come_back(self):
        for client in self.on_every_node():
            for route in ([b"one"], [b"one", b"two"], [bytes(range(256)), b"x" * 1000, b"\0"]):
                client.send_frames(*route, b"", pack({"op": "GET", "key": "k"}))
                frames = client.receive_frames()
                self.assertEqual(frames[:-1], route + [b""])
                self.assertIs(unpack(frames[-1])["ok"], True)

    def test_no_empty_frame(self):
        for client in self.on_every_node():
            for frames in ([pack({"op": "STATUS"})], [b"a", b"b", b"c"]):
                client.send_frames(*frames)
                self.assert_refused(client.receive(), "BAD_REQUEST", naming=["['', body]"])

    def test_nothing_after_the_empty_frame(self):
        for client in self.on_every_node():
            client.send_frames(b"")
            self.assert_refused(client.receive(), "BAD_REQUEST", naming=["body"])
            client.send_frames(b"mine", b"")
            self.assertFalse(unpack(client.receive_frames()[-1])["ok"])

    def test_two_bodies(self):
        for client in self.on_every_node():
            body = pack({"op": "STATUS"})
            client.send_frames(b"", body, body)
            self.assertEqual(unpack(client.receive_frames()[-1])["error"], "BAD_REQUEST")

    def test_through_a_proxy(self):
        for client in self.on_every_node():
            context = zmq.Context.instance()
            with context.socket(zmq.ROUTER) as front, context.socket(zmq.DEALER) as back:
                front.linger = back.linger = 0
                port = front.bind_to_random_port("tcp://127.0.0.1")
                back.connect(client.address)
                with Client(f"tcp://127.0.0.1:{port}", zmq.REQ) as behind:
                    behind.socket.send(pack({"op": "STATUS"}))
                    back.send_multipart(front.recv_multipart())
                    self.assertTrue(back.poll(20_000))
                    front.send_multipart(back.recv_multipart())
                    self.assertIs(unpack(behind.socket.recv())["ok"], True)


class Ids(OnThreeNodes):
    def test_any_type_comes_back(self):
        ids = [0, 1, -1, 2**63, "text", b"bytes", None, True, 1.5, [1, [2, "x"]], {"a": {"b": [1]}},
               "", b"", msgpack.ExtType(5, b"ext")]
        for client in self.on_every_node():
            for id_ in ids:
                for request in ({"op": "GET", "key": "k"}, {"op": "NOPE"}, {"op": "STATUS"}):
                    client.send_body(pack({**request, "id": id_}))
                    reply = client.receive()
                    self.assertIn("id", reply)
                    self.assertEqual(reply["id"], id_)
                    self.assertIs(type(reply["id"]), type(id_))

    def test_none_asked_none_given(self):
        for client in self.on_every_node():
            client.send_body(pack({"op": "GET", "key": "k"}))
            self.assertNotIn("id", client.receive())

    def test_unknown_fields_are_ignored(self):
        for client in self.on_every_node():
            client.done("SET", key=b"k", value=b"v", colour="red", deep={"a": [1, 2, {}]})


class Pipelining(OnThreeNodes):
    def test_five_thousand_deep_on_one_socket(self):
        for client in self.on_every_node():
            prefix = self.key(client.address)
            writes = [("SET", dict(key=prefix + b"%d" % i, value=b"v%d" % i)) for i in range(5000)]
            replies = client.ask_all(writes)
            self.assertEqual([r for r in replies if not r["ok"]], [])
            self.assertEqual(len({r["revision"] for r in replies}), 5000)
            reads = client.ask_all([("GET", dict(key=w["key"])) for _, w in writes])
            self.assertEqual([r["value"] for r in reads], [w["value"] for _, w in writes])

    def test_a_mixture_of_everything(self):
        rng = random.Random(1)
        for client in self.on_every_node():
            requests = [rng.choice([
                ("SET", dict(key=b"m%d" % rng.randrange(50), value=b"x" * rng.randrange(2000))),
                ("GET", dict(key=b"m%d" % rng.randrange(50))),
                ("DELETE", dict(key=b"m%d" % rng.randrange(50))),
                ("SCAN", dict(prefix=b"m", limit=10)),
                ("STATUS", {}), ("NO-OP", {}), ("HEARTBEAT", {}), ("MEMBERS", {}),
                ("LOG", {"from": 0, "limit": 3}),
            ]) for _ in range(2000)]
            self.assertEqual([r for r in client.ask_all(requests) if not r["ok"]], [])

    def test_all_nodes_at_once(self):
        sent = {i: [c.send("SET", key=self.key(f"{i}/{n}"), value=b"x") for n in range(2000)]
                for i, c in self.clients.items()}
        for i, numbers in sent.items():
            replies = [self.clients[i].receive(60) for _ in numbers]
            self.assertEqual({r["id"] for r in replies if r["ok"]}, set(numbers))

    def test_a_client_that_goes_away_in_the_middle(self):
        for client in self.on_every_node():
            with Client(client.address) as hasty:
                for i in range(1000):
                    hasty.send("SET", key=self.key(str(i)), value=b"x" * 1000)
            client.done("SET", key=self.key("after"), value=b"x")


class BadRequests(OnThreeNodes):
    def test_bodies_that_are_no_map(self):
        bodies = [b"", b"\xc1", b"\x81", b"hello", pack([]), pack("SET"), pack(7), pack(None),
                  pack({"op": "STATUS"}) + b"\x00", pack({"op": "STATUS"}) * 2,
                  pack({"op": "STATUS"})[:-1], pack({1: 2}), pack({"op": "GET", 5: 1, "key": "k"})]
        for client in self.on_every_node():
            for body in bodies:
                client.send_body(body)
                reply = client.receive()
                if body != bodies[-1]:  # of a stray key beside the named ones nothing is said
                    self.assert_refused(reply, "BAD_REQUEST")
            client.done("STATUS")

    def test_the_field_is_named(self):
        cases = [
            ("op", {}), ("op", {"op": 5}), ("op", {"op": None}),
            ("NOPE", {"op": "NOPE"}), ("get", {"op": "get", "key": "k"}),
            ("key", {"op": "GET"}), ("key", {"op": "GET", "key": 5}), ("key", {"op": "SET", "value": "v"}),
            ("key", {"op": "DELETE", "key": None}), ("key", {"op": "GET", "key": ["k"]}),
            ("value", {"op": "SET", "key": "k"}), ("value", {"op": "SET", "key": "k", "value": 5}),
            ("if_revision", {"op": "SET", "key": "k", "value": "v", "if_revision": "1"}),
            ("if_revision", {"op": "SET", "key": "k", "value": "v", "if_revision": -1}),
            ("if_value", {"op": "SET", "key": "k", "value": "v", "if_value": 5}),
            ("timeout_ms", {"op": "GET", "key": "k", "timeout_ms": "soon"}),
            ("timeout_ms", {"op": "GET", "key": "k", "timeout_ms": -1}),
            ("consistency", {"op": "GET", "key": "k", "consistency": "eventual"}),
            ("consistency", {"op": "GET", "key": "k", "consistency": 1}),
            ("prefix", {"op": "SCAN"}), ("prefix", {"op": "SCAN", "prefix": 5}),
            ("end", {"op": "SCAN", "start": "a"}),
            ("limit", {"op": "SCAN", "prefix": "a", "limit": "many"}),
            ("limit", {"op": "SCAN", "prefix": "a", "limit": -1}),
            ("keys_only", {"op": "SCAN", "prefix": "a", "keys_only": "yes"}),
            ("from", {"op": "LOG", "from": "start"}), ("limit", {"op": "LOG", "limit": []}),
            ("node", {"op": "ELECT", "node": "two"}),
        ]
        for client in self.on_every_node():
            for field, request in cases:
                with self.subTest(request=request):
                    client.send_body(pack({**request, "id": 9}))
                    reply = client.receive()
                    self.assert_refused(reply, "BAD_REQUEST", naming=[field])
                    self.assertEqual(reply["id"], 9)

    def test_deep_and_huge_claims(self):
        deep = b"\x81\xa2op" + b"\x91" * 100_000 + b"\xc0"
        claims = [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x81\xa2op\xc6\xff\xff\xff\xff",
                  b"\x82\xa2op\xa3GET\xa3key\xdb\x7f\xff\xff\xff", deep]
        for client in self.on_every_node():
            for body in claims:
                client.send_body(body)
                self.assert_refused(client.receive(), "BAD_REQUEST")
            client.done("STATUS")


class Limits(OnThreeNodes):
    def test_key(self):
        for client in self.on_every_node():
            largest = b"k" * KEY_MAX
            client.done("SET", key=largest, value=b"x")
            self.assertEqual(client.done("GET", key=largest)["value"], b"x")
            client.done("DELETE", key=largest)
            for op in ("SET", "GET", "DELETE"):
                fields = dict(value=b"x") if op == "SET" else {}
                self.assert_refused(client.ask(op, key=largest + b"k", **fields), "TOO_LARGE",
                                    naming=[KEY_MAX, KEY_MAX + 1])

    def test_value(self):
        for client in self.on_every_node():
            largest = random.Random(3).randbytes(VALUE_MAX)
            client.done("SET", key=self.key("large"), value=largest)
            for other in self.clients.values():
                self.assertEqual(other.done("GET", key=self.key("large"))["value"], largest)
            self.assert_refused(client.ask("SET", key=self.key("large"), value=largest + b"x"),
                                "TOO_LARGE", naming=[VALUE_MAX, VALUE_MAX + 1])
            client.done("DELETE", key=self.key("large"))

    def test_many_large_values_at_once(self):
        for client in self.on_every_node():
            value = b"v" * VALUE_MAX
            replies = client.ask_all([("SET", dict(key=self.key(str(i)), value=value)) for i in range(24)])
            self.assertEqual([r for r in replies if not r["ok"]], [])
            items = client.scan_all(self.key(""))
            self.assertEqual([len(v) for _, v, _ in items], [VALUE_MAX] * 24)
            client.ask_all([("DELETE", dict(key=key)) for key, _, _ in items])

    def test_the_largest_message_is_answered(self):
        for client in self.on_every_node():
            head = len(pack({"op": "SET", "key": b"k", "value": b"x" * 100_000})) - 100_000
            client.send_body(pack({"op": "SET", "key": b"k", "value": b"x" * (MESSAGE_MAX - head)}))
            self.assert_refused(client.receive(), "TOO_LARGE")

    def test_a_larger_message_ends_the_connection(self):
        for client in self.on_every_node():
            with Client(client.address) as brute:
                monitor = brute.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
                brute.done("STATUS")
                brute.send_body(b"x" * (MESSAGE_MAX + 1))
                self.assertTrue(monitor.poll(20_000), "the connection is closed")
                brute.socket.disable_monitor()
            client.done("STATUS")


class WithoutAMajority(unittest.TestCase):
    def test_answers_come_by_the_timeout_and_say_what_is_known(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            for i in cluster.others(leader):
                cluster.node(i).kill()
            with cluster.client(leader) as client:
                for op, fields in [("SET", dict(key=b"k", value=b"v")), ("DELETE", dict(key=b"k")),
                                   ("NO-OP", {}), ("GET", dict(key=b"k")), ("SCAN", dict(prefix=b"")),
                                   ("HEARTBEAT", {})]:
                    with self.subTest(op=op):
                        reply = client.ask(op, timeout_ms=400, **fields)
                        self.assertIs(reply["ok"], False)
                        self.assertIn((reply["error"], reply["executed"]),
                                      [("NO_LEADER", "no"), ("TIMEOUT", "unknown"), ("TIMEOUT", "no")])
                eventually(lambda: client.done("STATUS")["role"] != "leader",
                           "a leader without a majority steps down")
                self.assertEqual(client.ask("SET", key=b"k", value=b"v", timeout_ms=300)["error"],
                                 "NO_LEADER")
                self.assertIn("applied", client.done("GET", key=b"k", consistency="local"))
                for op in ("STATUS", "LOG", "MEMBERS"):
                    client.done(op)

    def test_it_serves_again_once_there_is_a_majority(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            for i in cluster.others(leader):
                cluster.node(i).kill()
            with cluster.client(leader) as client:
                waiting = client.send("SET", key=b"k", value=b"v", timeout_ms=60_000)
                with self.assertRaises(NoAnswer):
                    client.receive(seconds=0.3)
                cluster.start(cluster.others(leader)[0])
                reply = client.receive(60)
                self.assertEqual((reply["id"], reply["ok"]), (waiting, True), reply)


if __name__ == "__main__":
    unittest.main()
