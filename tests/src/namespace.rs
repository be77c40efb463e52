//! A network of the test's own: hosts as network namespaces of this kernel, joined by veth
//! pairs, with addresses of the ranges kept for documentation.
//!
//! Every port and address is free here, and nothing that happens here is seen outside. Needs
//! root, `ip` (iproute2), `ethtool` and `dumpcap`. One network exists at a time in a process,
//! because each wants the machine's cores; it is removed when dropped, and what a killed test
//! left behind is removed by the next.

pub mod capture;
pub mod router;

use std::{
    env, fs,
    path::Path,
    process::{self, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ormatrix_io::{Clock, SystemClock};

use crate::process::{Process, program, run};

/// Names of our namespaces begin so; the id of the process that made them follows.
const PREFIX: &str = "ormatrix-test-";

/// Names that process to others that work in the same network.
const OWNER_VARIABLE: &str = "ORMATRIX_TEST_NETWORK";

/// Held by the one network that exists.
static TURN: Mutex<()> = Mutex::new(());

/// A host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Where sources are.
    Src,
    /// Where the router is.
    Mid,
    /// Where receivers are.
    Dst,
}

/// Two network interfaces and what joins them.
#[derive(Clone, Copy, Debug)]
pub struct Cable {
    /// Host and interface at either end; the first has the addresses that end in 1, the
    /// other those that end in 2.
    pub ends: [(Host, &'static str); 2],
    /// What its IPv4 addresses begin with (/24).
    pub v4: &'static str,
    /// What its IPv6 addresses begin with (/64).
    pub v6: &'static str,
}

/// From the sources to the router.
pub const FIRST: Cable = Cable {
    ends: [(Host::Src, "out1"), (Host::Mid, "in1")],
    v4: "198.51.100.",
    v6: "2001:db8:1::",
};

/// From the sources to the router, beside [`FIRST`]; to be plugged in where needed.
pub const SECOND: Cable =
    Cable { ends: [(Host::Src, "out2"), (Host::Mid, "in2")], v4: "192.0.2.", v6: "2001:db8:2::" };

/// From the router to the receivers.
pub const LAST: Cable =
    Cable { ends: [(Host::Mid, "out"), (Host::Dst, "in")], v4: "203.0.113.", v6: "2001:db8:3::" };

/// Three hosts on two cables: [`FIRST`] and [`LAST`].
pub struct Network {
    /// Of the one that made it.
    turn: Option<MutexGuard<'static, ()>>,
}

impl Network {
    /// Builds it.
    ///
    /// # Panics
    /// When this is not root, or the kernel or a tool refuses.
    pub fn new() -> Self {
        assert!(
            is_root(),
            "this test makes network namespaces and needs root: run it with sudo, or in a \
             container with CAP_SYS_ADMIN and CAP_NET_ADMIN"
        );
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        remove_leftovers();
        // From here on, whatever fails, dropping it removes what was made.
        let network = Self { turn: Some(turn) };
        for host in [Host::Src, Host::Mid, Host::Dst] {
            run("ip", &["netns", "add", &host.name()]);
            // IPv6 addresses are usable at once, and stay while their interface is down, as
            // they do where a network daemon puts them back.
            for (setting, value) in [("accept_dad", "0"), ("keep_addr_on_down", "1")] {
                for which in ["all", "default"] {
                    let setting = format!("/proc/sys/net/ipv6/conf/{which}/{setting}");
                    network.run(host, "sh", &["-c", &format!("echo {value} > {setting}")]);
                }
            }
            network.ip(host, "link set lo up");
        }
        network.plug(&FIRST);
        network.plug(&LAST);
        network
    }

    /// The network of the process that started this one by [`Network::own`], on one of its
    /// hosts; it stays when this is dropped.
    pub fn of_parent() -> Self {
        Self { turn: None }
    }

    /// Plugs a cable in. Its packets are on it one by one, as on a real one: veth would hand
    /// over a whole gathered send.
    pub fn plug(&self, cable: &Cable) {
        let [(near, near_name), (far, far_name)] = cable.ends;
        self.ip(
            near,
            &format!("link add {near_name} type veth peer name {far_name} netns {}", far.name()),
        );
        for (last, (host, name)) in (1..).zip(cable.ends) {
            self.ip(host, &format!("addr add {}{last}/24 dev {name}", cable.v4));
            self.ip(host, &format!("addr add {}{last}/64 dev {name} nodad", cable.v6));
            self.offload(host, name, "tx-udp-segmentation", false);
            self.ip(host, &format!("link set {name} up"));
        }
        // For programs that name no interface, the last cable plugged in is the way out.
        let (host, name) = cable.ends[0];
        self.ip(host, &format!("route replace 224.0.0.0/4 dev {name}"));
        self.ip(host, &format!("-6 route replace multicast ff00::/8 dev {name} table local"));
    }

    /// Takes a cable away, with both its interfaces.
    pub fn unplug(&self, cable: &Cable) {
        let (host, name) = cable.ends[0];
        self.ip(host, &format!("link del {name}"));
    }

    /// Turns an offload of an interface on or off.
    pub fn offload(&self, host: Host, interface: &str, name: &str, on: bool) {
        self.run(host, "ethtool", &["-K", interface, name, if on { "on" } else { "off" }]);
    }

    /// Runs `ip` on a host; the arguments are separated by spaces.
    ///
    /// # Panics
    /// When it fails.
    pub fn ip(&self, host: Host, arguments: &str) {
        let name = host.name();
        let mut all = vec!["-n", name.as_str()];
        all.extend(arguments.split_whitespace());
        run("ip", &all);
    }

    /// Runs a program on a host to its end and returns its standard output.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(&self, host: Host, program: &str, arguments: &[&str]) -> String {
        let name = host.name();
        let mut all = vec!["netns", "exec", name.as_str(), program];
        all.extend(arguments);
        run("ip", &all)
    }

    /// A command that will run on a host, without another process between it and the test.
    pub fn command(&self, host: Host, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &host.name()]).arg(program.as_ref());
        command
    }

    /// A program of the workspace that will run on a host and end with the test.
    pub fn own(&self, host: Host, name: &str) -> Command {
        let mut command = self.command(host, program(name));
        command.env(ormatrix_io::process::PARENT_VARIABLE, process::id().to_string());
        command.env(OWNER_VARIABLE, owner());
        command
    }

    /// The same, before ordinary work of the machine (see [`crate::process::urgent`]).
    pub fn urgent(&self, host: Host, name: &str) -> Command {
        let mut command = self.command(host, "nice");
        command.args(["-n", "-15"]).arg(program(name));
        command.env(ormatrix_io::process::PARENT_VARIABLE, process::id().to_string());
        command
    }

    /// Waits until something on a host is bound to a UDP port.
    ///
    /// # Panics
    /// When nothing is for a minute.
    pub fn until_bound(&self, host: Host, port: u16) {
        let local = format!(":{port:04X} ");
        let clock = SystemClock;
        let start = clock.now();
        while !self.run(host, "cat", &["/proc/net/udp", "/proc/net/udp6"]).contains(&local) {
            let now = clock.now();
            assert!(now - start < 60_000_000_000, "nobody listens at port {port}");
            clock.sleep_until(now + 10_000_000);
        }
    }

    /// A GStreamer pipeline on a host, as anyone would type it.
    pub fn gstreamer(&self, host: Host, pipeline: &str) -> Process {
        let mut command = self.command(host, "gst-launch-1.0");
        command.args(["-q", "-e"]).args(pipeline.split_whitespace());
        Process::start(command)
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if self.turn.is_none() {
            return;
        }
        for host in [Host::Src, Host::Mid, Host::Dst] {
            remove(&host.name());
        }
    }
}

impl Host {
    fn name(self) -> String {
        let name = match self {
            Self::Src => "src",
            Self::Mid => "mid",
            Self::Dst => "dst",
        };
        format!("{PREFIX}{}-{name}", owner())
    }
}

/// The id of the process that made the network.
fn owner() -> String {
    env::var(OWNER_VARIABLE).unwrap_or_else(|_| process::id().to_string())
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    // Real, effective, saved and file-system user id.
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    user.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

/// Removes namespaces of tests that were killed before they could.
fn remove_leftovers() {
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            remove(&name);
        }
    }
}

/// Removes a namespace that may not be there; its interfaces go with it.
fn remove(name: &str) {
    let mut command = Command::new("ip");
    command.args(["netns", "del", name]).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.status();
}
