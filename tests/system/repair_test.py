"""Damaged data, lost nodes, a lost majority: what an operator does then, with real processes."""

import json
import pathlib
import shutil
import subprocess
import unittest

from cluster import PROGRAM, Cluster, eventually

SMALL = ("--segment-bytes", "64K", "--flush-entries", "200", "--log-keep-bytes", "128K")


def raftbus(*words):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=120)


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x40]))


def tree(directory):
    return {str(p): p.read_bytes() for p in sorted(pathlib.Path(directory).rglob("*")) if p.is_file()}


class Damaged(unittest.TestCase):
    def fill(self, cluster, at, count, prefix="k"):
        with cluster.client(at) as client:
            replies = client.ask_all([("SET", {"key": f"{prefix}{i:04}", "value": "v" * 100})
                                      for i in range(count)])
        self.assertTrue(all(r["ok"] for r in replies))

    def check(self, cluster, node):
        done = raftbus("check", cluster.node(node).data, "-o", "json")
        self.assertIn(done.returncode, (0, 1), done)
        return json.loads(done.stdout)

    def refuses_to_start(self, cluster, number):
        node = cluster.node(number)
        cluster.start(number)
        self.assertEqual(node.process.wait(timeout=30), 2, node.log_tail())
        for words in ("raftbus check", "raftbus repair"):
            self.assertIn(words, node.log_tail())

    def repair(self, cluster, number, at, *options):
        return raftbus("repair", cluster.node(number).data, "-e", cluster.node(at).client,
                       "-t", "20s", *options)

    def comes_back(self, cluster, number, at):
        cluster.start(number)
        eventually(lambda: cluster.voters(at) == cluster.numbers(),
                   lambda: f"node {number} votes again: {cluster.describe()}")
        cluster.wait_until_equal()

    def test_a_damaged_segment(self):
        with Cluster(options=SMALL) as cluster:
            leader = cluster.wait_until_ready()
            self.fill(cluster, leader, 1500)
            cluster.wait_until_equal()
            victim = cluster.others(leader)[0]
            cluster.node(victim).kill()
            data = cluster.node(victim).data
            self.assertTrue(self.check(cluster, victim)["sound"])
            segments = sorted(data.glob("seg-*"))
            whole = segments[-2]  # the last one may hold less than that
            flip(whole, 20_000)
            before = tree(data)
            found = self.check(cluster, victim)
            self.assertFalse(found["sound"])
            self.assertEqual(found["damages"][0]["file"], whole.name)
            self.assertLessEqual(found["damages"][0]["offset"], 20_000)
            self.assertEqual(tree(data), before, "looking changes nothing")
            self.refuses_to_start(cluster, victim)
            self.fill(cluster, leader, 300, "later")

            plan = self.repair(cluster, victim, leader, "--dry-run")
            self.assertEqual(plan.returncode, 0, plan)
            self.assertEqual(cluster.voters(leader), [1, 2, 3], "a plan changes nothing")
            done = self.repair(cluster, victim, leader)
            self.assertEqual(done.returncode, 0, done)
            self.assertEqual(len(list(data.glob("damaged-*/seg-*"))), len(segments))
            self.assertNotIn(victim, cluster.voters(leader))
            again = self.repair(cluster, victim, leader)
            self.assertEqual(again.returncode, 2, "it is repaired already")
            self.assertIn("start the node", again.stderr)

            self.comes_back(cluster, victim, leader)
            third = [n for n in cluster.others(leader) if n != victim][0]
            cluster.node(third).kill()  # now it is needed
            self.assertTrue(cluster.ask(leader, "SET", key="k", value="w")["ok"])
            self.assertEqual(cluster.ask(victim, "GET", key="later0299")["value"], b"v" * 100)

    def test_a_damaged_state_ends_the_node_when_it_is_met(self):
        with Cluster(options=SMALL) as cluster:
            leader = cluster.wait_until_ready()
            self.fill(cluster, leader, 1500)
            cluster.wait_until_equal()
            victim = cluster.others(leader)[0]
            self.assertTrue(cluster.ask(victim, "SNAPSHOT")["ok"])
            node = cluster.node(victim)
            node.kill()
            table = max((node.data / "state").glob("*.sst"), key=lambda p: p.stat().st_size)
            flip(table, 200)
            cluster.start(victim)
            cluster.status(victim, seconds=10)
            with cluster.client(victim) as client:
                client.send("SCAN", prefix="", limit=10_000, consistency="local")
                self.assertEqual(node.process.wait(timeout=30), 70, node.log_tail())
            log = node.log_tail(1000)
            for words in ("is damaged", "raftbus check", "raftbus repair"):
                self.assertIn(words, log)
            found = self.check(cluster, victim)
            self.assertIn(f"state/{table.name}", [d["file"] for d in found["damages"]])
            done = self.repair(cluster, victim, leader)
            self.assertEqual(done.returncode, 0, done)
            self.comes_back(cluster, victim, leader)

    def test_an_emptied_directory(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            self.fill(cluster, leader, 100)
            victim = cluster.others(leader)[0]
            cluster.node(victim).kill()
            shutil.rmtree(cluster.node(victim).data)
            nobody = self.repair(cluster, victim, leader)
            self.assertEqual(nobody.returncode, 2)
            self.assertIn("--node", nobody.stderr)
            done = self.repair(cluster, victim, leader, "--node", victim)
            self.assertEqual(done.returncode, 0, done)
            self.comes_back(cluster, victim, leader)

    def test_what_repair_refuses(self):
        with Cluster(2) as cluster:
            leader = cluster.wait_until_ready()
            victim = cluster.others(leader)[0]
            runs = self.repair(cluster, victim, leader)
            self.assertEqual(runs.returncode, 2, "it runs")
            self.assertIn("stop the node", runs.stderr)
            cluster.node(victim).kill()
            sound = self.repair(cluster, victim, leader)
            self.assertEqual(sound.returncode, 2)
            self.assertIn("nothing is damaged", sound.stderr)
            alone = raftbus("repair", cluster.node(victim).data, "-e", cluster.node(leader).client,
                            "-t", "2s", "--force")
            self.assertEqual(alone.returncode, 4, alone)
            self.assertIn("raftbus recover", alone.stderr)
            self.assertEqual(self.check(cluster, victim)["sound"], True, "nothing was changed")
            cluster.start(victim)
            cluster.wait_until_equal()

    def test_a_repair_that_is_interrupted_is_done_again(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            self.fill(cluster, leader, 100)
            cluster.wait_until_equal()
            victim = cluster.others(leader)[0]
            self.assertTrue(cluster.ask(victim, "SNAPSHOT")["ok"])
            node = cluster.node(victim)
            node.kill()
            self.assertEqual(self.repair(cluster, victim, leader, "--force").returncode, 0)
            # As if it had ended half way: some of the files are back.
            aside = next(node.data.glob("damaged-*"))
            (aside / "state").rename(node.data / "state")
            self.assertFalse(self.check(cluster, victim)["sound"])
            self.refuses_to_start(cluster, victim)
            self.assertEqual(self.repair(cluster, victim, leader).returncode, 0)
            self.comes_back(cluster, victim, leader)


class MajorityLost(unittest.TestCase):
    def test_a_survivor_goes_on_alone(self):
        with Cluster(spares=1) as cluster:
            leader = cluster.wait_until_ready()
            with cluster.client(leader) as client:
                for i in range(50):
                    client.done("SET", key=f"k{i}", value=str(i))
            cluster.wait_until_equal()
            cluster.kill_all()
            survivor, *lost = cluster.numbers()
            data = cluster.node(survivor).data
            before = tree(data)
            plan = raftbus("recover", data)
            self.assertEqual(plan.returncode, 0, plan)
            for words in ("only voter", "n2, n3", "may have been committed", "--yes"):
                self.assertIn(words, plan.stdout)
            self.assertEqual(tree(data), before, "a plan changes nothing")
            done = raftbus("recover", data, "--yes", "-o", "json")
            self.assertEqual(done.returncode, 0, done)
            self.assertEqual(json.loads(done.stdout)["removed"], lost)

            cluster.start(survivor)
            eventually(lambda: cluster.leader([survivor]) == survivor, "it leads alone")
            self.assertEqual(cluster.voters(survivor), [survivor])
            with cluster.client(survivor) as client:
                for i in range(50):
                    self.assertEqual(client.done("GET", key=f"k{i}")["value"], str(i).encode())
                client.done("SET", key="after", value="v")

            # Who comes back has been removed, and is told so.
            cluster.start(lost[0])
            eventually(lambda: (cluster.status(lost[0]) or {}).get("member") is False,
                       lambda: f"it knows that it was removed: {cluster.describe()}")
            self.assertEqual(cluster.leader([survivor]), survivor)
            for n in lost:
                cluster.node(n).kill()
                cluster.nodes.pop(n)
            cluster.join(4, survivor)
            eventually(lambda: cluster.voters(survivor) == [1, 4], "a new node votes")
            cluster.wait_until_equal()
            self.assertEqual(cluster.ask(4, "GET", key="after")["value"], b"v")

    def test_damaged_data_are_nothing_to_go_on_with(self):
        with Cluster() as cluster:
            leader = cluster.wait_until_ready()
            with cluster.client(leader) as client:
                for i in range(200):
                    client.done("SET", key=f"k{i}", value="v" * 100)
            cluster.wait_until_equal()
            cluster.kill_all()
            data = cluster.node(1).data
            flip(sorted(data.glob("seg-*"))[0], 5_000)
            before = tree(data)
            refused = raftbus("recover", data, "--yes")
            self.assertEqual(refused.returncode, 2, refused)
            self.assertIn("another survivor", refused.stderr)
            self.assertEqual(tree(data), before)


if __name__ == "__main__":
    unittest.main()
