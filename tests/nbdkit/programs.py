"""Programs that the tests start: the command, servers on a socket, and what is waited for."""

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

SARSEN, PLUGIN = os.environ["SARSEN"], os.environ["PLUGIN"]
PATIENCE = 60


def run(*command, **options):
    """What a command prints; it must succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout.decode()


def until(what, condition):
    """Waits for something that is about to happen."""
    end = time.monotonic() + PATIENCE
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE} s for {what}")
        time.sleep(0.02)
    return result


class Server:
    """A program that serves on a socket, ended with the `with` it stands in."""

    def __init__(self, folder, command, socket_path):
        self.log = folder / f"{pathlib.Path(command[0]).name}-{time.monotonic_ns()}.log"
        self.socket = socket_path
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)

    def __enter__(self):
        until(f"{self.socket}: {self.said()}", lambda: self.socket.exists() or self.process.poll() is not None)
        return self

    def said(self):
        return self.log.read_text()

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()


class RepositoryCase(unittest.TestCase):
    """A repository in a folder that goes away, the name of a disk beside it, and a socket on which versions are served."""

    INIT = []

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        self.repository, self.disk = self.folder / "repository", self.folder / "disk"
        run(SARSEN, "--repo", self.repository, "init", *self.INIT)

    def sarsen(self, *arguments):
        return run(SARSEN, "--repo", self.repository, *arguments)

    def serve(self, *parameters, options=()):
        path = self.folder / "nbd.sock"
        return Server(self.folder, ["nbdkit", "-f", *options, "-U", path, PLUGIN, f"repo={self.repository}", *parameters], path)

    def uri(self):
        return f"nbd+unix:///?socket={self.folder / 'nbd.sock'}"
