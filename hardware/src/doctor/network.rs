//! Network interfaces: those with hardware behind them, bonds, bridges and VLANs.

use super::{Area, Finding, Host, Verdict, ethtool};

/// What one 1080p60 4:2:2 10-bit stream takes of a cable, in Mb/s.
const FULL_HD_60: u32 = 2667;
/// And one 2160p50.
const UHD_50: u32 = 8890;

pub fn findings(host: &dyn Host) -> Vec<Finding> {
    let interfaces = interfaces(host);
    let mut found: Vec<Finding> =
        interfaces.iter().flat_map(|interface| of_interface(host, interface)).collect();
    if interfaces.is_empty() {
        found.push(Finding::new(
            Area::Network,
            "interfaces",
            Verdict::Missing,
            "none but loopback",
            "Pictures from cameras and to displays on other machines need a network.",
        ));
    }
    found.push(connection_tracking(host));
    found
}

/// Every interface that could carry pictures from outside.
fn interfaces(host: &dyn Host) -> Vec<String> {
    let mut names = host.list("/sys/class/net");
    names.retain(|name| {
        let of = |what: &str| host.exists(&format!("/sys/class/net/{name}/{what}"));
        of("device")
            || of("bonding")
            || of("bridge")
            || host.exists(&format!("/proc/net/vlan/{name}"))
    });
    names
}

fn of_interface(host: &dyn Host, name: &str) -> Vec<Finding> {
    let mut found = vec![link(host, name), mtu(host, name), reverse_path(host, name)];
    if host.run("ethtool", &["--version"]).is_none() {
        found.push(
            Finding::new(
                Area::Network,
                format!("offload:{name}"),
                Verdict::Unknown,
                "ethtool is not installed",
                "It tells the length of the card's rings, its offloads and its clock.",
            )
            .mended_by("apt-get install ethtool"),
        );
        return found;
    }
    let ask = |option: &str| {
        host.run("ethtool", &[option, name])
            .filter(|output| output.success)
            .map(|output| output.text)
    };
    found.push(ring(name, ask("-g").as_deref()));
    found.push(receive_offload(name, ask("-k").as_deref()));
    found.push(timestamps(name, ask("-T").as_deref()));
    found
}

fn link(host: &dyn Host, name: &str) -> Finding {
    let read = |what: &str| host.read(&format!("/sys/class/net/{name}/{what}"));
    let state = read("operstate").unwrap_or_else(|| "unknown".to_owned());
    let driver = host
        .link(&format!("/sys/class/net/{name}/device/driver"))
        .unwrap_or_else(|| "no driver of its own".to_owned());
    // -1, or no answer at all, while there is no link or in a virtual machine.
    let speed: Option<u32> = read("speed").and_then(|text| text.parse().ok()).filter(|mb| *mb > 0);
    let (verdict, speed) = match speed {
        _ if state == "down" => (Verdict::Unknown, "no link".to_owned()),
        None => (Verdict::Unknown, "speed not told".to_owned()),
        Some(mb) if mb >= 10_000 => (Verdict::Good, streams(mb)),
        Some(mb) => (Verdict::Fair, streams(mb)),
    };
    Finding::new(
        Area::Network,
        format!("link:{name}"),
        verdict,
        format!("{speed}, {driver}, {state}"),
        format!(
            "One 1080p60 stream at 10 bit takes {:.2} Gb/s of the cable, one 2160p50 {:.2}. \
             Slower links serve for control only.",
            f64::from(FULL_HD_60) / 1e3,
            f64::from(UHD_50) / 1e3
        ),
    )
}

/// A speed as what fits.
fn streams(mb: u32) -> String {
    format!("{} Gb/s: {} × 1080p60 each way", f64::from(mb) / 1e3, mb / FULL_HD_60)
}

fn mtu(host: &dyn Host, name: &str) -> Finding {
    let mtu: Option<u32> =
        host.read(&format!("/sys/class/net/{name}/mtu")).and_then(|text| text.parse().ok());
    let (verdict, value) = match mtu {
        None => (Verdict::Unknown, "not told".to_owned()),
        // 1460 octets of UDP and the longer IPv6 header.
        Some(mtu) if mtu >= 1500 => (Verdict::Good, mtu.to_string()),
        Some(mtu) => (Verdict::Fair, mtu.to_string()),
    };
    let finding = Finding::new(
        Area::Network,
        format!("mtu:{name}"),
        verdict,
        value,
        "ST 2110-10 allows datagrams of 1460 octets, which with their IP header need an MTU of \
         1480 (IPv6: 1500), and forbids fragments: what is longer cannot be sent or arrives \
         never.",
    );
    if verdict == Verdict::Unknown {
        return finding;
    }
    finding.mended_by(format!("ip link set {name} mtu 1500"))
}

