//! Where the packets of a super-packet begin, when the kernel does not say.

use st2110::rtp::HEADER_LEN;

/// Most octets of RTP in one packet that a network carries: the extended limit of ST 2110-10
/// §6.4, less the UDP header.
const LONGEST: usize = 8952;

/// Octets of each packet, told by their RTP headers: each has the SSRC of the first and the
/// next sequence number. `None` when it is one packet, or no RTP.
pub fn rtp_segment(payload: &[u8]) -> Option<usize> {
    let first = sequence_and_source(payload)?;
    let longest = LONGEST.min(payload.len().checked_sub(HEADER_LEN)?);
    (HEADER_LEN..=longest).find(|length| {
        payload.chunks(*length).enumerate().skip(1).all(|(number, packet)| {
            let expected = (first.0.wrapping_add(number as u16), first.1);
            sequence_and_source(packet) == Some(expected)
        })
    })
}

fn sequence_and_source(packet: &[u8]) -> Option<(u16, [u8; 4])> {
    let [version, _, high, low, _, _, _, _, source @ ..] = packet.first_chunk::<HEADER_LEN>()?;
    (version >> 6 == 2).then_some((u16::from_be_bytes([*high, *low]), *source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, octets: usize) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        let mut packet = vec![0x80, 96, high, low, 0, 0, 0, 0, 0, 0, 0, 7];
        packet.resize(octets, 0x80);
        packet
    }

    #[test]
    fn packets_are_told_by_their_headers() {
        let run = |lengths: &[usize]| {
            let packets = lengths.iter().zip(65_534_u16..=u16::MAX).map(|(n, s)| packet(s, *n));
            packets.flatten().collect::<Vec<_>>()
        };
        assert_eq!(rtp_segment(&run(&[1220, 1220])), Some(1220));
        assert_eq!(rtp_segment(&run(&[1220, 40])), Some(1220));
        assert_eq!(rtp_segment(&run(&[1220])), None);
        assert_eq!(rtp_segment(b"no RTP at all, but long enough for it"), None);
        let mut wrapped = run(&[300, 300]);
        wrapped.extend(packet(0, 300));
        wrapped.extend(packet(1, 20));
        assert_eq!(rtp_segment(&wrapped), Some(300));
        // The kernel puts nothing together that is not in sequence.
        let mut broken = run(&[300, 300]);
        broken.extend(packet(1, 300));
        assert_eq!(rtp_segment(&broken), None);
    }
}
