"""A node whose state is not the others': it finds out, serves nobody, and says so."""

import unittest

from client import NO
from cluster import Cluster, eventually
from snapshot_test import SMALL, write_many


def spoil(cluster, number):
    """Restarts the node so that it forgets the next write, which this makes. All hold the same before."""
    before = cluster.wait_until_equal()["last"]
    cluster.node(number).kill()
    cluster.node(number).environment = {"RAFTBUS_FAULT": f"forget-writes@{before + 1}"}
    cluster.start(number)
    cluster.node(number).environment = {}
    leader = cluster.wait_until_ready()
    with cluster.client(leader) as client:
        client.done("SET", key=b"forgotten", value=b"x")


def diverged(cluster, number):
    return (cluster.status(number) or {}).get("diverged")


class AFollowerDiffers(unittest.TestCase):
    def test_it_serves_nobody_and_a_snapshot_makes_it_well(self):
        with Cluster(options=SMALL) as cluster:
            leader = cluster.wait_until_ready()
            with cluster.client(leader) as client:
                write_many(client, 10)
            wrong = cluster.others(leader)[0]
            spoil(cluster, wrong)
            found = eventually(lambda: diverged(cluster, wrong), "the follower knows that it differs")
            self.assertTrue(found["by_majority"])
            self.assertNotEqual(found["digest"], found["expected"])
            for op, fields in (("GET", dict(key=b"k0000001", consistency="local")),
                               ("GET", dict(key=b"k0000001")),
                               ("SCAN", dict(prefix=b"k")), ("SET", dict(key=b"k", value=b"v"))):
                reply = cluster.ask(wrong, op, **fields)
                self.assertEqual((reply["error"], reply["executed"]), ("BUSY", NO), op)
                self.assertIn("raftbus repair", reply["message"])
            self.assertIn("differs from the others'", cluster.node(wrong).log_tail())
            for other in cluster.others(wrong):
                self.assertIsNone(diverged(cluster, other))
                self.assertTrue(cluster.ask(other, "GET", key=b"forgotten")["found"])

            # What is wrong is on the disk, too: a restart finds it again.
            with cluster.client(wrong) as client:
                client.done("SNAPSHOT")
            cluster.node(wrong).kill()
            cluster.start(wrong)
            eventually(lambda: diverged(cluster, wrong), "it finds out again")

            # It votes, so the cluster can lose one more; and the third leads, not this one.
            leader = cluster.wait_until_ready()
            third = next(i for i in cluster.others(leader) if i != wrong)
            cluster.node(leader).kill()
            self.assertEqual(cluster.wait_for_leader([wrong, third]), third)
            cluster.start(leader)
            cluster.wait_until_ready()

            # Behind the log that the others have: it takes their state in place of its own.
            cluster.node(wrong).kill()
            with cluster.client(third) as client:
                write_many(client, 10_000)
            for i in cluster.others(wrong):
                cluster.node(i).kill()
                cluster.start(i)
                cluster.wait_for_leader(cluster.others(wrong))
            cluster.start(wrong)
            cluster.wait_until_ready()
            cluster.wait_until_equal()
            self.assertIsNone(diverged(cluster, wrong))
            self.assertTrue(cluster.ask(wrong, "GET", key=b"forgotten")["found"])


class TheLeaderDiffers(unittest.TestCase):
    def test_it_hands_over(self):
        with Cluster() as cluster:
            wrong = cluster.wait_until_ready()
            with cluster.client(wrong) as client:
                write_many(client, 10)
            before = cluster.wait_until_equal()["last"]
            # Long enough ahead for it to be elected again first.
            cluster.node(wrong).kill()
            cluster.node(wrong).environment = {"RAFTBUS_FAULT": f"forget-writes@{before + 20}"}
            cluster.start(wrong)
            cluster.wait_until_ready()
            self.assertTrue(cluster.ask(wrong, "ELECT")["ok"])
            eventually(lambda: cluster.wait_until_ready() == wrong, "it leads again")
            with cluster.client(wrong) as client:
                write_many(client, 50)
            eventually(lambda: diverged(cluster, wrong), "the leader knows that it differs")
            leader = eventually(lambda: (cluster.wait_until_ready() != wrong) and cluster.leader(),
                                "another one leads")
            with cluster.client(leader) as client:
                self.assertTrue(client.done("GET", key=b"k0000049")["found"])


if __name__ == "__main__":
    unittest.main()
