"""Real nodes join and leave under load; nothing acknowledged is ever lost."""

import json
import shutil
import subprocess
import unittest

from cluster import PROGRAM, Cluster, Node, eventually
from load import Load


class Members(unittest.TestCase):
    def voters_become(self, cluster, at, voters):
        eventually(lambda: cluster.voters(at) == voters,
                   lambda: f"the voters are {voters}: {cluster.voters(at)}")

    def raftbus(self, cluster, *words, at=1):
        return subprocess.run([PROGRAM, *words, "-e", cluster.node(at).client, "-t", "20s"],
                              capture_output=True, text=True, timeout=60)

    def assert_refused(self, cluster, reply_of, words):
        """The start of a node that must not come up."""
        node = cluster.nodes.pop(reply_of)
        self.assertEqual(node.process.wait(timeout=30), 2, node.log_tail())
        self.assertIn(words, node.log_tail())

    def test_a_fourth_node_joins_under_load(self):
        with Cluster(spares=1) as cluster:
            cluster.wait_until_ready()
            with Load(cluster) as load:
                cluster.join(4, 2)
                self.voters_become(cluster, 1, [1, 2, 3, 4])
                load.wait_for_more(100)
            cluster.wait_until_equal()
            load.check(self)
            cluster.node(4).kill()
            cluster.start(4)  # with the same command line
            cluster.wait_until_equal()
            self.assertEqual(cluster.status(4)["role"], "follower")

    def test_a_node_is_replaced_under_load(self):
        with Cluster(spares=1) as cluster:
            leader = cluster.wait_until_ready()
            old = cluster.others(leader)[0]
            with Load(cluster) as load:
                cluster.join(4, leader, "--learner")
                eventually(lambda: cluster.status(4), "node 4 answers")
                self.assertEqual(cluster.status(4)["role"], "learner")
                plan = self.raftbus(cluster, "members", "replace", str(old), "4", "--dry-run",
                                    "-o", "json", at=leader)
                steps = json.loads(plan.stdout)
                self.assertEqual([s["op"] for s in steps], ["PROMOTE", "REMOVE"], plan)
                self.assertEqual([s["quorum"] for s in steps], [3, 2])
                self.assertEqual(cluster.voters(leader), [1, 2, 3], "a plan changes nothing")
                done = self.raftbus(cluster, "members", "replace", str(old), "4", at=leader)
                self.assertEqual(done.returncode, 0, done)
                cluster.node(old).kill()
                load.wait_for_more(100)
            self.assertEqual(cluster.voters(leader), sorted({1, 2, 3, 4} - {old}))
            cluster.wait_until_equal()
            load.check(self)

    def test_the_leader_is_removed_under_load(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            others = cluster.others(leader)
            with Load(cluster) as load:
                reply = cluster.ask(leader, "REMOVE", node=leader)
                self.assertTrue(reply["ok"], reply)
                cluster.wait_for_leader(others)
                cluster.node(leader).kill()
                load.wait_for_more(100)
            self.assertEqual(cluster.voters(others[0]), others)
            cluster.wait_until_equal()
            load.check(self)

    def test_a_removed_node_that_was_away_comes_back_and_disturbs_nobody(self):
        with Cluster(4) as cluster:
            leader = cluster.wait_until_ready()
            gone, *rest = cluster.others(leader)
            cluster.node(gone).kill()
            self.assertTrue(cluster.ask(rest[0], "REMOVE", node=gone)["ok"])
            term = cluster.status(leader)["term"]
            cluster.start(gone)
            eventually(lambda: (cluster.status(gone) or {}).get("member") is False,
                       "the removed node knows it")
            with Load(cluster) as load:
                load.wait_for_more(300)
            status = cluster.status(leader)
            self.assertEqual((status["role"], status["term"]), ("leader", term))
            self.assertEqual(cluster.status(gone)["term"], term)
            eventually(lambda: cluster.status(gone)["leader"] == 0, "it follows nobody")
            reply = cluster.ask(gone, "SET", key=b"k", value=b"v", timeout_ms=200)
            self.assertEqual((reply["error"], reply["executed"]), ("NO_LEADER", "no"), reply)
            cluster.node(gone).kill()
            load.check(self)

    def test_members_survive_a_restart_of_all(self):
        """The log knows better than --peers."""
        with Cluster(spares=1) as cluster:
            leader = cluster.wait_until_ready()
            cluster.join(4, leader)
            self.voters_become(cluster, leader, [1, 2, 3, 4])
            gone = cluster.others(leader)[0]
            self.assertTrue(cluster.ask(leader, "REMOVE", node=gone)["ok"])
            left = [i for i in cluster.numbers() if i != gone]
            cluster.kill_all()
            cluster.start(*left)
            cluster.wait_for_leader(left)
            self.voters_become(cluster, left[0], left)
            cluster.wait_until_equal()
            self.assertTrue(cluster.ask(left[0], "SET", key=b"k", value=b"v")["ok"])

    def test_ids_are_used_once(self):
        with Cluster(spares=3) as cluster:
            leader = cluster.wait_until_ready()
            cluster.join(4, leader)
            self.voters_become(cluster, leader, [1, 2, 3, 4])
            cluster.node(4).kill()
            shutil.rmtree(cluster.node(4).data)
            cluster.start(4)
            self.assert_refused(cluster, 4, "id 4 is taken")
            self.assertTrue(cluster.ask(leader, "REMOVE", node=4)["ok"])
            cluster.join(4, leader)
            self.assert_refused(cluster, 4, "never used again")
            cluster.join(5, leader)
            self.voters_become(cluster, leader, [1, 2, 3, 5])

    def test_what_keeps_a_node_from_joining_is_said(self):
        with Cluster(spares=2) as cluster, Cluster(1) as other:
            cluster.wait_until_ready()
            other.wait_until_ready()
            nowhere = Node(4, cluster.directory, cluster._first_port + 30)
            cluster.join(4, 1, "--cluster", "another")
            self.assert_refused(cluster, 4, "it belongs to cluster")
            self.assertFalse((nowhere.data / "identity").exists())
            cluster.node(1).kill()
            cluster.join(4, 1)
            node = cluster.nodes.pop(4)
            self.assertEqual(node.process.wait(timeout=60), 3, node.log_tail())
            self.assertIn("can not join", node.log_tail())

    def test_a_change_that_would_stop_the_cluster_is_refused(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            dead, alive = cluster.others(leader)
            cluster.node(dead).kill()
            eventually(lambda: cluster.ask(leader, "REMOVE", node=alive)["error"] == "UNSUPPORTED",
                       "it is known that the dead node is silent")
            last = self.raftbus(cluster, "members", "remove", str(alive), at=leader)
            self.assertEqual(last.returncode, 2, last)
            self.assertIn(f"n{dead} is silent", last.stderr)
            self.assertTrue(cluster.ask(leader, "REMOVE", node=dead)["ok"])
            self.assertEqual(cluster.voters(leader), sorted([leader, alive]))


if __name__ == "__main__":
    unittest.main()