/// Reverse path filtering; the stricter of the two settings counts.
fn reverse_path(host: &dyn Host, name: &str) -> Finding {
    let read = |of: &str| -> Option<u8> {
        host.read(&format!("/proc/sys/net/ipv4/conf/{of}/rp_filter"))?.parse().ok()
    };
    let default_route = host.read("/proc/net/route").is_some_and(|table| {
        table.lines().any(|line| line.split_whitespace().nth(1) == Some("00000000"))
    });
    let (verdict, value) = match read("all").max(read(name)) {
        None => (Verdict::Unknown, "not told"),
        Some(0) => (Verdict::Good, "off"),
        Some(1) => (Verdict::Fair, "strict"),
        Some(_) if default_route => (Verdict::Good, "loose"),
        Some(_) => (Verdict::Fair, "loose, and there is no default route"),
    };
    let finding = Finding::new(
        Area::Network,
        format!("reverse-path:{name}"),
        verdict,
        value,
        "The filter throws away, without a word, multicast from senders to which this interface \
         (strict) or any interface (loose) has no route: the usual cause of a group that is \
         joined and stays silent.",
    );
    if verdict == Verdict::Unknown {
        return finding;
    }
    let name = name.replace('.', "/");
    finding.mended_by(format!(
        "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.{name}.rp_filter=0"
    ))
}

fn ring(name: &str, text: Option<&str>) -> Finding {
    let check = format!("ring:{name}");
    let reason = "The card writes packets here until the kernel comes for them; what does not \
        fit is lost before anything can count it.";
    let Some(ring) = text.and_then(ethtool::receive_ring) else {
        return Finding::new(Area::Network, check, Verdict::Unknown, "not told", reason);
    };
    let verdict = if ring.now >= ring.most.min(4096) { Verdict::Good } else { Verdict::Fair };
    let value = format!("{} of {} receive descriptors", ring.now, ring.most);
    Finding::new(Area::Network, check, verdict, value, reason)
        .mended_by(format!("ethtool -G {name} rx {}", ring.most))
}

fn receive_offload(name: &str, text: Option<&str>) -> Finding {
    let check = format!("gro:{name}");
    let on = text.and_then(|text| ethtool::feature(text, "generic-receive-offload"));
    let forwarding = text.and_then(|text| ethtool::feature(text, "rx-udp-gro-forwarding"));
    let word = |on: Option<bool>| match on {
        Some(true) => "on",
        Some(false) => "off",
        None => "not told",
    };
    let verdict = match (on, forwarding) {
        (Some(true), Some(true)) => Verdict::Good,
        (None, _) => Verdict::Unknown,
        _ => Verdict::Fair,
    };
    let finding = Finding::new(
        Area::Network,
        check,
        verdict,
        format!("{}, rx-udp-gro-forwarding {}", word(on), word(forwarding)),
        "The kernel joins a run of a stream's packets before it hands them over. For UDP it does \
         so only with both switched on (tried on Linux 6.18); else each packet is handed over \
         alone, at about eight times the processor time.",
    );
    if verdict == Verdict::Unknown {
        return finding;
    }
    finding.mended_by(format!("ethtool -K {name} gro on rx-udp-gro-forwarding on"))
}

fn timestamps(name: &str, text: Option<&str>) -> Finding {
    let (verdict, value) = match text.map(ethtool::ptp_clock) {
        None => (Verdict::Unknown, "not told".to_owned()),
        Some(None) => (Verdict::Fair, "none".to_owned()),
        Some(Some(number)) => (Verdict::Good, format!("/dev/ptp{number}")),
    };
    Finding::new(
        Area::Network,
        format!("card-clock:{name}"),
        verdict,
        value,
        "A card with a clock stamps PTP messages as they pass the cable. Without one, this \
         host follows the studio's time to some tens of microseconds instead of better than one.",
    )
}

fn connection_tracking(host: &dyn Host) -> Finding {
    let count: Option<u64> =
        host.read("/proc/sys/net/netfilter/nf_conntrack_count").and_then(|text| text.parse().ok());
    let (verdict, value) = match count {
        None | Some(0) => (Verdict::Good, "nothing is tracked".to_owned()),
        Some(count) => (Verdict::Fair, format!("{count} connections tracked")),
    };
    Finding::new(
        Area::Network,
        "connection-tracking",
        verdict,
        value,
        "A firewall that tracks connections looks each packet up in a table; at a quarter of a \
         million packets a second for each stream that takes a part of a core. Exempt the ports \
         that carry pictures.",
    )
    .mended_by(
        "nft 'add table inet ormatrix; add chain inet ormatrix pictures { type filter hook \
         prerouting priority raw; }; add rule inet ormatrix pictures udp dport 5000-5999 notrack'",
    )
}

