//! Captured frames out of pcap and pcapng files, one by one.
//!
//! A file is read as a stream: memory stays small however long it is. A file that ends in
//! mid-packet or is damaged gives what lies before, and a note.

use std::{fs::File, io::Read, path::Path};

use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

/// Octets read at once.
const BUFFER: usize = 1 << 20;

/// Longest block that is taken for one.
const LONGEST_BLOCK: usize = 1 << 24;

/// Most interfaces of a section.
const MOST_INTERFACES: usize = 1024;

/// A captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When, in nanoseconds since 1970 of the capture's clock.
    pub time_ns: u64,
    /// What its first octet is.
    pub link: Linktype,
    /// Number of the interface within its section; 0 in pcap.
    pub interface: u32,
    /// Its octets, as far as they were kept.
    pub octets: &'a [u8],
    /// Octets it had.
    pub length: usize,
}

/// What the file is.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct CaptureReport {
    /// `pcap` or `pcapng`.
    pub format: &'static str,
    /// Captured frames.
    pub frames: u64,
    /// Of these, cut by the capture's length limit.
    pub cut: u64,
    /// Coarsest step of the times, in nanoseconds.
    pub resolution_ns: u64,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It cannot be opened or read.
    #[error("cannot read the capture {place}: {source}")]
    Read {
        /// The file.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{place} is no capture: neither pcap nor pcapng; record one with dumpcap or tcpdump")]
    NotACapture {
        /// The file.
        place: String,
    },
}

/// How an interface of pcapng counts time.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Linktype,
    /// Parts of a second.
    resolution: u64,
    offset_s: i64,
}

