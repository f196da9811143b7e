"""The nbdkit plugin with real clients: nbdcopy, qemu-img, a machine that boots, and QEMU's own backup jobs while the disk is written.

Asked for by tests/nbdkit/run.sh, which builds what SARSEN (the command) and PLUGIN (the plugin's file) name.
"""

import json
import random
import socket
import subprocess
import time
import unittest

from programs import PATIENCE, PLUGIN, RepositoryCase, Server, run, until

MIB = 1 << 20


class Monitor:
    """A QMP connection."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("rw")
        self.lines.readline()
        self("qmp_capabilities")

    def close(self):
        self.lines.close()
        self.socket.close()

    def __call__(self, command, **arguments):
        """The answer to a command."""
        self.lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.lines.flush()
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                raise AssertionError(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def jobs_done(self, *wanted):
        """Waits until jobs have ended, without an error, and forgets them."""
        def all_done():
            jobs = {job["id"]: job for job in self("query-jobs")}
            return all(jobs[name]["status"] == "concluded" for name in wanted) and jobs
        jobs = until(f"jobs {wanted}", all_done)
        for name in wanted:
            if "error" in jobs[name]:
                raise AssertionError(f"{name}: {jobs[name]['error']}")
            self("job-dismiss", id=name)


class Nbdkit(RepositoryCase):
    INIT = ["--block", "256K", "--frame", "16K"]

    def make_disk(self, size, seed=1):
        """Data, holes and zeros, with an end in the middle of a sector."""
        rng = random.Random(seed)
        with self.disk.open("wb") as disk:
            for _ in range(40):
                disk.seek(rng.randrange(size))
                disk.write(rng.randbytes(rng.randrange(1, 100_000)))
            disk.truncate(size)

    def back_up(self, snapshot="one"):
        self.sarsen("backup", self.disk, "--name", "vm", "--snapshot", snapshot)

    def versions(self):
        return json.loads(self.sarsen("ls", "--json"))["versions"]

    def same_as_version(self, version, image, image_format="raw"):
        restored = self.folder / "restored"
        self.sarsen("restore", version, restored, "--force")
        run("qemu-img", "compare", "-f", "raw", "-F", image_format, restored, image)

    # --- Reading ---

    def test_a_version_is_served_as_the_disk_it_is_of(self):
        self.make_disk(20 * MIB + 512)
        self.back_up()
        for parameters in [[], ["cache=1"], ["cache=1M"]]:
            with self.serve("version=vm@one", *parameters, options=["-t", "8"]):
                copy = self.folder / "copy"
                run("nbdcopy", self.uri(), copy)
                self.assertEqual(copy.read_bytes(), self.disk.read_bytes())
                comparisons = [subprocess.Popen(["qemu-img", "compare", "-q", "-f", "raw", self.disk, self.uri()]) for _ in range(4)]
                self.assertEqual([each.wait(PATIENCE) for each in comparisons], [0] * 4)

    def test_any_range_can_be_read(self):
        self.make_disk(3 * MIB + 77)
        self.back_up()
        contents, rng = self.disk.read_bytes(), random.Random(2)
        with self.serve("version=vm", "cache=200K"):
            script = []
            for _ in range(200):
                start = rng.randrange(len(contents))
                length = min(rng.choice([1, 512, 4096, 20_000, 300_000]), len(contents) - start)
                script.append((start, length))
            program = "import nbd, sys, json\nh = nbd.NBD(); h.connect_uri(sys.argv[1])\n" \
                "for start, length in json.load(sys.stdin): sys.stdout.buffer.write(h.pread(length, start))\n"
            done = subprocess.run(["/usr/bin/python3", "-c", program, self.uri()], input=json.dumps(script).encode(), capture_output=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            self.assertEqual(done.stdout, b"".join(contents[start:start + length] for start, length in script))

    def test_zeros_are_told_as_holes(self):
        with self.disk.open("wb") as disk:
            disk.truncate(8 * MIB)
            disk.seek(3 * MIB)
            disk.write(random.Random(3).randbytes(16384))
        self.back_up()
        with self.serve("version=vm"):
            extents = json.loads(run("nbdinfo", "--map", "--json", self.uri()))
        data = [(each["offset"], each["length"]) for each in extents if each["type"] == 0]
        self.assertEqual(data, [(3 * MIB, 16384)])
        self.assertEqual(sum(each["length"] for each in extents), 8 * MIB)

    def test_damage_is_an_error_where_it_lies_and_nowhere_else(self):
        self.disk.write_bytes(random.Random(4).randbytes(2 * MIB))
        self.back_up()
        segment = max(self.repository.joinpath("segments").iterdir(), key=lambda path: path.stat().st_size)
        contents = bytearray(segment.read_bytes())
        needle = self.disk.read_bytes()[MIB + 1000:MIB + 1064]
        contents[contents.index(needle)] ^= 1
        segment.chmod(0o644)
        segment.write_bytes(contents)
        with self.serve("version=vm") as server:
            image = self.folder / "copy"
            for offset, good in [(0, True), (MIB, False), (MIB + 16384, True)]:
                done = subprocess.run(["qemu-io", "-r", "-f", "raw", "-c", f"read {offset} 4096", self.uri()], capture_output=True, timeout=PATIENCE)
                self.assertEqual(b"read 4096/4096 bytes" in done.stdout, good, (offset, done.stdout))
            copied = subprocess.run(["nbdcopy", self.uri(), image], capture_output=True, timeout=PATIENCE)
            self.assertNotEqual(copied.returncode, 0)
            self.assertIn("read: ", server.said())
            self.assertIn("segment", server.said())

    def test_a_machine_boots_from_a_version(self):
        # mov dx, 0xf4; mov al, 0x10; out dx, al; hlt: the exit device makes 0x10 * 2 + 1 of it.
        code = bytes.fromhex("BAF400B010EEF4EBFD")
        self.disk.write_bytes(code.ljust(510, b"\0") + b"\x55\xAA" + bytes(MIB - 512))
        self.back_up()
        with self.serve("version=vm"):
            began = time.monotonic()
            machine = ["qemu-system-x86_64", "-display", "none", "-nodefaults", "-accel", "tcg", "-m", "32",
                       "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-drive", f"file={self.uri()},format=raw,if=ide,snapshot=on"]
            done = subprocess.run(machine, capture_output=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 33, done.stderr.decode())
        print(f"\nbooted from a version, out again after {time.monotonic() - began:.2f} s")

    # --- Writing ---

    def test_what_is_copied_becomes_a_version(self):
        self.make_disk(10 * MIB)
        self.back_up()
        with self.disk.open("r+b") as disk:
            disk.seek(5 * MIB)
            disk.write(b"changed")
        with self.serve("name=vm", "base=vm@one", "snapshot=two") as server:
            run("nbdinfo", "--size", self.uri())
            run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", self.disk, self.uri())
            until("the version", lambda: "of vm" in server.said())
        self.assertEqual([each["snapshot"] for each in self.versions()], ["one", "two"], "asking for the size makes none")
        self.same_as_version("vm@two", self.disk)
        self.assertIn("no damage", self.sarsen("scrub"))

    def test_without_a_flush_there_is_a_draft_and_it_is_gone_on_from(self):
        self.make_disk(10 * MIB)
        with self.serve("name=vm", "size=10M") as server:
            run("nbdcopy", self.disk, self.uri())
            until("what became of it", lambda: "resume=true" in server.said())
        self.assertEqual([each["kind"] for each in self.versions()], ["draft"])
        with self.serve("name=vm", "resume=true") as server:
            script = ["-c", "write -P 7 1M 64k", "-c", "flush"]
            run("qemu-io", "-f", "raw", *script, self.uri())
            until("the version", lambda: "of vm" in server.said())
        with self.disk.open("r+b") as disk:
            disk.seek(MIB)
            disk.write(b"\x07" * 65536)
        self.assertEqual([each["kind"] for each in self.versions()], ["version"])
        self.same_as_version("vm", self.disk)

    def test_push_backups_with_a_dirty_bitmap_while_the_disk_is_written(self):
        """Two increments behind a full backup. Each time a second job takes the same moment to a file, which the version must be."""
        run("qemu-img", "create", "-q", "-f", "qcow2", self.disk, "64M")
        run("qemu-io", "-f", "qcow2", *[word for at in range(0, 60, 4) for word in ("-c", f"write -P {at + 1} {at}M 1M")], self.disk)
        monitor_path, export_path = self.folder / "qmp.sock", self.folder / "export.sock"
        daemon = ["qemu-storage-daemon", "--chardev", f"socket,id=m,path={monitor_path},server=on,wait=off", "--monitor", "chardev=m",
                  "--blockdev", f"driver=qcow2,node-name=disk0,file.driver=file,file.filename={self.disk}",
                  "--nbd-server", f"addr.type=unix,addr.path={export_path}", "--export", "type=nbd,id=e,node-name=disk0,name=disk0,writable=on"]
        with Server(self.folder, daemon, export_path):
            until("the monitor", monitor_path.exists)
            monitor = Monitor(monitor_path)
            self.addCleanup(monitor.close)
            for number, snapshot in enumerate(["full", "first", "second"]):
                reference = self.folder / snapshot
                begin = ["size=64M"] if number == 0 else ["base=vm"]
                with self.serve("name=vm", f"snapshot={snapshot}", *begin) as server:
                    self.push(monitor, number == 0, reference, export_path, number)
                    until("the version", lambda: "of vm" in server.said())
                self.same_as_version(f"vm@{snapshot}", reference)
        new = [each["new_bytes"] for each in self.versions()]
        self.assertLess(max(new[1:]), new[0], "increments store what has changed")
        self.assertIn("no damage", self.sarsen("scrub"))

    def push(self, monitor, full, reference, export_path, seed):
        with reference.open("wb") as image:
            image.truncate(64 * MIB)
        monitor("blockdev-add", **{"driver": "raw", "node-name": "to", "file": {
            "driver": "nbd", "server": {"type": "unix", "path": str(self.folder / "nbd.sock")}}})
        monitor("blockdev-add", **{"driver": "raw", "node-name": "reference", "file": {"driver": "file", "filename": str(reference)}})
        backup = {"job-id": "push", "device": "disk0", "target": "to", "auto-dismiss": False, "speed": 20 * MIB}
        backup |= {"sync": "full"} if full else {"sync": "incremental", "bitmap": "changes"}
        same = {"job-id": "same", "device": "disk0", "target": "reference", "sync": "full", "auto-dismiss": False}
        bitmap = [{"type": "block-dirty-bitmap-add", "data": {"node": "disk0", "name": "changes", "granularity": 65536}}] if full else []
        jobs = [{"type": "blockdev-backup", "data": each} for each in (backup, same)]
        monitor("transaction", actions=bitmap + jobs)
        # While the jobs run, and behind them: what is written now belongs to the next increment.
        rng = random.Random(seed)
        script = [word for _ in range(12) for word in ("-c", f"write -P {rng.randrange(1, 256)} {rng.randrange(0, 60 * MIB, 512)} {rng.randrange(512, 200_000, 512)}")]
        script += ["-c", f"write -z {rng.randrange(0, 60)}M 1M", "-c", "flush"]
        run("qemu-io", "-f", "raw", *script, f"nbd+unix:///disk0?socket={export_path}")
        monitor.jobs_done("push", "same")
        monitor("blockdev-del", **{"node-name": "to"})
        monitor("blockdev-del", **{"node-name": "reference"})

    # --- What is wrong ---

    def test_what_is_missing_is_said(self):
        self.make_disk(MIB)
        self.back_up()
        for parameters, words in [
            ([], "either version=VERSION"),
            (["version=vm", "name=vm"], "either version=VERSION"),
            (["name=vm"], "base=VERSION"),
            (["version=nobody"], "nobody: no such version"),
            (["version=vm", "colour=red"], "unknown parameter 'colour'"),
        ]:
            command = ["nbdkit", "-f", "-U", "-", PLUGIN, f"repo={self.repository}", *parameters, "--run", "true"]
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE)
            self.assertNotEqual(done.returncode, 0, parameters)
            self.assertIn(words, done.stderr.decode())
        absent = subprocess.run(["nbdkit", "-f", "-U", "-", PLUGIN, f"repo={self.folder / 'absent'}", "version=vm", "--run", "true"],
                                capture_output=True, timeout=PATIENCE)
        self.assertNotEqual(absent.returncode, 0)


if __name__ == "__main__":
    unittest.main()
