"""The programs of docs/clients/recipes.md and README.md, as they are there, against a real cluster.

A language that is not installed is skipped, and the reason says what is missing.
"""

import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from cluster import Cluster

TOP = pathlib.Path(__file__).resolve().parents[2]
WRITTEN = "00ff726564"
JARS = [f"/usr/share/java/{name}.jar" for name in ("jzmq", "msgpack-core")]
CRATES = os.path.expanduser(os.environ.get("CARGO_HOME", "~/.cargo")) + "/registry/src/*/"


def program(page, language):
    """The first program of the language on the page."""
    return re.search(rf"```{language}\n(.*?)```", (TOP / page).read_text(), re.DOTALL).group(1)


def works(*command):
    return shutil.which(command[0]) and subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        timeout=60, check=False).returncode == 0


class Recipes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.cluster.start()
        cls.cluster.wait_until_ready()
        cls.endpoint = cls.cluster.node(1).client
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()
        cls.folder.cleanup()

    def run_recipe(self, language, file, *command):
        path = pathlib.Path(self.folder.name) / file
        path.write_text(program("docs/clients/recipes.md", language))
        done = subprocess.run([*command, str(path), self.endpoint], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        self.assertEqual(done.stdout.strip(), WRITTEN, done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = self.cluster.ask(1, "GET", key=f"recipe/{language}")
        self.assertEqual(found["value"].hex(), WRITTEN)

    def needs(self, met, what):
        if not met:
            self.skipTest(f"not installed: {what}")

    def test_python(self):
        self.run_recipe("python", "recipe.py", sys.executable)

    def test_javascript(self):
        modules = os.environ.get("RAFTBUS_NODE_MODULES", "/usr/local/lib/node_modules")
        wanted = [f"{modules}/{name}" for name in ("zeromq", "@msgpack/msgpack")]
        self.needs(shutil.which("node") and all(map(os.path.isdir, wanted)),
                   "node with " + " and ".join(wanted) + " (RAFTBUS_NODE_MODULES)")
        os.symlink(modules, f"{self.folder.name}/node_modules")
        self.run_recipe("js", "recipe.mjs", "node")

    def test_perl(self):
        self.needs(works("perl", "-MZMQ::FFI", "-MData::MessagePack", "-e", "1"),
                   "libzmq-ffi-perl, libdata-messagepack-perl")
        self.run_recipe("perl", "recipe.pl", "perl")

    def test_php(self):
        self.needs(works("php", "-r", 'exit(extension_loaded("zmq") && extension_loaded("msgpack") ? 0 : 1);'),
                   "php-cli, php-zmq, php-msgpack")
        self.run_recipe("php", "recipe.php", "php")

    def test_ruby(self):
        self.needs(works("ruby", "-rffi-rzmq", "-rmsgpack", "-e", ""), "ruby-ffi-rzmq, ruby-msgpack")
        self.run_recipe("ruby", "recipe.rb", "ruby")

    def test_java(self):
        native = glob.glob("/usr/lib/*/jni/libjzmq.so")
        self.needs(shutil.which("javac") and native and all(map(os.path.exists, JARS)),
                   "a JDK, libzmq-java, libzmq-jni, libmsgpack-java")
        self.run_recipe("java", "Recipe.java", "java", "-Xshare:auto", "-XX:TieredStopAtLevel=1",
                        "-cp", ":".join(JARS), "-Djava.library.path=" + os.path.dirname(native[0]))

    def test_rust(self):
        crates = ("zmq", "rmp-serde", "serde", "serde_bytes")
        self.needs(shutil.which("cargo") and all(glob.glob(CRATES + name + "-[0-9]*") for name in crates),
                   "cargo with the crates " + ", ".join(crates))
        folder = pathlib.Path(self.folder.name) / "rust"
        (folder / "src").mkdir(parents=True)
        (folder / "Cargo.toml").write_text(
            '[package]\nname = "recipe"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nzmq = "*"\n'
            'rmp-serde = "*"\nserde_bytes = "*"\nserde = { version = "*", features = ["derive"] }\n')
        (folder / "src/main.rs").write_text(program("docs/clients/recipes.md", "rust"))
        done = subprocess.run(["cargo", "run", "--offline", "-q", "--", self.endpoint], cwd=folder,
                              capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.stdout.strip(), WRITTEN, done.stderr)

    def test_readme_goes_on_at_the_second_node_when_the_first_is_dead(self):
        code = program("README.md", "python")
        for number, port in ((1, 7238), (2, 7248)):
            code = code.replace(f"tcp://127.0.0.1:{port}", self.cluster.node(number).client)
        # As good as dead: an endpoint that nobody answers at, without waiting for six seconds.
        code = code.replace(self.cluster.node(1).client, "tcp://127.0.0.1:1").replace("6000", "500")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("'value': b'red'", done.stdout)


if __name__ == "__main__":
    unittest.main()
