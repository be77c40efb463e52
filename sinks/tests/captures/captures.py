#!/usr/bin/env python3
"""Writes captures and what an analyser must say of them.

Usage: captures.py DIRECTORY. For each case it writes NAME.pcap (or .pcapng) and adds an entry
to cases.json: arguments of the analyser and expected values, by JSON path.

Nothing here is shared with the analyser: packets are put together from the standards' bit
layouts, and every measure is taken by following the models event by event in exact fractions.
Where a number is written out by hand, its arithmetic stands beside it, and the simulation
must agree with it before the file is written.

Standard library only.
"""

import json
import math
import pathlib
import struct
import sys
from collections import deque
from fractions import Fraction as F

NS = 1_000_000_000

# ----------------------------------------------------------------------------- formats


class Format:
    """A 4:2:2 10-bit format in packets of one line segment each."""

    def __init__(self, name, width, height, rate, octets, tro, fields=1):
        self.fields = fields
        self.name, self.width, self.height, self.rate = name, width, height, F(rate)
        self.octets = octets  # of data in a packet
        self.per_line = width * 5 // 2 // octets
        self.packets = self.per_line * height
        self.frame = NS / self.rate
        self.tro = tro * self.frame
        self.drain = self.frame / self.packets / F(11, 10)

    def trs(self, gapped):
        return self.frame * (F(1080, 1125) if gapped else 1) / self.packets

    def tpr(self, n, j, gapped):
        start = n * self.frame + self.tro
        if gapped and self.fields == 2 and j >= self.packets // 2:
            # ST 2110-21 6.3.3: the second field is read half a frame later.
            return start + self.frame / 2 + (j - self.packets // 2) * self.trs(gapped)
        return start + j * self.trs(gapped)


# 25 x 1152 = 28 800 packets a second. TFRAME 40 ms.
#   CMAX      N: 28800 / (43200 x 0.96) = 0.7 -> 4   NL: 0.7 -> 4    W: 28800 / 21600 = 1.3 -> 16
#   VRX_FULL  N, NL: 12000 / 1460 = 8.2 -> 8, 28800 / 27000 = 1.07  W: 1080000 / 1460 -> 739
P576 = Format("720x576p25", 720, 576, 25, 900, F(28, 750))
# 60 x 4320 = 259 200 packets a second.
#   CMAX      N: 259200 / 41472 = 6.25 -> 6   NL: 259200 / 43200 = 6 -> 6   W: 12 -> 16
#   VRX_FULL  N, NL: 259200 / 27000 = 9.6 -> 9   W: 259200 / 300 -> 864
P1080 = Format("1920x1080p60", 1920, 1080, 60, 1200, F(43, 1125))
# 25 x 6480 = 162 000 packets a second.
#   CMAX      N: 162000 / 41472 = 3.9 -> 4   NL: 3.75 -> 4   W: 7.5 -> 16
#   VRX_FULL  N, NL: 8, 162000 / 27000 = 6   W: 739, 162000 / 300 = 540
I1080 = Format("1920x1080i25", 1920, 1080, 25, 800, F(22, 1125), 2)
LIMITS = {
    I1080: {"N": (4, 8), "NL": (4, 8), "W": (16, 739)},
    P576: {"N": (4, 8), "NL": (4, 8), "W": (16, 739)},
    P1080: {"N": (6, 9), "NL": (6, 9), "W": (16, 864)},
}
# Frames are counted from the epoch; these are some hours into 2024.
FIRST_SECOND = 1_704_070_837

# ----------------------------------------------------------------------------- packets


def group_mac(address):
    return bytes([1, 0, 0x5E, address[1] & 0x7F, address[2], address[3]])


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(payload, to=(239, 1, 2, 3), port=5004, mac=None, vlan=None, dscp=34, fragment=0, sport=10000):
    udp = struct.pack("!HHHH", sport, port, 8 + len(payload), 0) + payload
    ip = struct.pack(
        "!BBHHHBBH4B4B", 0x45, dscp << 2, 20 + len(udp), 0, fragment, 64, 17, 0, 10, 0, 0, 1, *to
    )
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, 5 << 13 | vlan)
    return (mac or group_mac(to)) + bytes([2, 0, 0, 0, 0, 1]) + tag + b"\x08\x00" + ip + udp


