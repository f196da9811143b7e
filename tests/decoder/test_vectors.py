"""The vectors are what make_vectors writes, parse back to their fields, and reject what they must."""

import json
import pathlib
import unittest
import zlib
from dataclasses import replace

import make_vectors
from sarsen import (
    block,
    body,
    commit,
    delta_stream,
    entry,
    footer,
    head_pin,
    line,
    link,
    page,
    record,
    row,
    segment_header,
)
from sarsen.bad import Bad
from sarsen.ids import ZERO_ID, Ids
from vectors.case import as_json, repeated, shown
from vectors.segment_header import USUAL

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"


def repository_of(fields):
    """A segment header with the settings that a vector speaks of."""
    logs = {
        f"log2_{name}": fields[name].bit_length() - 1
        for name in ("block_bytes", "frame_bytes", "fan_out", "alignment")
        if name in fields
    }
    id = bytes.fromhex(fields.get("repository_id", USUAL.repository_id.hex()))
    return replace(USUAL, digest_algorithm=fields["digest_algorithm"], repository_id=id, **logs)


def crc(fields, data):
    return {"crc": zlib.crc32(data)}


def parsed_segment_header(fields, data):
    return shown(segment_header.parse(data))


def parsed_entry_header(fields, data):
    place = {name: fields[name] for name in ("repository_id", "segment", "offset")}
    header = entry.parse(data, bytes.fromhex(place["repository_id"]), place["segment"], place["offset"])
    return place | shown(header) | {"line": header.line(place["offset"]).hex()}


def block_header(fields, depth, id):
    """What a block's payload needs to be known of its entry. A reject's id is not told."""
    lengths = fields["stored_length"], fields["head_length"], fields["raw_length"]
    return entry.EntryHeader(entry.BLOCK, 0, min(depth, 1), depth, *lengths, id, ZERO_ID, b"")


def parsed_block(fields, data):
    repository, ids = repository_of(fields), Ids(fields["digest_algorithm"])
    header = block_header(fields | {"stored_length": len(data)}, 0, b"")
    listed = block.parse(header, data, repository)
    digests = [each.row.id_digest() for each in listed]
    header = replace(header, object_id=ids.block(fields["raw_length"], fields["frame_bytes"], digests))
    block.check(header, data, repository, ids)
    plain = block.read([(header, data)], repository, ids)
    rows = [each.row for each in listed]
    return fields | as_json({"frames": rows, "plain": plain, "block_id": header.object_id})


def parsed_block_on_base(fields, data):
    """The base is made a block of its own, whole and raw. A case's id is told, a reject's need not be."""
    repository, ids = repository_of(fields), Ids(fields["digest_algorithm"])
    header = block_header(fields | {"stored_length": len(data)}, 1, bytes.fromhex(fields.get("block_id", "")))
    block.check(header, data, repository, ids)
    base = repeated(bytes.fromhex(fields["base_repeats"]), fields["raw_length"])
    below, payload = _whole(base, header, repository, ids)
    listed = {each.row.index: each.row.id_digest() for each in block.parse(header, data, repository)}
    under = block.parse(below, payload, repository)
    digests = [listed.get(each.row.index, each.row.id_digest()) for each in under]
    id = ids.block(fields["raw_length"], fields["frame_bytes"], digests)
    plain = block.read([(replace(header, object_id=id), data), (below, payload)], repository, ids)
    rows = [each.row for each in block.parse(header, data, repository)]
    return fields | as_json({"frames": rows, "plain": plain, "block_id": id})


def _whole(plain, header, repository, ids):
    """A block of raw frames, as long as the one that lies on it says."""
    size = repository.frame_bytes
    frames = [plain[at : at + size] for at in range(0, len(plain), size)]
    rows = [block.frame_row(ids, index, frame) for index, frame in enumerate(frames)]
    table = block.emit_table(rows)
    payload = table + b"".join(frame for frame in frames if any(frame))
    return replace(header, encoding=0, depth=0, head_length=len(table), stored_length=len(payload)), payload


def parsed_body(fields, data):
    base = repeated(bytes.fromhex(fields["base_repeats"]), fields["frame_length"])
    runs = body.parse(data, len(base))
    return fields | as_json({"runs": runs, "plain": body.lay(base, runs)})


def shown_rows(shape, stored):
    return [_shown_row(shape, each) for each in page.split(shape, stored)]


def _shown_row(shape, stored):
    if shape.tree == row.MANIFEST:
        return {"id": stored.hex()}
    leaf_rows = {row.SEGMENTS: row.parse_segment, row.DAMAGE: row.parse_damage}
    return shown((leaf_rows.get(shape.tree, link.parse) if shape.level == 0 else link.parse)(stored))


def bytes_of_rows(shape, rows):
    """The rows of a vector, emitted again."""
    if shape.tree == row.MANIFEST:
        return b"".join(bytes.fromhex(each["id"]) for each in rows)
    leaf_rows = {row.SEGMENTS: row.SegmentRow, row.DAMAGE: row.DamageRow}
    record = leaf_rows.get(shape.tree, link.Link) if shape.level == 0 else link.Link
    return b"".join(record(*map(_from_json, each.values())).emit() for each in rows)


