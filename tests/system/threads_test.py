"""How a real node's threads are scheduled."""

import contextlib
import os
import pathlib
import subprocess
import sys
import unittest

from cluster import Cluster, eventually


def policies(node):
    tasks = pathlib.Path(f"/proc/{node.process.pid}/task").iterdir()
    return {os.sched_getscheduler(int(task.name)) for task in tasks}


@contextlib.contextmanager
def busy_processors():
    """Others that never rest, three for each processor."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(3 * os.cpu_count())]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


class Threads(unittest.TestCase):
    @contextlib.contextmanager
    def node(self, *options):
        with Cluster(size=1, options=options) as cluster:
            leader = cluster.wait_until_ready()
            with cluster.client(leader) as client:
                client.ask("SET", key=b"k", value=b"v")
                client.ask("SNAPSHOT")  # the state's own threads have come, too
                yield cluster.node(leader), client

    def test_all_of_them_let_others_finish(self):
        with self.node("--scheduling", "batch") as (node, _):
            self.assertEqual(policies(node), {os.SCHED_BATCH})

    def test_the_system_schedules_them_if_told(self):
        with self.node("--scheduling", "normal") as (node, _):
            self.assertEqual(policies(node), {os.SCHED_OTHER})

    def test_they_interrupt_others_who_keep_them_waiting(self):
        with self.node() as (node, client):
            def scheduled(policy):
                client.ask("SET", key=b"k", value=b"v")
                return policies(node) == {policy}
            with busy_processors():
                eventually(lambda: scheduled(os.SCHED_OTHER), "nobody has to wait")
            eventually(lambda: scheduled(os.SCHED_BATCH), "all let others finish again")

    def test_what_an_operator_has_chosen_stays(self):
        with Cluster(size=1) as cluster:
            node = cluster.node(1)
            node.kill()
            started = node.command
            node.command = lambda *words: ["chrt", "--idle", "0", *started(*words)]
            cluster.start(1)
            cluster.wait_until_ready()
            self.assertEqual(policies(node), {os.SCHED_IDLE})
