//! What `ethtool` prints, read.

/// A ring's length now and at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Descriptors in use.
    pub now: u32,
    /// Descriptors that the card could have.
    pub most: u32,
}

/// The receive ring in the text of `ethtool -g`.
pub fn receive_ring(text: &str) -> Option<Ring> {
    let (most, now) = text.split_once("Current hardware settings:")?;
    let length =
        |part: &str| part.lines().find_map(|line| line.strip_prefix("RX:")?.trim().parse().ok());
    Some(Ring { now: length(now)?, most: length(most)? })
}

/// Whether a feature is on, in the text of `ethtool -k`.
pub fn feature(text: &str, name: &str) -> Option<bool> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'))?;
    Some(value.trim().starts_with("on"))
}

/// The number of the card's PTP clock in the text of `ethtool -T`; `None` when it has none.
pub fn ptp_clock(text: &str) -> Option<u32> {
    let value = text.lines().find_map(|line| {
        // ethtool 6.1 says "PTP Hardware Clock: 0", 6.12 and later
        // "Hardware timestamp provider index: 0".
        line.strip_prefix("PTP Hardware Clock:")
            .or_else(|| line.strip_prefix("Hardware timestamp provider index:"))
    })?;
    value.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RINGS: &str = "Ring parameters for eth0:\nPre-set maximums:\nRX:\t\t8192\n\
        RX Mini:\tn/a\nRX Jumbo:\tn/a\nTX:\t\t8192\nCurrent hardware settings:\nRX:\t\t512\n\
        RX Mini:\tn/a\nRX Jumbo:\tn/a\nTX:\t\t512\nRX Buf Len:\t\tn/a\n";

    #[test]
    fn rings() {
        assert_eq!(receive_ring(RINGS), Some(Ring { now: 512, most: 8192 }));
        assert_eq!(receive_ring("netlink error: Operation not supported\n"), None);
        assert_eq!(receive_ring(&RINGS.replace("512", "n/a")), None);
    }

    #[test]
    fn features() {
        let text = "Features for eth0:\ntx-checksumming: on\n\ttx-checksum-ipv4: off [fixed]\n\
            generic-receive-offload: on\nrx-udp-gro-forwarding: off\nrx-gro-hw: on [fixed]\n";
        assert_eq!(feature(text, "generic-receive-offload"), Some(true));
        assert_eq!(feature(text, "rx-udp-gro-forwarding"), Some(false));
        assert_eq!(feature(text, "rx-gro-hw"), Some(true));
        assert_eq!(feature(text, "rx-gro"), None);
    }

    #[test]
    fn clocks_of_cards() {
        assert_eq!(
            ptp_clock("PTP Hardware Clock: 2\nHardware Transmit Timestamp Modes:\n"),
            Some(2)
        );
        assert_eq!(ptp_clock("PTP Hardware Clock: none\n"), None);
        assert_eq!(ptp_clock("Hardware timestamp provider index: 0\n"), Some(0));
    }
}
