"""What signals do to a node."""

import signal
import unittest

from cluster import Cluster


class Signals(unittest.TestCase):
    def test_only_those_that_ask_for_it_end_a_node(self):
        with Cluster(1) as cluster:
            cluster.wait_until_ready()
            node = cluster.node(1)
            with cluster.client(1) as client:
                for ignored in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
                    node.process.send_signal(ignored)
                    client.done("SET", key=ignored.name, value="served")
            node.process.send_signal(signal.SIGQUIT)
            self.assertEqual(node.process.wait(timeout=30), 0, node.log_tail())
            self.assertIn("stopped", node.log_tail())


if __name__ == "__main__":
    unittest.main()
