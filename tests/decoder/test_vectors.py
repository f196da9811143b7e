"""The vectors are what make_vectors writes, parse back to their fields, and reject what they must."""

import json
import pathlib
import unittest
import zlib
from dataclasses import replace

import make_vectors
from sarsen import block, commit, entry, footer, head_pin, line, page, record, segment_header
from sarsen.bad import Bad
from sarsen.ids import Ids
from vectors.case import as_json, shown
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


def parsed_block(fields, data):
    repository, ids = repository_of(fields), Ids(fields["digest_algorithm"])
    id, plain = block.parse(data, fields["head_length"], fields["raw_length"], repository, ids)
    lengths = block.frame_lengths(fields["raw_length"], fields["frame_bytes"])
    rows = block.parse_table(data[: fields["head_length"]], lengths)
    return fields | as_json({"frames": rows, "plain": plain, "block_id": id})


def rows_bytes(tree, level, rows):
    return b"".join(_row_bytes(tree, level, row) for row in rows)


def _row_bytes(tree, level, row):
    parts = [bytes.fromhex(row[name]) if isinstance(row[name], str) else row[name].to_bytes(8, "little") for name in row]
    if tree == page.rows_of.DAMAGE and level == 0:
        return b"".join(part[:4] for part in parts[:3]) + bytes(4) + parts[3] + parts[4]
    return b"".join(part[:4] if len(part) == 8 else part for part in parts)


def parsed_page(fields, data):
    ids, tree, fan_out = Ids(fields["digest_algorithm"]), fields["tree"], fields["fan_out"]
    if fields["encoding"] == page.WHOLE:
        shape, rows = page.parse_whole(data, tree, fan_out)
    else:
        shape, place, runs = page.parse_delta(data, tree, fan_out)
        base = rows_bytes(tree, shape.level, fields.get("base_rows", []))
        rows = page.lay(base, runs, shape, fan_out)
    _check_delta(fields, *((place, shape, runs) if fields["encoding"] else ()))
    same = rows == rows_bytes(tree, shape.level, fields["rows"])
    id = ids.page(tree, shape.level, fan_out, shape.span, rows)
    return fields | {"level": shape.level, "span": shape.span, "page_id": id.hex()} | ({} if same else {"rows": rows})


def _check_delta(fields, place=None, shape=None, runs=()):
    if place and (place != (fields["base_segment"], fields["base_offset"]) or len(runs) != len(fields["runs"])):
        raise AssertionError("delta page")
    for run, told in zip(runs, fields.get("runs", ())):
        laid = rows_bytes(shape.tree, shape.level, told["rows"])
        if (run.first_row, run.rows) != (told["first_row"], laid):
            raise AssertionError("run")


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
    own = parsed.own_segment, parsed.own_length
    return fields | shown(parsed) | {
        "history": [{"sequence": sequence, "id": id.hex()} for sequence, id in parsed.history],
        "commit_id": ids.commit(repository.repository_id, parsed.own_segment, data).hex(),
        "second_copy": commit.second_copy(repository, len(data), own[1]),
        "entries": stored.hex(),
    }


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


PARSERS = {
    "segment_header": parsed_segment_header,
    "entry_header": parsed_entry_header,
    "block": parsed_block,
    "page": parsed_page,
    "record": parsed_record,
    "commit": parsed_commit,
    "footer": parsed_footer,
    "head_pin": parsed_head_pin,
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

    def test_a_page_is_laid_over_its_base_as_told(self):
        deltas = [case for case in file_of("page")["cases"] if case["fields"]["encoding"] == page.DELTA]
        self.assertGreater(len(deltas), 8)


if __name__ == "__main__":
    unittest.main()
