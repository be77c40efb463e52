//! Time: PTP clocks, who disciplines the host's clock, the offset between TAI and UTC.

use super::{Area, Finding, Host, Verdict};

/// Seconds that TAI is ahead of UTC since 2017.
const TAI_OFFSET_S: i32 = 37;

pub fn findings(host: &dyn Host) -> Vec<Finding> {
    vec![ptp_clocks(host), discipline(host), tai_offset(ormatrix_io::clock::kernel_tai_offset())]
}

fn ptp_clocks(host: &dyn Host) -> Finding {
    let clocks: Vec<String> = host
        .list("/sys/class/ptp")
        .into_iter()
        .map(|name| {
            let of = host.read(&format!("/sys/class/ptp/{name}/clock_name"));
            format!("/dev/{name} ({})", of.unwrap_or_else(|| "unnamed".to_owned()))
        })
        .collect();
    let (verdict, value) = if clocks.is_empty() {
        (Verdict::Fair, "none".to_owned())
    } else {
        (Verdict::Good, clocks.join(", "))
    };
    Finding::new(
        Area::Clock,
        "ptp-clock",
        verdict,
        value,
        "ST 2110 devices share one time over PTP (ST 2059-2). Passing pictures through needs \
         none of it; pictures that this host makes itself drift against those of others \
         without it. It takes a network card with a clock (see card-clock above).",
    )
}

fn discipline(host: &dyn Host) -> Finding {
    // The kernel cuts names at 15 octets.
    let known = ["ptp4l", "phc2sys", "chronyd", "ntpd", "systemd-timesyn"];
    let mut running: Vec<String> = host
        .list("/proc")
        .into_iter()
        .filter(|name| name.bytes().all(|octet| octet.is_ascii_digit()))
        .filter_map(|pid| host.read(&format!("/proc/{pid}/comm")))
        .filter(|name| known.contains(&name.as_str()))
        .collect();
    running.sort();
    running.dedup();
    let has = |name: &str| running.iter().any(|running| running == name);
    let verdict = if has("ptp4l") && has("phc2sys") { Verdict::Good } else { Verdict::Fair };
    let value = if running.is_empty() {
        "nobody".to_owned()
    } else {
        format!("{} running", running.join(", "))
    };
    Finding::new(
        Area::Clock,
        "disciplined-by",
        verdict,
        value,
        "ptp4l follows the grandmaster, phc2sys brings its time to the kernel's clock, where \
         every program reads it. Others keep this clock near UTC, which does for one machine.",
    )
    .mended_by(
        "apt-get install linuxptp; set domainNumber 127 in /etc/linuxptp/ptp4l.conf; \
         systemctl enable --now ptp4l@INTERFACE phc2sys@INTERFACE",
    )
}

fn tai_offset(seconds: i32) -> Finding {
    let (verdict, value) = match seconds {
        TAI_OFFSET_S => (Verdict::Good, format!("{seconds} s")),
        0 => (Verdict::Fair, format!("not set; {TAI_OFFSET_S} s are assumed")),
        other => (Verdict::Unknown, format!("{other} s, where {TAI_OFFSET_S} s hold since 2017")),
    };
    Finding::new(
        Area::Clock,
        "tai-offset",
        verdict,
        value,
        "RTP timestamps count TAI, which is ahead of UTC by leap seconds. The programs here add \
         the present offset when the kernel does not know it; others on this host may not.",
    )
    .mended_by(
        "phc2sys sets it; with chrony: echo 'leapsectz right/UTC' > /etc/chrony/conf.d/tai.conf \
         && systemctl restart chrony",
    )
}

#[cfg(test)]
mod tests {
    use super::{super::host::paper::PaperHost, *};

    #[test]
    fn a_clock_is_named() {
        let host = PaperHost::default().file("/sys/class/ptp/ptp0/clock_name", "ice-0000:41:00.0");
        let found = ptp_clocks(&host);
        assert_eq!(
            (found.verdict, found.value.as_str()),
            (Verdict::Good, "/dev/ptp0 (ice-0000:41:00.0)")
        );
        assert_eq!(ptp_clocks(&PaperHost::default()).verdict, Verdict::Fair);
    }

    #[test]
    fn ptp_takes_both_programs() {
        let host = PaperHost::default()
            .file("/proc/12/comm", "ptp4l")
            .file("/proc/13/comm", "bash")
            .file("/proc/net/comm", "phc2sys");
        let half = discipline(&host);
        assert_eq!((half.verdict, half.value.as_str()), (Verdict::Fair, "ptp4l running"));
        let whole = discipline(&host.file("/proc/14/comm", "phc2sys"));
        assert_eq!(
            (whole.verdict, whole.value.as_str()),
            (Verdict::Good, "phc2sys, ptp4l running")
        );
        assert_eq!(discipline(&PaperHost::default()).value, "nobody");
    }

    #[test]
    fn the_offset_is_37_or_explained() {
        assert_eq!(tai_offset(37).verdict, Verdict::Good);
        assert_eq!(tai_offset(0).verdict, Verdict::Fair);
        assert_eq!(tai_offset(10).verdict, Verdict::Unknown);
    }
}