def _from_json(value):
    return bytes.fromhex(value) if isinstance(value, str) else value


def parsed_page(fields, data):
    ids, tree, fan_out = Ids(fields["digest_algorithm"]), fields["tree"], fields["fan_out"]
    if fields["encoding"] == page.WHOLE:
        shape, rows = page.parse_whole(data, tree, fan_out)
        told = {}
    else:
        shape, place, runs = page.parse_delta(data, tree, fan_out)
        rows = page.lay(bytes_of_rows(shape, fields.get("base_rows", [])), runs, shape, fan_out)
        told = {"base_segment": place[0], "base_offset": place[1], "runs": [_shown_run(shape, run) for run in runs]}
    id = ids.page(tree, shape.level, fan_out, shape.span, rows)
    told |= {"level": shape.level, "span": shape.span, "rows": shown_rows(shape, rows), "page_id": id.hex()}
    return fields | told


def _shown_run(shape, run):
    rows = shown_rows(shape, run.rows)
    return {"first_row": run.first_row, "count": len(rows), "rows": rows}


def parsed_record(fields, data):
    ids = Ids(fields["digest_algorithm"])
    parsed = record.parse(data, fields["block_bytes"])
    attachments = [{"name": name.hex(), "bytes": data.hex()} for name, data in parsed.mutable.attachments]
    return fields | {
        "immutable": shown(parsed.immutable),
        "mutable": shown(parsed.mutable) | {"attachments": attachments},
        "record_id": ids.record(data).hex(),
        "version_id": parsed.version_id(ids).hex(),
    }


def parsed_commit(fields, data):
    repository, ids = repository_of(fields), Ids(fields["digest_algorithm"])
    parsed = commit.parse(data)
    stored, _ = commit.emit_pair(repository, parsed, ids)
    return (
        fields
        | shown(parsed)
        | {
            "history": [{"sequence": sequence, "id": id.hex()} for sequence, id in parsed.history],
            "commit_id": ids.commit(repository.repository_id, parsed.own_segment, data).hex(),
            "second_copy": commit.second_copy(repository, len(data), parsed.own_length),
            "entries": stored.hex(),
        }
    )


def parsed_footer(fields, data):
    repository, ids = repository_of(fields), Ids(fields["digest_algorithm"])
    medium = bytes(fields["offset"]) + data
    found = footer.find(medium, repository, fields["segment"], ids)
    if not (found and found.is_filled and found.offset == fields["offset"]):
        raise Bad("footer")
    stored = line.split(found.payload)
    return fields | {
        "lines": as_json(found.lines),
        "entries_digest": ids.entries(repository.repository_id, fields["segment"], stored).hex(),
        "footer_payload": found.payload.hex(),
        "locator": data[-footer.LOCATOR_SIZE :].hex(),
        "file_length": len(medium),
    }


def parsed_head_pin(fields, data):
    return shown(head_pin.parse(data))


def parsed_delta_stream(fields, data):
    header, records = delta_stream.parse(data)
    return shown(header) | {"records": [shown(each) for each in records]}


PARSERS = {
    "segment_header": parsed_segment_header,
    "entry_header": parsed_entry_header,
    "block": parsed_block,
    "block_on_base": parsed_block_on_base,
    "body": parsed_body,
    "page": parsed_page,
    "record": parsed_record,
    "commit": parsed_commit,
    "footer": parsed_footer,
    "head_pin": parsed_head_pin,
    "delta_stream": parsed_delta_stream,
    "crc": crc,
}


def file_of(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


class Vectors(unittest.TestCase):
    maxDiff = 2000

    def test_files_are_what_is_written_and_small(self):
        for name in make_vectors.NAMES:
            stored = (VECTORS / f"{name}.json").read_text()
            self.assertEqual(stored, make_vectors.text_of(name), name)
            self.assertLess(len(stored), 200_000, name)

    def test_cases_parse_back(self):
        for name, parser in PARSERS.items():
            for case in file_of(name)["cases"]:
                with self.subTest(file=name, case=case["name"]):
                    parsed = parser(case["fields"], bytes.fromhex(case["bytes"]))
                    self.assertEqual(parsed, case["fields"])

    def test_rejects_are_rejected(self):
        for name, parser in PARSERS.items():
            for case in file_of(name)["reject"]:
                with self.subTest(file=name, case=case["name"]), self.assertRaises(Bad):
                    parser(case["fields"], bytes.fromhex(case["bytes"]))

    def test_every_id_is_the_digest_of_its_bytes(self):
        for case in file_of("ids")["cases"]:
            fields, hashed = case["fields"], bytes.fromhex(case["bytes"])
            digest = Ids(fields["digest_algorithm"]).digest(hashed) if hashed else bytes(32)
            self.assertEqual(fields["id"], digest.hex(), case["name"])


if __name__ == "__main__":
    unittest.main()
