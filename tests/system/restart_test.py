"""What a node shows after it was restarted: nothing older than what it had shown before."""

import unittest

from client import NO
from cluster import Cluster, eventually


def local(client, **fields):
    return client.ask("GET", key=b"k", consistency="local", **fields)


class LocalReads(unittest.TestCase):
    def test_after_a_restart_a_node_shows_nothing_older_than_before(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            follower = next(i for i in (1, 2, 3) if i != cluster.status(1)["leader"])
            with cluster.client(1) as client:
                client.done("SET", key=b"k", value=b"v")
            with cluster.client(follower) as client:
                eventually(lambda: local(client)["found"], "the follower has applied it")
            for others in ("run", "are down"):
                with self.subTest(others=others):
                    if others == "are down":
                        for i in cluster.others(follower):
                            cluster.node(i).kill()
                    cluster.node(follower).terminate()
                    cluster.node(follower).process.wait()
                    cluster.start(follower)
                    with cluster.client(follower) as client:
                        self.assertTrue(local(client)["found"], "the very first answer")

            # After a crash it can't know alone how much of its log is committed.
            cluster.start()
            with cluster.client(1) as client:
                eventually(lambda: client.ask("SET", key=b"k", value=b"w")["ok"], "a leader is back")
            cluster.kill_all()
            cluster.start(follower)
            with cluster.client(follower) as client:
                reply = local(client, timeout_ms=500)
                self.assertEqual((reply["error"], reply["executed"]), ("NO_LEADER", NO))
                self.assertIn("was restarted", reply["message"])
            cluster.start()
            with cluster.client(follower) as client:
                reply = eventually(lambda: (r := local(client))["ok"] and r, "it hears a leader")
                self.assertEqual(reply["value"], b"w")


if __name__ == "__main__":
    unittest.main()
