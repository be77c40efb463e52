//! Processor cores, and how threads get them.

use std::{io, thread};

use super::{Area, Finding, Host, Verdict};

pub fn findings(host: &dyn Host) -> Vec<Finding> {
    let online = host.read("/sys/devices/system/cpu/online").map(|list| parse_list(&list));
    let online = online.unwrap_or_default();
    // What affinity and a container's quota leave of them.
    let usable = thread::available_parallelism().map_or(online.len(), Into::into);
    vec![
        count(usable, online.len().max(usable)),
        isolation(host, &online),
        governor(host, &online),
        real_time(&try_real_time()),
    ]
}

fn count(usable: usize, online: usize) -> Finding {
    let verdict = match usable {
        4.. => Verdict::Good,
        2..=3 => Verdict::Fair,
        _ => Verdict::Missing,
    };
    Finding::new(
        Area::Cores,
        "cores",
        verdict,
        format!("{usable} usable of {online}"),
        "Each lane of the router wants a core of its own; displays, stills, the control plane \
         and the network's interrupts want others. Two cores carry a demo, four a room.",
    )
}

fn isolation(host: &dyn Host, online: &[usize]) -> Finding {
    let command_line = host.read("/proc/cmdline").unwrap_or_default();
    let told = |file: &str, option: &str| {
        let list = host.read(file).filter(|list| !list.is_empty() && list != "(null)");
        list.or_else(|| option_of(&command_line, option)).map(|list| {
            // `isolcpus=managed_irq,domain,2-3`: flags come before the cores.
            let cores =
                list.split(',').filter(|part| part.starts_with(|c: char| c.is_ascii_digit()));
            cores.collect::<Vec<_>>().join(",")
        })
    };
    let isolated = told("/sys/devices/system/cpu/isolated", "isolcpus");
    let tickless = told("/sys/devices/system/cpu/nohz_full", "nohz_full");
    let verdict =
        if isolated.is_some() && tickless.is_some() { Verdict::Good } else { Verdict::Fair };
    let name = |list: &Option<String>| list.clone().unwrap_or_else(|| "none".to_owned());
    let finding = Finding::new(
        Area::Cores,
        "isolation",
        verdict,
        format!("isolated: {}, without timer tick: {}", name(&isolated), name(&tickless)),
        "On an isolated core nothing but its lane runs: no other program, no timer tick, fewer \
         interrupts. Without isolation a lane may wait while something else has its core.",
    );
    // Below four cores there is none to give away.
    if online.len() < 4 {
        return finding;
    }
    let (first, last) = (online[online.len() / 2], online[online.len() - 1]);
    finding.mended_by(format!(
        "add to GRUB_CMDLINE_LINUX in /etc/default/grub: \
         isolcpus=managed_irq,domain,{first}-{last} nohz_full={first}-{last} \
         rcu_nocbs={first}-{last}; then: update-grub && reboot"
    ))
}

fn governor(host: &dyn Host, online: &[usize]) -> Finding {
    let mut governors: Vec<String> = online
        .iter()
        .filter_map(|core| {
            host.read(&format!("/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor"))
        })
        .collect();
    governors.sort();
    governors.dedup();
    let (verdict, value) = match governors.as_slice() {
        [] => (Verdict::Unknown, "not told (a hypervisor or the firmware decides)".to_owned()),
        [only] if only == "performance" => (Verdict::Good, only.clone()),
        several => (Verdict::Fair, several.join(", ")),
    };
    let finding = Finding::new(
        Area::Cores,
        "frequency-governor",
        verdict,
        value,
        "A core that slows down while it rests is late for the burst that wakes it; pictures \
         come in bursts.",
    );
    if verdict == Verdict::Unknown {
        return finding;
    }
    finding
        .mended_by("echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor")
}

/// Asks for real-time scheduling in a thread that ends at once.
fn try_real_time() -> io::Result<()> {
    thread::spawn(|| ormatrix_io::thread::prioritise(1))
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the probe's thread panicked")))
}

fn real_time(tried: &io::Result<()>) -> Finding {
    let (verdict, value) = match tried {
        Ok(()) => (Verdict::Good, "SCHED_FIFO granted to this user".to_owned()),
        Err(error) => (Verdict::Fair, format!("SCHED_FIFO refused to this user: {error}")),
    };
    Finding::new(
        Area::Cores,
        "real-time",
        verdict,
        value,
        "Lanes and senders ask to run before all ordinary programs. Refused, they go on like \
         everything else, and a busy machine delays their packets.",
    )
    .mended_by(
        "run the router as the systemd service that comes with it, or: \
         setcap cap_sys_nice+ep /usr/local/bin/ormatrix-router",
    )
}

/// `0-3,8` as the numbers it stands for.
fn parse_list(list: &str) -> Vec<usize> {
    list.split(',')
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.trim().parse::<usize>().ok()?..=last.trim().parse().ok()?)
        })
        .flatten()
        .collect()
}

fn option_of(command_line: &str, name: &str) -> Option<String> {
    command_line.split_whitespace().find_map(|word| {
        let (key, value) = word.split_once('=')?;
        (key == name).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::{super::host::paper::PaperHost, *};

    #[test]
    fn lists_of_cores() {
        assert_eq!(parse_list("0-3,8"), [0, 1, 2, 3, 8]);
        assert_eq!(parse_list("0"), [0]);
        assert_eq!(parse_list(""), [0; 0]);
    }

    #[test]
    fn one_core_is_not_enough() {
        assert_eq!(count(1, 1).verdict, Verdict::Missing);
        assert_eq!(count(2, 8).verdict, Verdict::Fair);
        assert_eq!(count(8, 8).value, "8 usable of 8");
    }

    #[test]
    fn isolation_is_read_from_the_kernel_or_its_command_line() {
        let cores: Vec<usize> = (0..8).collect();
        let none = isolation(&PaperHost::default().file("/proc/cmdline", "quiet"), &cores);
        assert_eq!(none.verdict, Verdict::Fair);
        assert!(none.remedy.unwrap().contains("nohz_full=4-7"));
        let host = PaperHost::default()
            .file("/sys/devices/system/cpu/isolated", "4-7")
            .file("/proc/cmdline", "quiet isolcpus=managed_irq,domain,4-7 nohz_full=4-7");
        let both = isolation(&host, &cores);
        assert_eq!(both.verdict, Verdict::Good);
        assert_eq!(both.value, "isolated: 4-7, without timer tick: 4-7");
        assert!(isolation(&PaperHost::default(), &[0, 1]).remedy.is_none());
    }

    #[test]
    fn every_governor_counts() {
        let path = |core: u8| format!("/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor");
        let host = PaperHost::default().file(&path(0), "performance").file(&path(1), "schedutil");
        assert_eq!(governor(&host, &[0]).verdict, Verdict::Good);
        let mixed = governor(&host, &[0, 1]);
        assert_eq!(
            (mixed.verdict, mixed.value.as_str()),
            (Verdict::Fair, "performance, schedutil")
        );
        assert_eq!(governor(&host, &[5]).verdict, Verdict::Unknown);
    }

    #[test]
    fn a_refusal_is_said() {
        let refused = real_time(&Err(io::Error::from_raw_os_error(1)));
        assert_eq!(refused.verdict, Verdict::Fair);
        assert!(refused.value.contains("not permitted"), "{}", refused.value);
        assert!(refused.remedy.is_some());
    }
}
