"""A small Linux to boot: Debian's kernel as tests/nbdkit/kernel.sh unpacks it, an initramfs that loads what it takes to see a virtio disk, and on that
disk ext4 with busybox, which compares its files with their digests, says so, and powers off."""

import contextlib
import hashlib
import lzma
import os
import pathlib
import random
import re
import shutil
import subprocess
import time

from programs import run

BUSYBOX = shutil.which("busybox")
MKE2FS = shutil.which("mke2fs", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
MIB = 1 << 20
# What may be a module or built in; each brings what it depends on.
MODULES = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"]
SAID = "every file is what it was"

EARLY = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs none /dev
for module in {modules}; do /bin/busybox insmod /$module.ko || exit 1; done
until [ -b /dev/vda ]; do /bin/busybox usleep 10000; done
/bin/busybox mount -t ext4 /dev/vda /root || exit 1
exec /bin/busybox switch_root /root /sbin/init
"""

# A write, since a machine that runs writes; it goes to an overlay. `poweroff -f` asks the kernel at once.
LATE = f"""#!/bin/busybox sh
/bin/busybox mount -t proc none /proc
cd /data && /bin/busybox sha256sum -c -s ../digests && /bin/busybox touch written && /bin/busybox sync && echo '{SAID}: '$(/bin/busybox wc -l < ../digests)
/bin/busybox poweroff -f
"""


class SmallLinux:
    """Made below a folder; `disk` is the disk to back up."""

    def __init__(self, folder, kernel, files=400, mib=256):
        self.kernel = next(kernel.glob("boot/vmlinuz-*"))
        self.modules = {path.name.split(".")[0].replace("-", "_"): path for path in kernel.glob("lib/modules/*/kernel/**/*.ko*")}
        self.files, self.early, self.disk = files, folder / "initramfs", folder / "linux"
        self.make_early(folder / "early")
        self.make_disk(folder / "late", mib)

    def make_early(self, tree):
        order = self.loading_order(MODULES)
        self.put(tree / "init", EARLY.format(modules=" ".join(order)), 0o755)
        for name in order:
            (tree / f"{name}.ko").write_bytes(self.module(name))
        self.put_busybox(tree, ["dev", "root"])
        names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
        with self.early.open("wb") as archive:
            subprocess.run([BUSYBOX, "cpio", "-o", "-H", "newc"], cwd=tree, input=names.encode(), stdout=archive, stderr=subprocess.DEVNULL, check=True)

    def make_disk(self, tree, mib):
        """Files of many sizes, some that compress and some that do not."""
        rng = random.Random(1)
        self.put(tree / "sbin/init", LATE, 0o755)
        self.put_busybox(tree, ["dev", "proc", "data"])
        digests = []
        for number in range(self.files):
            length = rng.randrange(1, 200_000)
            contents = rng.randbytes(length) if number % 2 else b"%d stones " % number * (length // 8)
            (tree / f"data/{number}").write_bytes(contents)
            digests.append(f"{hashlib.sha256(contents).hexdigest()}  {number}\n")
        self.put(tree / "digests", "".join(digests), 0o644)
        run(MKE2FS, "-q", "-t", "ext4", "-d", tree, self.disk, f"{mib}M")

    @staticmethod
    def put(path, text, mode):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    @staticmethod
    def put_busybox(tree, folders):
        for name in ["bin", *folders]:
            (tree / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(BUSYBOX, tree / "bin/busybox")

    def module(self, name):
        path = self.modules[name]
        return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()

    def loading_order(self, names, order=()):
        """What each depends on comes before it. What is no module is built in."""
        for name in names:
            if name in self.modules and name not in order:
                found = re.search(rb"\0depends=([^\0]*)\0", self.module(name))
                needed = [each.replace("-", "_") for each in found[1].decode().split(",") if each]
                order = (*self.loading_order(needed, order), name)
        return order

    def boot(self, drive):
        """Seconds until it has powered off, having read and compared all its files. What it writes goes to an overlay."""
        command = ["qemu-system-x86_64", "-accel", "tcg", "-m", "256", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
                   "-kernel", self.kernel, "-initrd", self.early, "-append", "console=ttyS0 quiet panic=-1",
                   "-drive", f"file={drive},format=raw,if=virtio,snapshot=on"]
        began = time.monotonic()
        said = run(*command)
        taken = time.monotonic() - began
        if f"{SAID}: {self.files}" not in said:
            raise AssertionError(f"{drive}: not booted:\n{said}")
        return taken


def forget(path):
    """Drops files from the page cache."""
    os.sync()
    for file in [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]:
        with contextlib.closing(os.fdopen(os.open(file, os.O_RDONLY))) as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