#[cfg(test)]
mod tests {
    use super::{super::host::paper::PaperHost, *};

    fn card(speed: &str, mtu: &str, filter: &str) -> PaperHost {
        PaperHost::default()
            .file("/sys/class/net/lo/mtu", "65536")
            .file("/sys/class/net/ens1f0/speed", speed)
            .file("/sys/class/net/ens1f0/operstate", "up")
            .file("/sys/class/net/ens1f0/mtu", mtu)
            .link_to("/sys/class/net/ens1f0/device", "0000:41:00.0")
            .link_to("/sys/class/net/ens1f0/device/driver", "mlx5_core")
            .file("/proc/sys/net/ipv4/conf/all/rp_filter", "0")
            .file("/proc/sys/net/ipv4/conf/ens1f0/rp_filter", filter)
    }

    fn find<'a>(found: &'a [Finding], check: &str) -> &'a Finding {
        found.iter().find(|finding| finding.check == check).unwrap()
    }

    #[test]
    fn a_fast_card_is_good_and_loopback_is_not_asked() {
        let host = card("25000", "9000", "2")
            .file("/proc/net/route", "Iface\tDestination\nens1f0\t00000000\t010A0A0A\n")
            .program("ethtool --version", true, "ethtool version 6.1")
            .program(
                "ethtool -g ens1f0",
                true,
                "Pre-set maximums:\nRX:\t\t8192\nCurrent hardware settings:\nRX:\t\t1024\n",
            )
            .program(
                "ethtool -k ens1f0",
                true,
                "generic-receive-offload: on\nrx-udp-gro-forwarding: off\n",
            )
            .program("ethtool -T ens1f0", true, "PTP Hardware Clock: 0\n");
        let found = findings(&host);
        assert!(found.iter().all(|finding| !finding.check.ends_with(":lo")));
        let link = find(&found, "link:ens1f0");
        assert_eq!(link.verdict, Verdict::Good);
        assert_eq!(link.value, "25 Gb/s: 9 × 1080p60 each way, mlx5_core, up");
        assert_eq!(find(&found, "mtu:ens1f0").verdict, Verdict::Good);
        assert_eq!(find(&found, "reverse-path:ens1f0").value, "loose");
        let unrouted = reverse_path(&card("25000", "1500", "2"), "ens1f0");
        assert_eq!(unrouted.verdict, Verdict::Fair);
        let ring = find(&found, "ring:ens1f0");
        assert_eq!(ring.remedy.as_deref(), Some("ethtool -G ens1f0 rx 8192"));
        assert_eq!(find(&found, "gro:ens1f0").verdict, Verdict::Fair);
        assert_eq!(find(&found, "card-clock:ens1f0").value, "/dev/ptp0");
    }

    #[test]
    fn limits_are_named() {
        let found = findings(&card("1000", "1400", "1"));
        assert_eq!(find(&found, "link:ens1f0").verdict, Verdict::Fair);
        assert!(find(&found, "link:ens1f0").value.starts_with("1 Gb/s: 0 × 1080p60"));
        assert_eq!(
            find(&found, "mtu:ens1f0").remedy.as_deref(),
            Some("ip link set ens1f0 mtu 1500")
        );
        assert_eq!(find(&found, "reverse-path:ens1f0").value, "strict");
        assert_eq!(find(&found, "offload:ens1f0").verdict, Verdict::Unknown);
    }

    #[test]
    fn a_speed_of_minus_one_is_no_speed() {
        let found = findings(&card("-1", "1500", "0"));
        assert_eq!(find(&found, "link:ens1f0").verdict, Verdict::Unknown);
        assert!(findings(&PaperHost::default()).iter().any(|f| f.verdict == Verdict::Missing));
    }

    #[test]
    fn tracking_counts_only_when_something_is_tracked() {
        let host = |count: &str| {
            PaperHost::default().file("/proc/sys/net/netfilter/nf_conntrack_count", count)
        };
        assert_eq!(connection_tracking(&host("0")).verdict, Verdict::Good);
        assert_eq!(connection_tracking(&host("211")).verdict, Verdict::Fair);
    }
}