def ethernet6(payload, port=5004):
    udp = struct.pack("!HHHH", 10000, port, 8 + len(payload), 0) + payload
    to = bytes.fromhex("ff3e0000000000000000000080000102")
    ip = struct.pack("!IHBB", 6 << 28 | 34 << 22, len(udp), 17, 64) + bytes(15) + b"\x01" + to
    return b"\x33\x33" + to[12:] + bytes([2, 0, 0, 0, 0, 1]) + b"\x86\xdd" + ip + udp


def rtp(sequence, timestamp, marker, payload, pt=96, ssrc=0x1234):
    head = struct.pack(
        "!BBHII", 0x80, marker << 7 | pt, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )
    return head + payload


def video(fmt, number, frame, index, **change):
    """Packet `index` of frame `frame`; `number` is the 32-bit sequence number."""
    per_field = fmt.packets // fmt.fields
    second, index = divmod(index, per_field)
    line, segment = divmod(index, fmt.per_line)
    line = change.get("line", line)
    length = change.get("length", fmt.octets)
    offset = segment * fmt.octets * 2 // 5
    head = struct.pack(
        "!HHHH", change.get("esn", number >> 16 & 0xFFFF), length, line | change.get("field", second) << 15, offset
    )
    marker = change.get("marker", index == per_field - 1)
    timestamp = math.floor((frame + F(second, 2)) * fmt.frame * 90_000 / NS) + change.get("ticks", 0)
    return rtp(number, timestamp, marker, head + bytes(length), ssrc=change.get("ssrc", 0x1234))


# ----------------------------------------------------------------------------- captures


