"""Writes tests/vectors/*.json. There is nothing random in them: each run gives the same bytes."""

import importlib
import json
import pathlib

NAMES = (
    "segment_header",
    "entry_header",
    "block",
    "block_on_base",
    "body",
    "page",
    "record",
    "commit",
    "footer",
    "head_pin",
    "delta_stream",
    "crc",
    "ids",
)
TARGET = pathlib.Path(__file__).resolve().parent.parent / "vectors"


def text_of(name):
    vectors = importlib.import_module(f"vectors.{name}").vectors()
    return json.dumps(vectors, indent=1) + "\n"


def main():
    TARGET.mkdir(exist_ok=True)
    for name in NAMES:
        (TARGET / f"{name}.json").write_text(text_of(name), encoding="ascii")


if __name__ == "__main__":
    main()
