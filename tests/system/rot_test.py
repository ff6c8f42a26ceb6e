"""A bit that flips in a node's state, under real processes: an answer with an error, and a repair."""

import unittest

from cluster import Cluster, eventually

SMALL = ("--segment-bytes", "64K", "--flush-entries", "100", "--log-keep-bytes", "64K")
KEYS = [f"k{i:04}" for i in range(600)]


class Rot(unittest.TestCase):
    def rot(self, cluster, number):
        """Flips a bit of a value in each of the node's state files, which it has not read yet."""
        flipped = 0
        for path in (cluster.node(number).data / "state").glob("*.sst"):
            with open(path, "r+b") as file:
                data = file.read()
                at = len(data) // 3
                file.seek(at)
                file.write(bytes([data[at] ^ 0x10]))
                flipped += 1
        self.assertGreater(flipped, 0)

    def fill(self, cluster, at):
        with cluster.client(at) as client:
            replies = client.ask_all([("SET", {"key": k, "value": k * 50}) for k in KEYS])
            self.assertTrue(all(r["ok"] for r in replies))
            client.done("SNAPSHOT")
        cluster.wait_until_equal()

    def read_all(self, cluster, at):
        with cluster.client(at) as client:
            return client.ask_all([("GET", {"key": k, "consistency": "local"}) for k in KEYS])

    def test_the_leader_answers_with_an_error_hands_over_and_gets_another_state(self):
        with Cluster(options=SMALL) as cluster:
            bad = cluster.wait_until_ready()
            self.fill(cluster, bad)
            self.rot(cluster, bad)
            errors = {r["error"] for r in self.read_all(cluster, bad) if not r["ok"]}
            self.assertEqual(errors, {"DAMAGED"})
            eventually(lambda: cluster.leader() not in (None, bad), "another node leads")
            eventually(lambda: "damaged" not in (cluster.status(bad) or {"damaged": 1}),
                       lambda: f"it is whole again: {cluster.node(bad).log_tail()}")
            cluster.wait_until_equal()
            for number in cluster.numbers():
                self.assertTrue(cluster.node(number).runs())
                self.assertEqual([r.get("value") for r in self.read_all(cluster, number)],
                                 [(k * 50).encode() for k in KEYS])

    def test_one_node_alone_says_what_is_wrong_and_lives(self):
        with Cluster(1, options=SMALL) as cluster:
            cluster.wait_until_ready()
            self.fill(cluster, 1)
            self.rot(cluster, 1)
            self.assertIn("DAMAGED", {r.get("error") for r in self.read_all(cluster, 1)})
            self.assertIn("is damaged", cluster.status(1)["damaged"])
            self.assertEqual(cluster.ask(1, "SET", key="a", value="b")["error"], "DAMAGED")
            self.assertIn("raftbus restore", cluster.node(1).log.read_text())
            cluster.node(1).kill()
            cluster.start()
            cluster.wait_until_ready()
            self.assertIn("DAMAGED", {r.get("error") for r in self.read_all(cluster, 1)})


if __name__ == "__main__":
    unittest.main()
