"""Backups of a cluster that works on, and what comes of them in another one."""

import json
import os
import subprocess
import unittest

from cluster import PROGRAM, Cluster
from load import Load

BYTES = bytes(range(256))


def raftbus(*words, data=None):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, input=data, timeout=300)


class Backups(unittest.TestCase):
    def done(self, cluster, *words, data=None, at=1):
        result = raftbus(*words, "-e", cluster.node(at).client, "-t", "20s", data=data)
        self.assertEqual(result.returncode, 0, result)
        return result

    def refused(self, cluster, words, *command, data=None, code=2, at=1):
        options = ["-e", cluster.node(at).client] if cluster else []
        result = raftbus(*command, *options, data=data)
        self.assertEqual(result.returncode, code, result)
        self.assertIn(words.encode(), result.stderr)

    def contents(self, cluster, at=1):
        """Everything that is there, without revisions."""
        lines = self.done(cluster, "export", at=at).stdout.splitlines()
        items = [json.loads(line) for line in lines]
        for item in items:
            item.pop("revision")
            if "ttl_ms" in item:
                self.assertGreater(item["ttl_ms"], 0)
                item["ttl_ms"] = True
        return items

    def fill(self, cluster):
        with cluster.client(1) as client:
            client.done("SET", key=BYTES, value=BYTES * 10)
            client.done("SET", key="empty", value="")
            client.done("SET", key="text", value="grün")
            client.done("SET", key="b64", value=json.dumps({"base64": "AA=="}))
            client.done("SET", key="timed", value="v", ttl_ms=3_600_000)
            client.done("SET", key="big", value=os.urandom(1_000_000))
            client.done("SET", key="gone", value="v")
            client.done("DELETE", key="gone")

    def test_there_and_back(self):
        with Cluster() as old, Cluster(1) as new:
            old.wait_until_ready()
            new.wait_until_ready()
            self.fill(old)
            file = old.directory / "backup.rbb"
            made = json.loads(self.done(old, "backup", file, "-o", "json", at=2).stdout)
            self.assertFalse(file.with_name("backup.rbb.part").exists())
            digest = old.status(1)["digest"]
            old.wait_until_equal()
            self.assertEqual(made["digest"], digest)
            verified = json.loads(raftbus("backup", "--verify", file, "-o", "json").stdout)
            self.assertEqual(verified["keys"], 6)
            before = self.contents(old)
            self.assertEqual(len(before), 6)
            told = json.loads(self.done(new, "restore", file, "-o", "json").stdout)
            self.assertEqual(told["written"], 6)
            self.assertEqual(told["with_ttl"], 1)
            self.assertEqual(self.contents(new), before)
            self.refused(new, "holds 6 keys already", "restore", file)
            with new.client(1) as client:
                client.done("SET", key="other", value="v")
                client.done("SET", key="empty", value="not any more")
            self.done(new, "restore", file, "--force")
            self.assertEqual([i for i in self.contents(new) if i["key"] != "other"], before)
            # The same by a pipe, and as lines.
            piped = self.done(old, "backup", "-").stdout
            (old.directory / "piped.rbb").write_bytes(piped)
            self.assertEqual(raftbus("backup", "--verify", old.directory / "piped.rbb").returncode, 0)
            lines = self.done(old, "export", "--backup", file).stdout
            self.assertEqual(len(lines.splitlines()), 6)

    def test_lines_there_and_back(self):
        with Cluster(1) as old, Cluster(1) as new:
            old.wait_until_ready()
            new.wait_until_ready()
            self.fill(old)
            lines = self.done(old, "export").stdout
            self.done(new, "import", data=lines)
            self.assertEqual(self.contents(new), self.contents(old))
            with new.client(1) as client:
                client.done("SET", key="text", value="mine")
                client.done("DELETE", key="empty")
            told = json.loads(self.done(new, "import", "--if-absent", "-o", "json", data=lines).stdout)
            self.assertEqual((told["written"], told["left_alone"]), (1, 5))
            with new.client(1) as client:
                self.assertEqual(client.done("GET", key="text")["value"], b"mine")
                client.done("DELETE", key="text")
                client.done("DELETE", key="empty")
            file = new.directory / "lines"
            file.write_bytes(lines)
            self.done(new, "import", file, "--prefix", "te")
            self.assertEqual([i["key"] for i in self.contents(new)
                              if isinstance(i["key"], str)], ["b64", "big", "text", "timed"])
            self.assertEqual(
                [json.loads(line)["key"] for line in
                 self.done(old, "export", "--prefix", "t").stdout.splitlines()], ["text", "timed"])

    def test_lines_that_are_wrong_are_named_and_nothing_is_written(self):
        good = b'{"key": "a", "value": "v"}\n'
        with Cluster(1) as cluster:
            cluster.wait_until_ready()
            for line, words in [(b"nonsense", "not JSON"), (b"[]", "not a JSON object"),
                                (b'{"key": "k"}', "'value' is missing"),
                                (b'{"value": "k"}', "'key' is missing"),
                                (b'{"key": "", "value": ""}', "the key is empty"),
                                (b'{"key": 5, "value": ""}', "'key' is neither"),
                                (b'{"key": "k", "value": "", "ttl_ms": 0}', "'ttl_ms'"),
                                (b'{"key": "k", "value": "", "ttl": 5}', "not known")]:
                self.refused(cluster, f"line 2: ", "import", data=good + line + b"\n")
                self.refused(cluster, words, "import", data=good + line + b"\n")
            self.assertEqual(self.contents(cluster), [])

    def test_a_backup_is_of_one_revision_whatever_is_written_meanwhile(self):
        with Cluster() as cluster, Cluster(1) as new:
            cluster.wait_until_ready()
            new.wait_until_ready()
            with cluster.client(1) as client:
                client.ask_all([("SET", {"key": f"pad{i}", "value": "x" * 1000})
                                for i in range(5_000)])
            with Load(cluster) as load:
                load.wait_for_more(200)
                file = cluster.directory / "backup.rbb"
                made = json.loads(self.done(cluster, "backup", file, "-o", "json", at=3).stdout)
                load.wait_for_more(200)
            load.check(self)
            lines = raftbus("export", "--backup", file).stdout.splitlines()
            revisions = [json.loads(line)["revision"] for line in lines]
            self.assertLessEqual(max(revisions), made["revision"])
            self.assertGreater(len(lines), 5_000)
            self.done(new, "restore", file)
            self.assertEqual(len(self.contents(new)), len(lines))

    def test_a_hundred_thousand_keys(self):
        with Cluster(1) as cluster, Cluster(1) as new:
            cluster.wait_until_ready()
            new.wait_until_ready()
            lines = b"".join(b'{"key": "k%06d", "value": "v%d"}\n' % (i, i) for i in range(100_000))
            self.done(cluster, "import", data=lines)
            file = cluster.directory / "backup.rbb"
            self.done(cluster, "backup", file)
            told = json.loads(self.done(new, "restore", file, "-o", "json").stdout)
            self.assertEqual((told["written"], told["keys"]), (100_000, 100_000))

    def test_damaged_files_are_named_for_what_is_wrong(self):
        with Cluster(1) as cluster:
            cluster.wait_until_ready()
            self.fill(cluster)
            file = cluster.directory / "backup.rbb"
            self.done(cluster, "backup", file)
            whole = file.read_bytes()
            bad = cluster.directory / "bad.rbb"

            def wrong(content, words):
                bad.write_bytes(content)
                self.refused(None, words, "backup", "--verify", bad)
                self.refused(cluster, words, "restore", bad)

            def flipped(at):
                return whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1:]

            wrong(b"", "does not begin as a backup does")
            wrong(b"x" * 1000, "does not begin as a backup does")
            wrong(whole[:12], "ends within its head")
            wrong(flipped(20), "head is damaged")
            wrong(whole[:8] + b"\x09" + whole[9:], "format has version 9")
            wrong(whole[:-500], "cut short")
            wrong(whole[:-3], "its end is missing")
            wrong(flipped(len(whole) // 2), "checksum differs")
            wrong(whole + b"more", "goes on behind its end")
            self.refused(cluster, "cannot read", "restore", cluster.directory / "none")
            self.refused(cluster, "is there already", "backup", file)
            self.done(cluster, "backup", file, "--force")
            self.refused(None, "cannot write", "backup", "/nonexistent/x", "-e",
                         cluster.node(1).client)


if __name__ == "__main__":
    unittest.main()
