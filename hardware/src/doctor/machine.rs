//! The machine as a whole.

use super::{Area, Finding, Host, Verdict};

/// The machine in one line.
pub fn summary(host: &dyn Host) -> String {
    let system = host
        .read("/etc/os-release")
        .and_then(|text| quoted(&text, "PRETTY_NAME="))
        .unwrap_or_else(|| "unknown system".to_owned());
    let kernel = host.read("/proc/sys/kernel/osrelease").unwrap_or_else(|| "?".to_owned());
    let cpuinfo = host.read("/proc/cpuinfo").unwrap_or_default();
    let model = field(&cpuinfo, "model name").unwrap_or("processor of unknown name");
    let memory = super::memory::total_kib(host)
        .map_or_else(String::new, |kib| format!(", {:.1} GiB", kib as f64 / f64::from(1 << 20)));
    format!("{system}, Linux {kernel}, {model}{memory}")
}

pub fn findings(host: &dyn Host) -> Vec<Finding> {
    vec![virtualisation(host), losses(host)]
}

fn virtualisation(host: &dyn Host) -> Finding {
    let cpuinfo = host.read("/proc/cpuinfo").unwrap_or_default();
    let maker =
        [host.read("/sys/class/dmi/id/sys_vendor"), host.read("/sys/class/dmi/id/product_name")]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
    // Only x86 says so itself; elsewhere the maker's name is all there is.
    let flags = field(&cpuinfo, "flags");
    let named = ["QEMU", "KVM", "VMware", "VirtualBox", "Xen", "Parallels", "Virtual Machine"]
        .iter()
        .any(|name| maker.contains(name));
    let machine = match flags {
        Some(flags) => Some(flags.split(' ').any(|flag| flag == "hypervisor")),
        None if named => Some(true),
        None if maker.is_empty() => None,
        None => Some(false),
    };
    let container = host.exists("/.dockerenv")
        || host.exists("/run/.containerenv")
        || host.exists("/run/systemd/container");
    let mut value = match machine {
        Some(true) => "virtual machine".to_owned(),
        Some(false) => "none".to_owned(),
        None => "not told".to_owned(),
    };
    if machine.is_some() && !maker.is_empty() {
        value = format!("{value} ({maker})");
    }
    if container {
        value += ", with the marks of a container";
    }
    let verdict = match machine {
        Some(false) if !container => Verdict::Good,
        None => Verdict::Unknown,
        _ => Verdict::Fair,
    };
    Finding::new(
        Area::Machine,
        "virtualisation",
        verdict,
        value,
        "A hypervisor may take a core away for milliseconds whenever it likes; a burst that \
         arrives meanwhile waits in socket buffers. Fine for trying things out; an operating \
         room wants its own machine.",
    )
}

/// Packets that the kernel has thrown away since it started.
fn losses(host: &dyn Host) -> Finding {
    let backlog = host.read("/proc/net/softnet_stat").map(|text| {
        text.lines()
            .filter_map(|line| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok())
            .sum::<u64>()
    });
    let buffers = host.read("/proc/net/snmp").and_then(|text| udp_counter(&text, "RcvbufErrors"));
    let (Some(backlog), Some(buffers)) = (backlog, buffers) else {
        return Finding::new(
            Area::Machine,
            "kernel-losses",
            Verdict::Unknown,
            "not told",
            "The kernel counts packets that it threw away; here its counters cannot be read.",
        );
    };
    let verdict = if backlog + buffers == 0 { Verdict::Good } else { Verdict::Fair };
    Finding::new(
        Area::Machine,
        "kernel-losses",
        verdict,
        format!(
            "{backlog} in the backlog, {buffers} for want of UDP buffer, since the kernel started"
        ),
        "Every packet that the kernel threw away, of any program, is a hole in something; a \
         number that grows while pictures run points to short buffers or too few cores.",
    )
    .mended_by("sysctl -w net.core.netdev_max_backlog=10000 net.core.rmem_max=67108864")
}

/// A column of the `Udp:` pair of lines in `/proc/net/snmp`.
fn udp_counter(snmp: &str, name: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter(|line| line.starts_with("Udp: "));
    let column = lines.next()?.split(' ').position(|title| title == name)?;
    lines.next()?.split(' ').nth(column)?.parse().ok()
}

/// The value of the first `name : value` line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

fn quoted(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(value.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::{super::host::paper::PaperHost, *};

    const SNMP: &str = "Ip: Forwarding DefaultTTL\nIp: 2 64\n\
        Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors\n\
        Udp: 41877 12 7 41889 7 0 0\n";

    #[test]
    fn a_virtual_machine_is_told_from_a_real_one() {
        let machine = |flags: &str, vendor: &str| {
            virtualisation(
                &PaperHost::default()
                    .file("/proc/cpuinfo", &format!("model name\t: AMD EPYC\nflags\t\t: {flags}\n"))
                    .file("/sys/class/dmi/id/sys_vendor", vendor),
            )
        };
        assert_eq!(machine("fpu vme hypervisor lahf_lm", "QEMU").verdict, Verdict::Fair);
        let real = machine("fpu vme lahf_lm", "Supermicro");
        assert_eq!((real.verdict, real.value.as_str()), (Verdict::Good, "none (Supermicro)"));
        let arm = PaperHost::default().file("/proc/cpuinfo", "BogoMIPS : 48");
        assert_eq!(virtualisation(&arm).verdict, Verdict::Unknown);
        let docker =
            PaperHost::default().file("/proc/cpuinfo", "flags : fpu").file("/.dockerenv", "");
        assert_eq!(virtualisation(&docker).verdict, Verdict::Fair);
    }

    #[test]
    fn lost_packets_are_counted() {
        let host = |softnet: &str| {
            PaperHost::default()
                .file("/proc/net/softnet_stat", softnet)
                .file("/proc/net/snmp", SNMP)
        };
        let found = losses(&host("0004a2f1 00000010 00000002\n0003b1c0 00000001 00000000"));
        assert_eq!(found.verdict, Verdict::Fair);
        assert!(found.value.starts_with("17 in the backlog, 7 for want"), "{}", found.value);
        assert_eq!(losses(&PaperHost::default()).verdict, Verdict::Unknown);
        assert_eq!(udp_counter(SNMP, "NoPorts"), Some(12));
        assert_eq!(udp_counter("Udp: A\n", "A"), None);
    }

    #[test]
    fn the_machine_fits_in_a_line() {
        let host = PaperHost::default()
            .file(
                "/etc/os-release",
                "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"",
            )
            .file("/proc/sys/kernel/osrelease", "6.1.0-25-amd64")
            .file("/proc/cpuinfo", "processor : 0\nmodel name\t: AMD EPYC 7302P\n")
            .file("/proc/meminfo", "MemTotal:       33554432 kB\n");
        assert_eq!(
            summary(&host),
            "Debian GNU/Linux 12 (bookworm), Linux 6.1.0-25-amd64, AMD EPYC 7302P, 32.0 GiB"
        );
    }
}
