"""RFC 8331 and SMPTE ST 291-1, written from the RFC's text alone and knowing nothing of the
crate it judges: payloads as strings of '0' and '1', as the figures draw them.

    rfc8331.py read   payloads in hexadecimal, one a line, to descriptions
    rfc8331.py write  descriptions to payloads

A description is a line of fields: extended sequence number, F, then for each ANC data packet
C, line, offset, S, StreamNum, DID, SDID and the user data words joined by commas ('-' for
none), joined by colons. Everything is decimal. What is wrong ends the program.
"""

import sys


def bits(value, width):
    assert 0 <= value < 1 << width, (value, width)
    return format(value, "b").rjust(width, "0")


def with_parity(value):
    ones = bin(value).count("1")
    b8 = "1" if ones % 2 == 1 else "0"
    b9 = "0" if b8 == "1" else "1"
    return b9 + b8 + bits(value, 8)


def checksum(words):
    total = 0
    for word in words:
        total += int(word[1:], 2)
    nine = bits(total % 512, 9)
    return ("0" if nine[0] == "1" else "1") + nine


def octets(stream):
    assert len(stream) % 8 == 0
    return bytes(int(stream[at : at + 8], 2) for at in range(0, len(stream), 8))


def write(line):
    esn, field, *packets = line.split()
    body = ""
    for packet in packets:
        c, number, offset, s, stream, did, sdid, data = packet.split(":")
        data = [] if data == "-" else [int(word) for word in data.split(",")]
        words = [with_parity(int(did)), with_parity(int(sdid)), with_parity(len(data))]
        words += [bits(word, 10) for word in data]
        words.append(checksum(words))
        body += bits(int(c), 1) + bits(int(number), 11) + bits(int(offset), 12)
        body += bits(int(s), 1) + bits(int(stream), 7) + "".join(words)
        while len(body) % 32 != 0:
            body += "0"
    header = bits(int(esn), 16) + bits(len(body) // 8, 16) + bits(len(packets), 8)
    header += bits(int(field), 2) + "0" * 22
    return octets(header + body).hex()


def read(line):
    payload = bytes.fromhex(line)
    stream = "".join(bits(octet, 8) for octet in payload)
    place = 0

    def take(width):
        nonlocal place
        assert place + width <= len(stream), "truncated"
        place += width
        return stream[place - width : place]

    esn, length, count = int(take(16), 2), int(take(16), 2), int(take(8), 2)
    field = take(2)
    assert field != "01", "F is not valid"
    assert take(22) == "0" * 22, "reserved bits"
    assert length == len(payload) - 8, "Length"
    fields = [str(esn), str(int(field, 2))]
    for _ in range(count):
        head = [int(take(width), 2) for width in (1, 11, 12, 1, 7)]
        words = [take(10) for _ in range(3)]
        for word in words:
            assert word == with_parity(int(word[2:], 2)), "parity"
        words += [take(10) for _ in range(int(words[2][2:], 2))]
        assert take(10) == checksum(words), "checksum"
        while place % 32 != 0:
            assert take(1) == "0", "word_align"
        data = ",".join(str(int(word, 2)) for word in words[3:]) or "-"
        ids = [int(word[2:], 2) for word in words[:2]]
        fields.append(":".join(str(part) for part in head + ids) + ":" + data)
    assert place == len(stream), "octets behind the last packet"
    return " ".join(fields)


if __name__ == "__main__":
    turn = {"read": read, "write": write}[sys.argv[1]]
    for line in sys.stdin:
        print(turn(line.strip()))
