"""Reads sarsen repositories, independently of the engine: it was written from docs/FORMAT.md alone."""

import argparse
import json
import pathlib
import sys

from sarsen import delta_stream, medium
from sarsen.bad import Bad, Missing, Refused
from sarsen.ids import ZERO_ID
from sarsen.opening import Repository
from sarsen.reader import Reader
from sarsen.record import PROTECTED, VERSION
from sarsen.scrub import Scrub

FINE, FAILED, USAGE, DAMAGED = range(4)


def open_repository(path):
    return Repository(medium.read(path))


def verdict_of(repository_medium):
    """The verdict of a scrub as JSON would have it, or the word for why opening was refused."""
    try:
        verdict = Scrub(Repository(repository_medium)).verdict()
    except Refused as refused:
        return {"refused": str(refused)}
    return {
        "findings": [vars(finding) for finding in verdict.findings],
        "versions": [_version_shown(listed, hit) for listed, hit in verdict.versions],
        "hit": verdict.hit_ids(),
    }


def _version_shown(listed, hit):
    names = {"name": None, "snapshot": None}
    if listed.record:
        immutable = listed.record.immutable
        names = {"name": immutable.disk_name.decode(), "snapshot": immutable.snapshot_name.decode()}
    return {"id": listed.id.hex()} | names | {"hit": hit}


def status_of(verdict):
    if "refused" in verdict:
        return FAILED
    return DAMAGED if verdict["findings"] or verdict["hit"] else FINE


def list_versions(options):
    status = FINE
    for listed in Reader(open_repository(options.repository)).records:
        if listed.record is None:
            print(f"{listed.record_id.hex()}: this record cannot be read", file=sys.stderr)
            status = DAMAGED
            continue
        told = listed.record.immutable
        kind = "version" if told.kind == VERSION else "draft"
        names = told.disk_name.decode(), told.snapshot_name.decode()
        amended = _amended(listed.record.mutable)
        print(listed.id.hex(), *map(_on_one_line, names), told.disk_size, kind, *amended, sep="\t")
    return status


def _amended(mutable):
    if mutable.flags & PROTECTED:
        yield "protected"
    if mutable.expiry:
        yield f"expires {mutable.expiry}"
    yield from ("#" + _on_one_line(tag.decode()) for tag in mutable.tags)


def _on_one_line(text):
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def print_manifest(options):
    disk = _disk(options)
    if disk is None:
        return FAILED
    status = FINE if disk.has_its_root() else DAMAGED
    for extent in disk.extents():
        shown = "?" if extent.is_lost else "-" if extent.id == ZERO_ID else extent.id.hex()
        status = DAMAGED if extent.is_lost else status
        for _ in range(extent.count):
            print(shown)
    return status


def _disk(options):
    reader = Reader(open_repository(options.repository))
    listed = reader.find(options.version)
    if listed is None:
        print(f"no version {options.version!r}, or more than one", file=sys.stderr)
    return reader.disk(listed) if listed else None


def restore(options):
    disk = _disk(options)
    if disk is None:
        return FAILED
    lost = list(write_disk(disk, options.out))
    for first, length in lost:
        print(f"lost: {length} bytes from {first}", file=sys.stderr)
    if not disk.has_its_root():
        print("the manifest does not give the root of the version", file=sys.stderr)
    return DAMAGED if lost or not disk.has_its_root() else FINE


def write_disk(disk, path):
    """Writes what can be read and leaves zeros elsewhere; yields start and length of what was lost."""
    block_bytes = disk.settings.block_bytes
    with open(path, "wb") as out:
        out.truncate(disk.size)
        for extent in disk.extents():
            start = extent.first * block_bytes
            if extent.is_lost or (extent.id != ZERO_ID and not _write_block(disk, extent, out, start)):
                yield start, min(extent.count * block_bytes, disk.size - start)


def _write_block(disk, extent, out, start):
    try:
        data = disk.block(extent.first, extent.id)
    except Bad:
        return False
    out.seek(start)
    out.write(data)
    return True


def scrub(options):
    verdict = verdict_of(medium.read(options.repository))
    if options.json:
        print(json.dumps(verdict))
    elif "refused" in verdict:
        print(f"refused: {verdict['refused']}", file=sys.stderr)
    else:
        _print_verdict(verdict)
    return status_of(verdict)


def _print_verdict(verdict):
    for finding in verdict["findings"]:
        place = "" if finding["segment"] is None else f" segment {finding['segment']} offset {finding['offset']}"
        print(finding["kind"] + place)
    for id in verdict["hit"]:
        print(f"version {id} is hit")
    print("damaged" if status_of(verdict) else "no damage")


def print_verdicts(options):
    """One line for each repository below a directory."""
    folders = sorted(each for each in pathlib.Path(options.directory).iterdir() if each.is_dir())
    for folder in folders:
        verdict = verdict_of(medium.read(folder))
        verdict.pop("versions", None)
        print(folder.name, json.dumps(verdict, separators=(",", ":")), sep="\t")
    return FINE


def verify_stream(options):
    """Whether a delta stream is whole and all its frames decode. Its target root only the base can show."""
    try:
        header, records = delta_stream.parse(pathlib.Path(options.stream).read_bytes())
        told = sum(len(each.plain()) for each in records if each.kind == delta_stream.DATA)
    except Bad as bad:
        print(f"damaged: {bad}")
        return DAMAGED
    zeros = sum(each.length for each in records if each.kind == delta_stream.ZERO)
    print(f"base {header.base_root.hex()} target {header.target_root.hex()}")
    print(f"whole: {len(records) - 1} records, {told} bytes of data, {zeros} of zeros")
    return FINE


def parser():
    top = argparse.ArgumentParser(prog="sarsen_decoder.py", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, run, arguments in (
        ("ls", list_versions, ("repository",)),
        ("manifest", print_manifest, ("repository", "version")),
        ("scrub", scrub, ("repository",)),
        ("restore", restore, ("repository", "version", "out")),
        ("verdicts", print_verdicts, ("directory",)),
        ("verify-stream", verify_stream, ("stream",)),
    ):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        for argument in arguments:
            command.add_argument(argument)
        if run is scrub:
            command.add_argument("--json", action="store_true")
    return top


def main(arguments=None):
    options = parser().parse_args(arguments)
    for stream in sys.stdout, sys.stderr:
        # A disk may have a name that the terminal's encoding has no letters for.
        stream.reconfigure(errors="backslashreplace")
    try:
        return options.run(options)
    except Refused as refused:
        print(f"refused: {refused}", file=sys.stderr)
    except (Missing, OSError) as failure:
        print(failure, file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
