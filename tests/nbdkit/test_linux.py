"""A small Linux boots from a version through the plugin, and from the disk itself: the same files, and how long each takes.

Asked for by tests/nbdkit/run.sh, which fetches the KERNEL and builds what SARSEN (the command) and PLUGIN (the plugin's file) name.
"""

import os
import pathlib
import statistics
import unittest

from programs import RepositoryCase, run
from small_linux import SmallLinux, forget

ROUNDS = 3


class Linux(RepositoryCase):
    def test_a_small_linux_boots_from_a_version_as_from_the_disk(self):
        linux = SmallLinux(self.folder, pathlib.Path(os.environ["KERNEL"]))
        self.sarsen("backup", linux.disk, "--name", "linux")
        times = {(who, how): [] for how in ["cold", "warm"] for who in ["from a version", "from raw"]}
        for _ in range(ROUNDS):
            for who, how in times:
                if how == "cold":
                    forget(self.repository)
                    forget(linux.disk)
                times[who, how].append(self.boot_version(linux) if who == "from a version" else linux.boot(linux.disk))
        print(f"\na small Linux boots, reads {linux.files} files and is off again, median of {ROUNDS}, nbdkit just started:")
        for (who, how), taken in times.items():
            print(f"  {who}, page cache {how}: {statistics.median(taken):.2f} s")
        with self.serve("version=linux"):
            run("qemu-img", "compare", "-f", "raw", "-F", "raw", linux.disk, self.uri())
        self.sarsen("scrub")

    def boot_version(self, linux):
        with self.serve("version=linux"):
            return linux.boot(self.uri())


if __name__ == "__main__":
    unittest.main()
