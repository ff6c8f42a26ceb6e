"""A disk with a volatile write cache, under a file system: what was not flushed is lost when its power is cut.

Owns: the FUSE process, the loop device, the mount. Must not know: who uses it. Needs root.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from cluster import eventually

HERE = pathlib.Path(__file__).resolve().parent / "disks"
BYTES = 512 << 20  # sparse; the least that mkfs.xfs takes is 300 MB
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F", "-E", "nodiscard"], "xfs": ["mkfs.xfs", "-q", "-f", "-K"]}


def run(*words, check=True):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=60)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: {done.stderr or done.stdout}")
    return done.stdout.strip()


def missing():
    """Why there can be no such disk on this machine, or None."""
    if os.geteuid() != 0:
        return "mounting a file system needs root"
    for device in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(device):
            return f"there is no {device}"
    for tool in ("cc", "losetup", "mkfs.ext4", "mkfs.xfs"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    if not os.path.exists("/usr/include/fuse3/fuse.h"):
        return "libfuse3-dev is not installed"
    probe = subprocess.run(["losetup", "-f"], capture_output=True, text=True)
    return None if probe.returncode == 0 else f"no loop device: {probe.stderr.strip()}"


def build(directory):
    """The disk's program and the library without syncs, made in that directory."""
    flags = ["-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror"]
    disk, no_sync = directory / "volatile_disk", directory / "no_sync.so"
    run("cc", *flags, "-D_FILE_OFFSET_BITS=64", "-o", disk, HERE / "volatile_disk.c", "-lfuse3", "-lpthread")
    run("cc", *flags, "-shared", "-fPIC", "-o", no_sync, HERE / "no_sync.c")
    return disk, no_sync


class VolatileDisk:
    """Made and mounted at `path`. A context manager: on the way out all of it is gone."""

    def __init__(self, program, kind, sector, keep=False):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="raftbus-disk-"))
        self.program, self.sector, self.keep = program, sector, keep
        self.path = self.directory / "mnt"
        self._fuse = self.directory / "fuse"
        self._platter = self.directory / "platter"
        self.process = self.loop = None
        for directory in (self.path, self._fuse):
            directory.mkdir()
        with open(self._platter, "wb") as file:
            file.truncate(BYTES)
        try:
            self._attach()
            run(*MAKE[kind], self.loop)
            run("mount", self.loop, self.path)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _attach(self):
        words = [str(self.program), str(self._platter), str(self._fuse), *(["keep"] if self.keep else [])]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        disk = self._fuse / "disk"
        eventually(disk.exists, "the disk is there")
        self.loop = run("losetup", "-f", "--show", "-b", self.sector, disk)

    def _detach(self):
        if self.loop:
            run("umount", self.path, check=False)
            run("umount", "-l", self.path, check=False)
            run("losetup", "-d", self.loop, check=False)
            self.loop = None
        if self.process:
            run("umount", "-l", self._fuse, check=False)
            self.process.kill()
            self.process.wait()
            self.process = None

    def cut(self):
        """The power is gone: from now on every access fails. Returns what was lost, in words."""
        self.process.send_signal(signal.SIGUSR1)
        log = self.directory / "log"
        return eventually(lambda: [x for x in log.read_text().splitlines() if x.startswith("cut ")],
                          "the power is cut")[-1]

    def restore(self):
        """The power comes back. Nobody may have a file open."""
        self._detach()
        self._attach()
        run("mount", self.loop, self.path)

    def close(self):
        self._detach()
        shutil.rmtree(self.directory, ignore_errors=True)
