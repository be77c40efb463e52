//! Memory and its pages.

use super::{Area, Finding, Host, Verdict};

pub fn findings(host: &dyn Host) -> Vec<Finding> {
    vec![amount(host), transparent_pages(host)]
}

/// `MemTotal` in KiB.
pub fn total_kib(host: &dyn Host) -> Option<u64> {
    meminfo(&host.read("/proc/meminfo")?, "MemTotal")
}

fn amount(host: &dyn Host) -> Finding {
    let text = host.read("/proc/meminfo").unwrap_or_default();
    let reason = "Each input keeps tens of MiB of packets in its socket, each source and sink a \
        few whole frames (5 MiB each at full HD, 20 at UHD).";
    let (Some(total), Some(available)) =
        (meminfo(&text, "MemTotal"), meminfo(&text, "MemAvailable"))
    else {
        return Finding::new(Area::Memory, "memory", Verdict::Unknown, "not told", reason);
    };
    let gib = |kib: u64| kib as f64 / f64::from(1 << 20);
    let verdict = match available >> 10 {
        4096.. => Verdict::Good,
        1024..=4095 => Verdict::Fair,
        _ => Verdict::Missing,
    };
    let value = format!("{:.1} GiB available of {:.1} GiB", gib(available), gib(total));
    Finding::new(Area::Memory, "memory", verdict, value, reason)
}

/// Huge pages: the ones reserved, and the ones that the kernel makes by itself.
fn transparent_pages(host: &dyn Host) -> Finding {
    let text = host.read("/proc/meminfo").unwrap_or_default();
    let reserved = meminfo(&text, "HugePages_Total");
    let mode = host
        .read("/sys/kernel/mm/transparent_hugepage/enabled")
        .and_then(|text| Some(text.split_once('[')?.1.split_once(']')?.0.to_owned()));
    let verdict = match mode.as_deref() {
        Some("always") => Verdict::Fair,
        Some(_) => Verdict::Good,
        None => Verdict::Unknown,
    };
    let value = format!(
        "{} reserved, made by the kernel: {}",
        reserved.map_or_else(|| "unknown".to_owned(), |pages| pages.to_string()),
        mode.as_deref().unwrap_or("unknown"),
    );
    let finding = Finding::new(
        Area::Memory,
        "huge-pages",
        verdict,
        value,
        "The router needs no reserved huge pages: it receives through the kernel. Set to \
         'always', the kernel gathers huge pages for every program and may stall one meanwhile.",
    );
    if verdict == Verdict::Unknown {
        return finding;
    }
    finding.mended_by("echo madvise > /sys/kernel/mm/transparent_hugepage/enabled")
}

fn meminfo(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{super::host::paper::PaperHost, *};

    const MEMINFO: &str = "MemTotal:       24684092 kB\nMemFree:        22970872 kB\n\
        MemAvailable:   24112600 kB\nHugePages_Total:       0\nHugepagesize:       2048 kB\n";

    #[test]
    fn what_is_available_decides() {
        let good = amount(&PaperHost::default().file("/proc/meminfo", MEMINFO));
        assert_eq!(
            (good.verdict, good.value.as_str()),
            (Verdict::Good, "23.0 GiB available of 23.5 GiB")
        );
        let text = "MemTotal: 8000000 kB\nMemAvailable: 900000 kB\n";
        let full = amount(&PaperHost::default().file("/proc/meminfo", text));
        assert_eq!(full.verdict, Verdict::Missing);
        assert_eq!(amount(&PaperHost::default()).verdict, Verdict::Unknown);
    }

    #[test]
    fn the_mode_stands_in_brackets() {
        let host = |mode: &str| {
            PaperHost::default()
                .file("/proc/meminfo", MEMINFO)
                .file("/sys/kernel/mm/transparent_hugepage/enabled", mode)
        };
        let good = transparent_pages(&host("always [madvise] never"));
        assert_eq!(good.verdict, Verdict::Good);
        assert_eq!(good.value, "0 reserved, made by the kernel: madvise");
        assert_eq!(transparent_pages(&host("[always] madvise never")).verdict, Verdict::Fair);
    }
}