def pcap(packets, nano=True, snap=65_535, shift=0, link=1, endian="<"):
    out = [struct.pack(endian + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snap, link)]
    for time, octets in packets:
        second, rest = divmod(time - shift, NS)
        kept = octets[:snap]
        out.append(struct.pack(endian + "IIII", second, rest if nano else rest // 1000, len(kept), len(octets)))
        out.append(kept)
    return b"".join(out)


def pcapng(packets, resolution=9, endian="<"):
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack(endian + "II", kind, len(body) + 12) + body + struct.pack(endian + "I", len(body) + 12)

    option = struct.pack(endian + "HHB3xHH", 9, 1, resolution, 0, 0)
    out = [
        block(0x0A0D0D0A, struct.pack(endian + "IHHq", 0x1A2B3C4D, 1, 0, -1)),
        block(1, struct.pack(endian + "HHI", 1, 0, 0) + option),
    ]
    for time, octets in packets:
        ticks = time * 10**resolution // NS
        body = struct.pack(endian + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(octets), len(octets))
        out.append(block(6, body + octets))
    return b"".join(out)


# ----------------------------------------------------------------------------- the models


def simulate_cinst(times, drain):
    """A bucket, event by event. What it holds right after each arrival."""
    held, leaves, read = 0, None, []
    for time in times:
        while held and leaves <= time:
            held -= 1
            leaves = leaves + drain if held else None
        held += 1
        if held == 1:
            leaves = time + drain
        read.append(held)
    return read


def list_cinst(times, drain):
    """As EBU LIST's c_calculator counts: ticks of a clock that starts with the first."""
    read, last, before = [0], 0, 0
    for time in times[1:]:
        ticks = math.floor((time - times[0]) / drain)
        last = max(0, last + 1 - (ticks - before))
        before = ticks
        read.append(last)
    return read


def simulate_vrx(arrivals, fmt, gapped):
    """`arrivals`: (time, frame, index). A buffer of packets, each with its time of reading."""
    trs, unread, read, early = fmt.trs(gapped), deque(), [], []
    for time, frame, index in arrivals:
        due = fmt.tpr(frame, index, gapped)
        early.append(due - time)
        if due < time:
            read.append(-math.ceil((time - due) / trs))
            continue
        unread.append(due)
        while unread and unread[0] <= time:
            unread.popleft()
        read.append(len(unread))
    return read, early


def list_vrx(arrivals, fmt, gapped):
    """As EBU LIST's vrx_calculator counts, in fractions instead of doubles."""
    trs, read, start = fmt.trs(gapped), [], None
    for time, frame, index in arrivals:
        if index == 0:
            n = math.floor(time / fmt.frame)
            start = n * fmt.frame + fmt.tro
            drained, held = 0, 0
        now = math.trunc((time - start + trs) / trs)
        held += 1 - (now - drained)
        drained = now
        read.append(held)
    return read


def spread(values):
    values = list(values)
    text = lambda value: str(F(value))
    return {"count": len(values), "exact": {"min": text(min(values)), "mean": text(F(sum(values), 1) / len(values)), "max": text(max(values))}}


def counts(values):
    histogram = {}
    for value in values:
        histogram[value] = histogram.get(value, 0) + 1
    return {
        "count": len(values), "min": min(values), "max": max(values), "sum": sum(values),
        "histogram": [list(item) for item in sorted(histogram.items())],
    }


# ----------------------------------------------------------------------------- cases

CASES = []
OUT = None


def case(name, octets, expected, arguments=(), suffix="pcap", status=None):
    path = OUT / f"{name}.{suffix}"
    path.write_bytes(octets)
    CASES.append({"name": name, "file": path.name, "arguments": list(arguments), "expected": expected, "status": status})


def frames(fmt, gapped, leave, count=3):
    """`leave(index, tpr)` gives the time a packet leaves, tpr(i) being when i is read."""
    first = int(FIRST_SECOND * fmt.rate) + 1
    out = []
    for frame in range(first, first + count):
        tpr = lambda index: fmt.tpr(frame, index, gapped)
        out += [(math.floor(leave(index, tpr)), frame, index) for index in range(fmt.packets)]
    return out


def timing_case(name, fmt, sender, leave, hand, snap=62):
    """`hand`: (greatest CINST, least VRX, greatest VRX), reckoned by hand."""
    gapped = sender == "N"
    arrivals = frames(fmt, gapped, leave)
    first = arrivals[0][1]
    packets = [
        (time, ethernet(video(fmt, 70_000 + number, frame, index)))
        for number, (time, frame, index) in enumerate(arrivals)
    ]
    times = [time for time, _, _ in arrivals]
    # The capture begins in mid-stream for all an analyser can know: its first frame has no
    # marker before it, and frames are measured from the second on.
    whole = [arrival for arrival in arrivals if arrival[1] > first]
    cinst = simulate_cinst(times, fmt.drain)
    vrx, early = simulate_vrx(whole, fmt, gapped)
    assert (max(cinst), min(vrx), max(vrx)) == hand, (name, max(cinst), min(vrx), max(vrx), hand)
    cmax, vrx_full = LIMITS[fmt][sender]
    good = max(cinst) <= cmax and 0 <= min(vrx) and max(vrx) <= vrx_full
    starts = [(time, frame) for time, frame, index in whole if index == 0]
    ticks = lambda frame: math.floor(frame * fmt.frame * 90_000 / NS)
    within = [b[0] - a[0] for a, b in zip(whole, whole[1:]) if b[2] > 0]
    between = [b[0] - a[0] for a, b in zip(arrivals, arrivals[1:]) if b[2] == 0]
    schedule = "gapped" if gapped else "linear"
    index = {"N": 0, "NL": 1, "W": 2}[sender]
    expected = {
        "good": good,
        "streams.0.kind": "video",
        "streams.0.packets_per_frame": fmt.packets,
        "streams.0.drain_ns": str(fmt.drain),
        "streams.0.cinst": counts(cinst),
        f"streams.0.{schedule}.vrx": counts(vrx),
        f"streams.0.{schedule}.early_ns": spread(early),
        "streams.0.first_packet_time_ns": spread(time - frame * fmt.frame for time, frame in starts),
        "streams.0.latency_ns": spread(time - F(ticks(frame) * 100_000, 9) for time, frame in starts),
        "streams.0.rtp_offset_ticks": spread(ticks(frame) - frame * fmt.frame * 90_000 / NS for _, frame in starts),
        "streams.0.interval_in_frame_ns": spread(within),
        "streams.0.interval_between_frames_ns": spread(between),
        "streams.0.frames": {"seen": 1, "whole": 1, "wrong": 0, "measured": 2},
        f"streams.0.sender_types.{index}.cmax": cmax,
        f"streams.0.sender_types.{index}.vrx_full": vrx_full,
        f"streams.0.sender_types.{index}.outcome": "pass" if good else "fail",
        f"streams.0.sender_types.{index}.cinst": "pass" if max(cinst) <= cmax else "fail",
    }
    data = pcap(packets, snap=snap)
    given = ["--format", fmt.name, "--sender-type", sender]
    case(name, data, expected, given, status=0 if good else 1)
    # EBU LIST's way.
    seen_gapped = sum(between, F(0)) / len(between) >= 10 * F(sum(within), len(within))
    if fmt.fields == 2:
        # The second field of the first frame begins behind a marker and is counted.
        del expected["streams.0.interval_in_frame_ns"]
        expected["streams.0.timestamp_steps"] = counts([1800] * 5)
    if seen_gapped == gapped and fmt is P576:
        wanted = {
            "list_compatible": True,
            "streams.0.cinst": counts(list_cinst(times, fmt.drain)),
            f"streams.0.{schedule}.vrx": counts(list_vrx(whole, fmt, gapped)),
            "streams.0.pacing": schedule,
        }
        full = {"N": 8, "NL": 8, "W": 720}  # 12000 / 1500, 1080000 / 1500
        wanted[f"streams.0.sender_types.{index}.vrx_full"] = full[sender]
        CASES.append({"name": name + " as list", "file": f"{name}.pcap", "arguments": given + ["--list-compatible"], "expected": wanted, "status": None})


def timing():
    for fmt in (P576, P1080):
        for sender in ("N", "NL", "W"):
            if fmt is P1080 and sender == "N":
                continue
            cmax, full = LIMITS[fmt][sender]
            trs = fmt.trs(sender == "N")
            tag = f"{fmt.name}-{sender}"
            for word, size in (("inside", cmax - 1), ("at", cmax), ("over", cmax + 1)):
                if fmt is P1080 and word == "inside":
                    continue
                # Bursts of `size`, 100 ns from packet to packet, from the time the first of
                # them is read; 17 x 100 ns is less than any TDRAIN. The next burst comes
                # size x TRS later, and size x TRS > size x TDRAIN: the bucket is empty then.
                # CINST is `size`. VRX: the first is read as it comes or, where its time is
                # rounded down, up to 1 ns later; with the last, size - 1 are there. The least
                # is at the first of a burst: 1, or 0 where its time is a whole nanosecond:
                #   P576 N: TROFFSET 4480000/3 + j x TRS 100000/3 is whole for j = 2 mod 3, and
                #   a burst begins there unless bursts are of 3;
                #   P576 NL, W: (13440000 + 312500 j)/9 is whole for j = 3 mod 9, and a burst
                #   of any of the sizes used (3, 4, 5, 15, 16, 17) begins at one of these;
                #   P1080 NL, W: frames start at N x 50000000/3 ns; left to the simulation.
                burst = lambda index, tpr, size=size: tpr(index - index % size) + index % size * 100
                least = 1 if (sender, size) == ("N", 3) else 0
                hand = (size, least if fmt is P576 else None, size - 1)
                named_case(f"{tag}-cinst-{word}", fmt, sender, burst, hand)
            for word, packets in (("inside", full - 2), ("at", full - 1), ("over", full)):
                if fmt is P1080 and word == "inside":
                    continue
                # Every packet leaves k x TRS before it is read, rounded down: packets j-k to j
                # are in the buffer, k + 1 of them. Never late. At least: the first of the first
                # measured frame, with nothing before it, alone: 1.
                # One packet each TRS > TDRAIN: CINST is 1.
                ahead = lambda index, tpr, packets=packets: tpr(index) - packets * trs
                named_case(f"{tag}-vrx-{word}", fmt, sender, ahead, (1, 1, packets + 1))
        # Just in time: each packet as it is read. Whole nanoseconds read 0, others 1.
        named_case(f"{fmt.name}-just-in-time", fmt, "NL", lambda index, tpr: tpr(index), (1, 0 if fmt is P576 else None, 1))
        # A nanosecond later all are late, by less than a TRS: -1.
        named_case(f"{fmt.name}-just-late", fmt, "NL", lambda index, tpr: tpr(index) + 1, (1, -1, -1))
        # 2.5 TRS late is 3 packets short.
        named_case(f"{fmt.name}-late", fmt, "W", lambda index, tpr: tpr(index) + F(5, 2) * fmt.trs(False), (1, -3, -3))


    # Interlaced: TPRj is a whole nanosecond for j = 3 mod 27:
    # TPRj = (21120000 + 160000 j)/27, 21120000 = 6 and 160000 = 25 mod 27, 6 + 25 x 3 = 81.
    on_time = lambda index, tpr: tpr(index)
    named_case("1920x1080i25-N-on-time", I1080, "N", on_time, (1, 0, 1))
    # Linear, in case whole nanoseconds occur: left to the simulation.
    named_case("1920x1080i25-NL-on-time", I1080, "NL", on_time, (1, None, 1))
    # The second field 1 ns late: -1.
    late = lambda index, tpr: tpr(index) + (1 if index >= I1080.packets // 2 else 0)
    named_case("1920x1080i25-N-late", I1080, "N", late, (1, -1, 1))
    # 9 packets ahead: one over 8, in both fields.
    ahead = lambda index, tpr: tpr(index) - 8 * I1080.trs(True)
    named_case("1920x1080i25-N-ahead", I1080, "N", ahead, (1, 1, 9))


def named_case(name, fmt, sender, leave, hand):
    """Fills what hand reckoning leaves open from the simulation."""
    if None in hand:
        arrivals = frames(fmt, sender == "N", leave)
        vrx, _ = simulate_vrx([a for a in arrivals if a[1] > arrivals[0][1]], fmt, sender == "N")
        hand = tuple(h if h is not None else v for h, v in zip(hand, (0, min(vrx), max(vrx))))
    timing_case(name, fmt, sender, leave, hand)


# Small frames for everything that does not depend on timing: 320 x 18, 4 packets of 200
# octets a line: 72 packets a frame.
SMALL = Format("320x18p25", 320, 18, 25, 200, F(28, 750))


def stream(fmt, count=4, change=None, drop=(), order=None, wrap=None, early=3):
    """Linear packets, a little ahead. `change` maps a packet's number to its changes."""
    change, wrap = change or {}, wrap or {}
    first = int(FIRST_SECOND * fmt.rate) + 1
    out = []
    number = 0
    for frame in range(first, first + count):
        for index in range(fmt.packets):
            time = math.floor(fmt.tpr(frame, index, False) - early * fmt.trs(False))
            if number not in drop:
                packet = video(fmt, 65_500 + number, frame, index, **change.get(number, {}))
                out.append((time, ethernet(packet, **wrap.get(number, {}))))
            number += 1
    for a, b in order or ():
        (ta, pa), (tb, pb) = out[a], out[b]
        out[a], out[b] = (ta, pb), (tb, pa)
    return out


def check(name, word):
    return {f"streams.0.verdicts.{name}": word}


def fields():
    given = ["--format", SMALL.name]
    n = SMALL.packets
    good = stream(SMALL)
    case("good", pcap(good), {
        "good": True, "streams.0.rtp.lost": 0, "streams.0.frames": {"seen": 2, "whole": 2, "wrong": 0, "measured": 3},
        "streams.0.packets_in_frame": counts([n, n]), "streams.0.timestamp_steps": counts([3600] * 3),
        "streams.0.network.dscp": [{"dscp": 34, "datagrams": 4 * n}],
        # 12 of RTP, 8 of RFC 4175, 200 of data, 8 of UDP
        "streams.0.network.longest_udp_octets": 228,
    }, given, status=0)
    # The same, inferred: no format given.
    case("inferred", pcap(good), {
        "good": True, "streams.0.kind": "video", "streams.0.packets_per_frame": n,
        "streams.0.format": {"width": 320, "height": 18, "rate": "25", "sampling": "YCbCr-4:2:2", "depth": 10, "scan": "progressive", "packing": "GPM"},
    }, status=0)
    case("loss", pcap(stream(SMALL, drop={100, 101, 2 * n})), {
        "good": False, "streams.0.rtp.lost": 3, "streams.0.frames": {"seen": 2, "whole": 0, "wrong": 0, "measured": 3},
        **check("lost-packets", "fail"), **check("markers", "pass"), **check("frame-octets", "pass"),
    }, given, status=1)
    case("reordered", pcap(stream(SMALL, order=[(n + 10, n + 11)])), {
        "good": True, "streams.0.rtp.lost": 0, "streams.0.rtp.reordered": 1, **check("reordered-packets", "note"),
        "streams.0.frames": {"seen": 2, "whole": 2, "wrong": 0, "measured": 3},
    }, given, status=0)
    doubled = stream(SMALL)
    doubled.insert(150, doubled[149])
    case("duplicate", pcap(doubled), {"good": False, "streams.0.rtp.duplicates": 1, **check("duplicate-packets", "fail")}, given)
    case("no-marker", pcap(stream(SMALL, change={2 * n - 1: {"marker": False}})), {
        "good": False, "streams.0.missing_markers": 1, **check("markers", "fail"), **check("timestamp-step", "pass"),
    }, given)
    case("early-marker", pcap(stream(SMALL, change={n + 5: {"marker": True}})), {
        "good": False, "streams.0.early_markers": 1, **check("markers", "fail"),
    }, given)
    case("step", pcap(stream(SMALL, change={i: {"ticks": 1} for i in range(2 * n, 3 * n)})), {
        "streams.0.timestamp_steps": counts([3600, 3601, 3599]), **check("timestamp-step", "fail"),
    }, given)
    case("pgroup", pcap(stream(SMALL, change={n + 3: {"length": 199}})), {
        "good": False, "streams.0.payload.pgroup_breaks": 1, **check("pixel-groups", "fail"), **check("frame-octets", "fail"),
    }, given)
    case("raster", pcap(stream(SMALL, change={2 * n - 1: {"line": 18}})), {
        "good": False, "streams.0.payload.outside_raster": 1, **check("raster", "fail"),
    }, given)
    case("field-bit", pcap(stream(SMALL, change={n + 3: {"field": 1}})), {
        "good": False, "streams.0.payload.field_bits_in_progressive": 1, **check("field-bits", "fail"),
    }, given)
    case("line-order", pcap(stream(SMALL, change={n + 40: {"line": 2}})), {
        "good": False, "streams.0.payload.order_breaks": 1, **check("line-order", "fail"), "streams.0.frames.wrong": 1,
    }, given)
    case("extended-sequence", pcap(stream(SMALL, change={i: {"esn": 0} for i in range(4 * n)})), {
        "good": False, "streams.0.payload.extended_sequence_breaks": 1, **check("extended-sequence", "fail"),
    }, given)
    case("ssrc", pcap(stream(SMALL, change={i: {"ssrc": 9} for i in range(2 * n, 4 * n)})), {
        "good": False, "streams.0.rtp.ssrc_changes": 1, **check("ssrc-changes", "fail"),
    }, given)
    case("mac", pcap(stream(SMALL, wrap={7: {"mac": b"\x01\x00\x5e\x01\x02\x04"}})), {
        "good": False, "streams.0.network.wrong_mac": 1, "streams.0.network_verdicts.group-address": "fail",
    }, given)
    case("fragment", pcap(stream(SMALL, wrap={7: {"fragment": 0x2000}})), {
        "good": False, "streams.0.network.fragmented": 1, "streams.0.rtp.lost": 1, "streams.0.network_verdicts.ip-fragments": "fail",
    }, given)
    tagged = stream(SMALL, wrap={i: {"vlan": 42} for i in range(4 * n)})
    case("vlan", pcap(tagged), {"good": True, "streams.0.network.vlan": [42, 5]}, given, status=0)
    case("dscp", pcap(stream(SMALL, wrap={7: {"dscp": 0}})), {"good": True, "streams.0.network_verdicts.dscp": "note"}, given)
    # 1452 + 8 is the limit; 1440 octets of data in one line are 576 pixels.
    wide = Format("576x72p25", 576, 72, 25, 1440, F(28, 750))
    long = stream(wide)
    case("udp-length", pcap(long), {
        # 12 + 8 + 1440 + 8
        "good": False, "streams.0.network.longest_udp_octets": 1468, "streams.0.network_verdicts.udp-length": "fail",
    }, ["--format", wide.name])
    six = [(t, ethernet6(p[42:])) for t, p in stream(SMALL)]
    case("ipv6", pcap(six), {"good": True, "streams.0.destination": "[ff3e::8000:102]:5004", "streams.0.network_verdicts.group-address": "pass"}, given, status=0)


def files():
    given = ["--format", SMALL.name]
    good = stream(SMALL)
    n = len(good)
    case("utc", pcap(good, shift=37 * NS), {"good": True, "streams.0.frames.measured": 3, "notes.0": "taken as UTC"}, given, status=0)
    case("big-endian", pcap(good, endian=">"), {"good": True, "capture.frames": n}, given, status=0)
    case("nano", pcapng(good), {"good": True, "capture.format": "pcapng", "capture.resolution_ns": 1}, given, "pcapng", 0)
    case("micro", pcapng(good, 6), {"capture.resolution_ns": 1000, "capture.notes.0": "steps of 1000 ns"}, given, "pcapng")
    case("ng-big", pcapng(good, 9, ">"), {"good": True, "capture.frames": n}, given, "pcapng", 0)
    case("micro-pcap", pcap(good, nano=False), {"capture.resolution_ns": 1000, "capture.frames": n}, given)
    case("truncated", pcap(good)[:-100], {"capture.frames": n - 1, "capture.notes.0": "ends in the middle of a packet"}, given)
    case("ng-truncated", pcapng(good)[:-100], {"capture.frames": n - 1, "capture.notes.0": "ends in the middle of a packet"}, given, "pcapng")
    case("cut", pcap(good, snap=80), {"good": True, "capture.cut": n, "capture.notes.0": "were cut"}, given, status=0)
    long = bytearray(pcap(good))
    long[24 + 8 : 24 + 12] = b"\xff\xff\xff\x7f"
    case("long", bytes(long), {"good": False, "capture.frames": 0, "capture.notes.0": "at the block that starts at octet 24"}, given, status=1)
    # The second length of the block of the first packet does not repeat the first: 28 of the
    # section, 32 of the interface, and the packet's block of 32 + 262 in 4s.
    damaged = bytearray(pcapng(good))
    damaged[28 + 32 + 4 : 28 + 32 + 8] = struct.pack("<I", 7)
    case("damaged", bytes(damaged), {"good": False, "capture.frames": 0, "capture.notes.0": "damaged at octet 60"}, given, "pcapng", 1)
    case("empty", pcap([]), {"good": False, "streams": []}, status=1)
    cooked = [(t, struct.pack("!HHH8sH", 0, 1, 6, b"\2\0\0\0\0\1\0\0", 0x0800) + p[14:]) for t, p in good]
    case("cooked", pcap(cooked, link=113), {"good": True, "streams.0.network_verdicts.group-address": "unknown"}, given, status=0)
    raw = [(t, p[14:]) for t, p in good]
    case("raw", pcap(raw, link=101), {"good": True}, given, status=0)


def legs():
    """Both legs, the second behind by the class limit or a nanosecond more."""
    given = ["--format", SMALL.name]
    one = stream(SMALL, count=30, wrap={i: {"to": (239, 1, 2, 3)} for i in range(30 * SMALL.packets)})
    other = [(t, ethernet(p[42:], to=(239, 1, 2, 4))) for t, p in one]
    for word, skew, cls in (
        ("d", 150_000, "D"), ("a", 150_001, "A"), ("a-limit", 10_000_000, "A"), ("b", 10_000_001, "B"),
        ("c", 50_000_001, "C"), ("c-limit", 450_000_000, "C"), ("beyond", 450_000_001, None),
    ):
        both = sorted(one + [(t + skew, p) for t, p in other])
        case(f"legs-{word}", pcap(both), {
            "pairs.0.streams": [1, 2], "pairs.0.pairs": len(one), "pairs.0.different": 0, "pairs.0.alone": [0, 0],
            "pairs.0.skew_ns": spread([skew] * len(one)), "pairs.0.class": cls,
            "pairs.0.verdicts.leg-skew": "pass" if cls else "fail",
        }, given)
    broken = [(t + 1000, p) for t, p in other]
    broken[500] = (broken[500][0], broken[500][1][:-1] + b"\x01")
    del broken[700]
    case("legs-broken", pcap(sorted(one[:900] + one[901:] + broken)), {
        "good": False, "pairs.0.pairs": len(one) - 2, "pairs.0.different": 1, "pairs.0.alone": [1, 1],
        "pairs.0.verdicts.leg-equality": "fail", "pairs.0.verdicts.leg-loss": "fail",
    }, given)


def audio():
    """48 kHz, 1 ms, 2 channels of 24 bits: 48 x 2 x 3 = 288 octets."""
    def packets(jitter=lambda i: 0, change=lambda i: {}, count=600, latency=100_000):
        out = []
        for i in range(count):
            start = FIRST_SECOND * NS + i * 1_000_000
            c = change(i)
            timestamp = FIRST_SECOND * 48_000 + 48 * i + c.get("samples", 0)
            payload = bytes(c.get("octets", 288))
            out.append((start + latency + jitter(i), ethernet(rtp(i, timestamp, 0, payload, pt=97), port=5006)))
        return sorted(out)

    case("audio", pcap(packets()), {
        "good": True, "streams.0.kind": "audio", "streams.0.level": "A",
        "streams.0.settings": {"clock_hz": 48000, "depth": "L24", "channels": 2, "samples_per_packet": 48},
        "streams.0.delay_ns": spread([100_000] * 600), "streams.0.timestamp_steps": counts([48] * 599),
        "streams.0.payload_octets": counts([288] * 600),
    }, status=0)
    # TS-DF: the delay swings by exactly 17 packet times, and by a nanosecond more. Every
    # 60th packet is so late: three or four a window of 200 ms, so each has one.
    for word, late in (("at", 17_000_000), ("over", 17_000_001)):
        jittered = packets(lambda i: late if i % 60 == 30 else 0)
        case(f"audio-tsdf-{word}", pcap(jittered), {
            "streams.0.delay_factor_ns.exact.max": str(late),
            "streams.0.verdicts.ts-df": "pass" if word == "at" else "fail",
        })
    # Behind the timestamp by exactly 20 packet times, and a nanosecond more.
    for word, late in (("at", 20_000_000), ("over", 20_000_001)):
        case(f"audio-delay-{word}", pcap(packets(latency=late)), {
            "streams.0.delay_ns.exact.max": str(late), "streams.0.verdicts.delay": "pass" if word == "at" else "note",
        })
    case("audio-length", pcap(packets(change=lambda i: {"octets": 282} if i == 50 else {})), {
        "good": False, "streams.0.verdicts.payload-length": "fail",
    })
    case("audio-step", pcap(packets(change=lambda i: {"samples": 1} if i == 50 else {})), {
        "good": False, "streams.0.verdicts.timestamp-step": "fail", "streams.0.timestamp_steps.min": 47, "streams.0.timestamp_steps.max": 49,
    })


def parity(value):
    """ST 291-1: bit 8 makes bits 0 to 8 even, bit 9 is its opposite."""
    bit = bin(value).count("1") & 1
    return value | bit << 8 | (1 - bit) << 9


def anc_payload(esn, words, spoil=None, fbits=0):
    """One ANC data packet: DID 0x61, SDID 0x02 (closed captions), line 11."""
    data = [parity(0x61), parity(0x02), parity(len(words))] + [parity(word) for word in words]
    if spoil == "parity":
        data[1] ^= 0x300  # of the SDID; user data words may use all ten bits
    total = sum(word & 0x1FF for word in data) & 0x1FF
    data.append(total | (~total >> 8 & 1) << 9)
    if spoil == "checksum":
        data[-1] ^= 0x01
    bits = "".join(f"{word:010b}" for word in data)
    bits += "0" * (-len(bits) % 32)
    body = struct.pack("!I", 11 << 20) + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return struct.pack("!HHI", esn, len(body), 1 << 24 | fbits << 22) + body


def ancillary():
    def packets(spoil=None, fbits=lambda i: 0, marker=True, count=40):
        out = []
        for i in range(count):
            time = FIRST_SECOND * NS + i * 40_000_000 + 500_000
            timestamp = FIRST_SECOND * 90_000 + 3600 * i
            broken = spoil if i == 20 else None
            if broken == "reserved":
                payload = bytearray(anc_payload(0, [1, 2, 3]))
                payload[7] = 1
            elif i % 10 == 9:
                payload = struct.pack("!HHI", 0, 0, fbits(i) << 22)  # a sign of life
            else:
                payload = anc_payload(0, [i, 2, 3], broken, fbits(i))
            out.append((time, ethernet(rtp(i, timestamp, marker or i != 20, bytes(payload), pt=100), port=5008)))
        return out

    case("anc", pcap(packets()), {
        "good": True, "streams.0.kind": "ancillary", "streams.0.rate": "25", "streams.0.anc_packets": 36, "streams.0.keep_alives": 4,
        "streams.0.kinds": [{"id": "0x61/0x02", "packets": 36}], "streams.0.field_bits": [40, 0, 0],
        # The first frame shows where frames end.
        "streams.0.timestamp_steps": counts([3600] * 39), "streams.0.latency_ns": spread([500_000] * 39),
    }, status=0)
    for spoil in ("checksum", "parity"):
        case(f"anc-{spoil}", pcap(packets(spoil)), {
            "good": False, f"streams.0.{spoil}_faults": 1, f"streams.0.verdicts.{spoil}": "fail",
        })
    case("anc-marker", pcap(packets(marker=False)), {"good": False, "streams.0.verdicts.markers": "fail", "streams.0.missing_markers": 1})
    case("anc-fields", pcap(packets(fbits=lambda i: 2 + i % 2)), {
        "good": True, "streams.0.field_bits": [0, 20, 20], "streams.0.rate": "25/2",
    })
    case("anc-field", pcap(packets(fbits=lambda i: 2 + (i % 2 if i < 20 else 1))), {
        "good": False, "streams.0.verdicts.field-bits": "fail",
    })


def main():
    global OUT
    OUT = pathlib.Path(sys.argv[1])
    for part in (timing, fields, files, legs, audio, ancillary):
        part()
    (OUT / "cases.json").write_text(json.dumps(CASES))
    print(len(CASES), "cases")


if __name__ == "__main__":
    main()
