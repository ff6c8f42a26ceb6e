"""Where the protocol tests play: one cluster of three for a whole test file, a client per node.

Owns: that cluster. Must not know: what is asked of it.
"""

import unittest

from cluster import Cluster


class OnThreeNodes(unittest.TestCase):
    """Tests that only talk: they leave the cluster as healthy as they found it."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.cluster.wait_until_ready()

    def run(self, result=None):
        # New sockets for every test: what one leaves unread must not answer the next.
        self.clients = dict(self.cluster.clients())
        try:
            return super().run(result)
        finally:
            for client in self.clients.values():
                client.close()

    def on_every_node(self):
        """Yields each node's client, leader and followers alike; says with which one a test failed."""
        for i, client in self.clients.items():
            try:
                yield client
            except GeneratorExit:  # the loop was left by an exception
                print(f"(at node {i}, {client.address})")
                raise

    def key(self, name):
        """A key that no other test uses."""
        return f"{self.id()}/{name}".encode()

    def assert_refused(self, reply, code, executed="no", naming=()):
        self.assertIs(reply["ok"], False, reply)
        self.assertEqual(reply["error"], code, reply)
        self.assertEqual(reply["executed"], executed, reply)
        self.assertIsInstance(reply["message"], str)
        for words in naming:
            self.assertIn(str(words), reply["message"])
        self.assertTrue(reply["message"])
