"""Fields: little-endian integers and strings, taken one after the other and never beyond the end."""

from .bad import Bad, need

U16_MAX = (1 << 16) - 1
U32_MAX = (1 << 32) - 1
U64_MAX = (1 << 64) - 1


def u8(value):
    return value.to_bytes(1, "little")


def u16(value):
    return value.to_bytes(2, "little")


def u32(value):
    return value.to_bytes(4, "little")


def u64(value):
    return value.to_bytes(8, "little")


def string(text):
    return u8(len(text)) + text


class Fields:
    """What is left of some bytes. Strings stay bytes, once they are known to be UTF-8."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def take(self, length):
        need(length <= self.left(), "a field ends behind what contains it")
        self.at += length
        return self.data[self.at - length : self.at]

    def int(self, size):
        return int.from_bytes(self.take(size), "little")

    def u8(self):
        return self.int(1)

    def u16(self):
        return self.int(2)

    def u32(self):
        return self.int(4)

    def u64(self):
        return self.int(8)

    def zeros(self, length):
        need(not any(self.take(length)), "a field that must be 0 is not")

    def string(self):
        text = self.take(self.u8())
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            raise Bad("a string is not UTF-8") from None
        return text

    def done(self):
        need(self.left() == 0, "bytes are left over")