/// Gives every frame of a file to `each`.
pub fn read_file(
    path: &Path,
    each: &mut dyn FnMut(&Frame<'_>),
) -> Result<CaptureReport, CaptureError> {
    let place = path.display().to_string();
    let failed = |source| CaptureError::Read { place: place.clone(), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    read(file, each).ok_or(CaptureError::NotACapture { place })
}

/// The same for octets from anywhere; `None` when they are no capture.
pub fn read(source: impl Read + Send, each: &mut dyn FnMut(&Frame<'_>)) -> Option<CaptureReport> {
    let mut reader = create_reader(BUFFER, source).ok()?;
    let mut report = CaptureReport::default();
    let mut capacity = BUFFER;
    let mut at = 0_u64;
    let mut interfaces = Vec::new();
    let mut big_endian = false;
    // Of a pcap file.
    let mut single = Interface { link: Linktype::ETHERNET, resolution: 1_000_000, offset_s: 0 };
    let mut unreadable = 0_u64;
    loop {
        let taken = match reader.next() {
            Ok((taken, block)) => {
                match block {
                    PcapBlockOwned::LegacyHeader(header) => {
                        report.format = "pcap";
                        single.link = header.network;
                        if header.is_nanosecond_precision() {
                            single.resolution = 1_000_000_000;
                        }
                        report.resolution_ns = 1_000_000_000 / single.resolution;
                    }
                    PcapBlockOwned::Legacy(packet) => {
                        let step = 1_000_000_000 / single.resolution;
                        let time_ns = u64::from(packet.ts_sec) * 1_000_000_000
                            + u64::from(packet.ts_usec) * step;
                        let length = packet.origlen as usize;
                        report.count(packet.data.len(), length);
                        each(&Frame {
                            time_ns,
                            link: single.link,
                            interface: 0,
                            octets: packet.data,
                            length: length.max(packet.data.len()),
                        });
                    }
                    PcapBlockOwned::NG(Block::SectionHeader(section)) => {
                        report.format = "pcapng";
                        big_endian = section.big_endian();
                        interfaces.clear();
                    }
                    PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                        // The reader takes the octets as little-endian in any section.
                        let offset_s = if big_endian {
                            interface.if_tsoffset.swap_bytes()
                        } else {
                            interface.if_tsoffset
                        };
                        let resolution = resolution(interface.if_tsresol);
                        if interfaces.len() < MOST_INTERFACES {
                            interfaces.push(Interface {
                                link: interface.linktype,
                                resolution,
                                offset_s,
                            });
                        }
                        let step = 1_000_000_000_u64.div_ceil(resolution);
                        report.resolution_ns = report.resolution_ns.max(step);
                    }
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        let interface = interfaces.get(packet.if_id as usize);
                        let kept = (packet.caplen as usize).min(packet.data.len());
                        match (interface, packet.data.get(..kept)) {
                            (Some(interface), Some(octets)) => {
                                let ticks =
                                    u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                                let length = packet.origlen as usize;
                                report.count(kept, length);
                                each(&Frame {
                                    time_ns: interface.time_ns(ticks),
                                    link: interface.link,
                                    interface: packet.if_id,
                                    octets,
                                    length: length.max(kept),
                                });
                            }
                            _ => unreadable += 1,
                        }
                    }
                    // Has no time.
                    PcapBlockOwned::NG(Block::SimplePacket(_)) => unreadable += 1,
                    PcapBlockOwned::NG(_) => {}
                }
                taken
            }
            Err(PcapError::Eof) => break,
            Err(PcapError::Incomplete(_)) => {
                if reader.refill().is_err() {
                    report.notes.push(format!("the file cannot be read behind octet {at}"));
                    break;
                }
                continue;
            }
            Err(PcapError::BufferTooSmall) if capacity < LONGEST_BLOCK => {
                capacity *= 2;
                if !reader.grow(capacity) || reader.refill().is_err() {
                    report.notes.push(format!("the file cannot be read behind octet {at}"));
                    break;
                }
                continue;
            }
            Err(PcapError::UnexpectedEof) => {
                report.notes.push(format!(
                    "the file ends in the middle of a packet, at the block that starts at octet {at}: it was cut, or is still being written"
                ));
                break;
            }
            Err(_) => {
                report
                    .notes
                    .push(format!("the file is damaged at octet {at}; nothing behind it was read"));
                break;
            }
        };
        at += taken as u64;
        reader.consume(taken);
    }
    if unreadable > 0 {
        report.notes.push(format!(
            "{unreadable} packets without a time, or of an interface that is not described, were left out"
        ));
    }
    if report.cut > 0 {
        report.notes.push(format!(
            "{} of {} frames were cut by the capture's length limit: their headers and times are judged, the rest is not",
            report.cut, report.frames
        ));
    }
    if report.resolution_ns > 1 {
        report.notes.push(format!(
            "times are in steps of {} ns: bursts look longer than they are; capture with nanoseconds (dumpcap does where the interface can, tcpdump --nano)",
            report.resolution_ns
        ));
    }
    Some(report)
}

impl CaptureReport {
    const fn count(&mut self, kept: usize, length: usize) {
        self.frames += 1;
        if kept < length {
            self.cut += 1;
        }
    }
}

impl Interface {
    fn time_ns(&self, ticks: u64) -> u64 {
        let since = u128::from(ticks) * 1_000_000_000 / u128::from(self.resolution);
        let offset = i128::from(self.offset_s) * 1_000_000_000;
        let time = i128::try_from(since).unwrap_or(i128::MAX).saturating_add(offset);
        u64::try_from(time.max(0)).unwrap_or(u64::MAX)
    }
}

/// Parts of a second of the option `if_tsresol`; microseconds where it makes no sense.
fn resolution(option: u8) -> u64 {
    let exponent = u32::from(option & 0x7f);
    let base: u64 = if option & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(exponent).unwrap_or(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_of_both_kinds() {
        assert_eq!((resolution(6), resolution(9)), (1_000_000, 1_000_000_000));
        assert_eq!(resolution(0x80 | 0x1e), 1 << 30);
        assert_eq!(resolution(0x7f), 1_000_000);
        let interface = Interface { link: Linktype::ETHERNET, resolution: 1 << 30, offset_s: 5 };
        assert_eq!(interface.time_ns(3 << 29), 6_500_000_000);
        let interface = Interface { resolution: 1, offset_s: i64::MIN, ..interface };
        assert_eq!((interface.time_ns(0), interface.time_ns(u64::MAX)), (0, u64::MAX));
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        for octets in [&b""[..], b"\xd4\xc3\xb2\xa1", b"not a capture at all, but long enough"] {
            assert!(read(octets, &mut |_| {}).is_none(), "{octets:?}");
        }
    }
}
