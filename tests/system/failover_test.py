"""Real nodes die, hang, come back and are taken for others; nothing acknowledged is ever lost."""

import signal
import statistics
import subprocess
import time
import unittest

from cluster import Cluster, Node, eventually, free_ports
from load import Load


class AFreshCluster(unittest.TestCase):
    def test_every_node_takes_writes_as_soon_as_it_knows_the_leader(self):
        """The connections between the nodes need not all stand by then."""
        for _ in range(8):
            with Cluster() as cluster:
                cluster.wait_until_ready()
                asked = [(client, client.send("SET", key=b"first of %d" % i, value=b"x"))
                         for i, client in cluster.clients()]
                for client, number in asked:
                    with client:
                        reply = client.receive()
                        self.assertEqual((reply["id"], reply["ok"]), (number, True), reply)


class ANodeDies(unittest.TestCase):
    def test_leader_killed_under_load(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            with Load(cluster) as load:
                cluster.node(leader).kill()
                load.wait_for_more(200)
            self.assertNotEqual(cluster.leader(), leader)
            load.check(self)
            cluster.start(leader)
            cluster.wait_until_equal()
            load.check(self)

    def test_follower_dead(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            term = cluster.status(leader)["term"]
            cluster.node(cluster.others(leader)[0]).kill()
            with Load(cluster) as load:
                load.wait_for_more(200)
            status = cluster.status(leader)
            self.assertEqual((status["role"], status["term"]), ("leader", term))
            load.check(self)

    def test_a_preferred_leader_gets_leadership_back(self):
        quick = ["--heartbeat", "20ms", "--election-timeout", "100ms-200ms"]
        with Cluster(options=quick) as cluster:
            preferred = cluster.others(cluster.wait_until_ready())[0]
            node = cluster.node(preferred)
            with Load(cluster) as load:
                for _ in range(2):
                    node.kill()
                    load.wait_for_more(50)
                    node.start(cluster.peers, quick + ["--priority", "5"])
                    eventually(lambda: cluster.leader() == preferred, "it leads again")
                    load.wait_for_more(50)
            load.check(self)
            self.assertIn("is preferred as a leader", "".join(
                cluster.node(i).log.read_text() for i in cluster.others(preferred)))

    def test_one_after_the_other_killed_and_restarted(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            with Load(cluster) as load:
                for i in cluster.numbers() * 2:
                    cluster.node(i).kill()
                    load.wait_for_more(50)
                    cluster.start(i)
                    load.wait_for_more(50)
                    cluster.wait_until_ready()
            cluster.wait_until_equal()
            load.check(self)

    def test_five_nodes_survive_two(self):
        with Cluster(5) as cluster:
            leader = cluster.wait_until_ready()
            with Load(cluster) as load:
                cluster.node(leader).kill()
                cluster.node(cluster.others(leader)[0]).kill()
                load.wait_for_more(200)
            load.check(self)

    def test_time_to_the_next_acknowledged_write(self):
        """Told, not judged: this machine may be busy with other things."""
        gaps = []
        with Cluster() as cluster:
            for _ in range(7):
                leader = cluster.wait_until_ready()
                with Load(cluster) as load:
                    moment = time.monotonic()
                    cluster.node(leader).kill()
                    gaps.append(load.first_after(moment))
                cluster.start(leader)
                cluster.wait_until_equal()
        print(f"kill -9 of the leader to the next acknowledged write: "
              f"median {statistics.median(gaps) * 1000:.0f} ms of "
              f"{', '.join(f'{gap * 1000:.0f}' for gap in gaps)}")


class AllDie(unittest.TestCase):
    def test_killed_at_once_under_load(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            with Load(cluster) as load:
                for _ in range(3):
                    cluster.kill_all()
                    cluster.start()
                    load.wait_for_more(100)
            cluster.wait_until_equal()
            load.check(self)

    def test_killed_at_once_and_one_stays_away(self):
        with Cluster() as cluster:
            for away in cluster.numbers():
                cluster.wait_until_ready()
                with Load(cluster) as load:
                    cluster.kill_all()
                cluster.start(*cluster.others(away))
                cluster.wait_for_leader(cluster.others(away))
                load.check(self)
                cluster.start()
            cluster.wait_until_equal()

    def test_terms_and_revisions_never_go_back(self):
        with Cluster() as cluster:
            term = revision = 0
            for _ in range(4):
                leader = cluster.wait_until_ready()
                with cluster.client(leader) as client:
                    now = client.done("SET", key=b"k", value=b"v", timeout_ms=20_000)["revision"]
                    self.assertGreater(now, revision)
                    self.assertGreater(client.done("STATUS")["term"], term)
                    revision, term = now, client.done("STATUS")["term"]
                cluster.kill_all()
                cluster.start()


class ALeaderHangs(unittest.TestCase):
    def test_no_stale_read_and_no_write_of_the_old_term(self):
        """L1, E7: what the paused leader was asked meanwhile, it answers freshly or not at all."""
        self.pause_leaders(Cluster())

    def test_no_stale_read_by_a_lease_that_ran_out(self):
        """L4: a lease skips the round of heartbeats only for as long as nobody else can lead."""
        self.pause_leaders(Cluster(options=["--lease-duration", "250ms"]), consistency="lease")

    def pause_leaders(self, cluster, **read):
        with cluster:
            for n in range(3):
                paused = cluster.wait_until_ready()
                others = cluster.others(paused)
                with cluster.client(paused) as sleeper, cluster.client(others[0]) as awake:
                    sleeper.done("SET", key=b"k", value=b"old %d" % n)
                    term = sleeper.done("STATUS")["term"]
                    cluster.node(paused).pause()
                    write = sleeper.send("SET", key=b"from the past", value=b"%d" % n)
                    eventually(lambda: cluster.leader(others), "another node leads")
                    written = awake.done("SET", key=b"k", value=b"new %d" % n, timeout_ms=20_000)
                    # Asked after the write was acknowledged, so "old" would be a stale read. The first
                    # wait in the sockets of the node that still thinks it leads.
                    asked = [sleeper.send("GET", key=b"k", **read) for _ in range(20)]
                    cluster.node(paused).resume()
                    asked += [sleeper.send("GET", key=b"k", **read) for _ in range(20)]
                    replies = {r["id"]: r for r in (sleeper.receive() for _ in range(len(asked) + 1))}
                    for number in asked:
                        if replies[number]["ok"]:
                            self.assertEqual(replies[number]["value"], b"new %d" % n)
                    if replies[write]["ok"]:
                        self.assertGreater(replies[write]["revision"], written["revision"])
                        self.assertEqual(awake.done("GET", key=b"from the past")["value"], b"%d" % n)
                    follows = eventually(lambda: self.follower(cluster.status(paused), term),
                                         "the node that was paused follows")
                    self.assertGreater(follows["term"], term)
                    cluster.wait_until_equal()

    @staticmethod
    def follower(status, term):
        return status and status["role"] == "follower" and status["term"] > term and status

    def test_writes_go_on_while_it_hangs(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            with Load(cluster) as load:
                cluster.node(leader).pause()
                load.wait_for_more(100)
                cluster.node(leader).resume()
                load.wait_for_more(100)
            cluster.wait_until_equal()
            load.check(self)

    def test_a_paused_follower_disturbs_nobody(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            term = cluster.status(leader)["term"]
            follower = cluster.others(leader)[0]
            with Load(cluster, timeout_ms=500) as load:
                cluster.node(follower).pause()
                load.wait_for_more(200)
                cluster.node(follower).resume()
                load.wait_for_more(200)
            cluster.wait_until_equal()
            self.assertEqual(cluster.status(leader)["role"], "leader")
            self.assertEqual(cluster.status(leader)["term"], term)


class AFollowerWasAway(unittest.TestCase):
    def test_it_catches_up_without_new_writes(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            late = cluster.others(leader)[0]
            cluster.node(late).kill()
            with cluster.client(leader) as client:
                writes = [("SET", dict(key=b"k%d" % (i % 5000), value=b"v%d" % i, timeout_ms=60_000))
                          for i in range(20_000)]
                for some in (writes[:10_000], writes[10_000:]):  # fewer than one client may have in flight
                    self.assertEqual([r for r in client.ask_all(some) if not r["ok"]], [])
            last = cluster.status(leader)["last"]
            cluster.start(late)
            cluster.wait_until_equal(seconds=60)
            self.assertGreaterEqual(cluster.status(late)["applied"], last)

    def test_it_catches_up_under_load_and_with_large_values(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            late = cluster.others(leader)[1]
            cluster.node(late).kill()
            with cluster.client(leader) as client:
                value = b"v" * (1 << 20)
                writes = [("SET", dict(key=b"big%d" % (i % 8), value=value, timeout_ms=60_000))
                          for i in range(64)]
                self.assertEqual([r for r in client.ask_all(writes) if not r["ok"]], [])
            with Load(cluster, writers=2) as load:
                cluster.start(late)
                eventually(lambda: (cluster.status(late) or {"applied": 0})["applied"] >= 64,
                           "the late one applies")
                load.wait_for_more(100)
            cluster.wait_until_equal(seconds=60)
            load.check(self)

    def test_it_is_behind_when_all_restart(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            late = cluster.others(leader)[0]
            with Load(cluster) as load:
                cluster.node(late).kill()
                load.wait_for_more(500)
            cluster.kill_all()
            cluster.start()
            cluster.wait_until_equal()
            self.assertNotEqual(cluster.leader(), late)
            load.check(self)


class OrderlyStop(unittest.TestCase):
    def test_a_leader_hands_over(self):
        with Cluster() as cluster:
            for _ in range(3):
                leader = cluster.wait_until_ready()
                with Load(cluster) as load:
                    node = cluster.node(leader)
                    moment = time.monotonic()
                    node.terminate()
                    eventually(lambda: not node.runs(), "the node ends")
                    self.assertEqual(node.process.returncode, 0, node.log_tail())
                    load.wait_for_more(100)
                print(f"SIGTERM to the leader: next acknowledged write after "
                      f"{load.first_after(moment) * 1000:.0f} ms")
                load.check(self)
                cluster.start(leader)
                cluster.wait_until_equal()

    def test_all_at_once(self):
        with Cluster() as cluster:
            for signal_ in (signal.SIGTERM, signal.SIGINT):
                cluster.wait_until_ready()
                with Load(cluster) as load:
                    pass
                for i in cluster.numbers():
                    cluster.node(i).process.send_signal(signal_)
                for i in cluster.numbers():
                    node = cluster.node(i)
                    eventually(lambda: not node.runs(), f"node {i} ends")
                    self.assertEqual(node.process.returncode, 0, node.log_tail())
                cluster.start()
                cluster.wait_until_equal()
                load.check(self)

    def test_while_it_has_no_majority(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            for i in cluster.others(leader):
                cluster.node(i).kill()
            with cluster.client(leader) as client:
                client.send("SET", key=b"k", value=b"v", timeout_ms=60_000)
                cluster.node(leader).terminate()
                eventually(lambda: not cluster.node(leader).runs(), "it ends all the same")
                self.assertEqual(cluster.node(leader).process.returncode, 0)


class AWrongNode(unittest.TestCase):
    """What is configured wrongly is refused with words that name it."""

    def ends_naming(self, command, *words):
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        said = (ended.stdout + ended.stderr).decode(errors="replace")
        self.assertGreater(ended.returncode, 0, said)
        for word in words:
            self.assertIn(word, said)

    def test_data_of_another_node(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            one, two = cluster.node(1), cluster.node(2)
            one.kill()
            two.kill()
            one.data, two.data = two.data, one.data
            self.ends_naming(one.command(cluster.peers), "1", "2", str(one.data))

    def test_data_in_use(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            port = free_ports(10)
            again = Node(1, cluster.directory, port)
            peers = cluster.peers.replace(cluster.node(1).peer, again.peer)
            self.ends_naming(again.command(peers), str(again.data))

    def test_address_in_use(self):
        with Cluster() as cluster:
            cluster.wait_until_ready()
            twin = self.stranger(cluster, 1)
            self.ends_naming(twin.command(cluster.peers), "in use")

    def test_second_node_with_one_id(self):
        ours = ["--cluster", "ours"]
        with Cluster(options=ours) as cluster:
            cluster.wait_until_ready()
            twin = self.stranger(cluster, 2)
            with Stranger(twin, cluster.peers.replace(cluster.node(2).peer, twin.peer), ours):
                eventually(lambda: self.said(cluster, twin, "node id 2"), "the id that two have is named")
            cluster.node(2).kill()  # which of the two was meant, nobody else can know
            cluster.start(2)
            self.still_one_cluster(cluster)

    def test_node_of_another_cluster(self):
        with Cluster(options=["--cluster", "ours"]) as cluster:
            cluster.wait_until_ready()
            cluster.node(3).kill()
            alien = Node(3, cluster.directory / "alien", 0)
            alien.client, alien.peer, alien.trace = (
                cluster.node(3).client, cluster.node(3).peer, cluster.node(3).trace)
            alien.data.parent.mkdir()
            with Stranger(alien, cluster.peers, ["--cluster", "theirs"]):
                eventually(lambda: self.said(cluster, alien, "ours", "theirs"),
                           "both clusters are named")
            cluster.start()
            self.still_one_cluster(cluster)

    def stranger(self, cluster, number):
        directory = cluster.directory / "stranger"
        directory.mkdir()
        return Node(number, directory, free_ports(10))

    def said(self, cluster, stranger, *words):
        """Whether one complaint in anybody's log has all the words."""
        logs = [cluster.node(i).log for i in cluster.numbers()] + [stranger.log]
        lines = [line for log in logs if log.exists()
                 for line in log.read_text(errors="replace").splitlines()
                 if any(mark in line.lower() for mark in ("warn", "error", "critical"))]
        return any(all(word in line for word in words) for line in lines)

    def still_one_cluster(self, cluster):
        with cluster.client(1) as client:
            client.done("SET", key=b"after", value=b"all", timeout_ms=20_000)
        cluster.wait_until_equal()


class Stranger:
    """A node that does not belong, for as long as the block lasts."""

    def __init__(self, node, peers, options=()):
        self.node, self.peers, self.options = node, peers, options

    def __enter__(self):
        self.node.start(self.peers, self.options)

    def __exit__(self, *_):
        self.node.kill()


if __name__ == "__main__":
    unittest.main()
