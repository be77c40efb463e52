//! Three hosts with a router in the middle, and who sends and judges there.

use std::net::IpAddr;

use ormatrix_protocol::{InputSpec, Leg, Merge};
use ormatrix_tests::{
    Process,
    media::assert_no_defect,
    namespace::{
        Host, Network,
        capture::{Capture, Captured},
        router::{self, Router},
    },
};
use serde_json::Value;
use tempfile::TempDir;

pub const PORT: u16 = 5004;

/// A router in the middle; dropped in this order.
pub struct Site {
    pub router: Router,
    pub folder: TempDir,
    pub network: Network,
}

impl Site {
    pub fn start() -> Self {
        let network = Network::new();
        let folder = tempfile::tempdir().unwrap();
        let router = Router::start(&network, folder.path());
        Self { router, folder, network }
    }

    pub fn capture(&self, at: (Host, &str), filter: &str, count: usize) -> Capture {
        Capture::start(&self.network, at, filter, count, self.folder.path())
    }
}

pub fn leg(address: &str, port: u16, source: Option<&str>, interface: &str) -> Leg {
    Leg {
        address: address.parse().unwrap(),
        port,
        source: source.map(|source| source.parse().unwrap()),
        interface: Some(interface.to_owned()),
    }
}

pub fn input(id: &str, shape: &str, leg: Leg) -> InputSpec {
    router::input(id, shape, vec![leg], Merge::default())
}

/// `address:port` as programs take it.
pub fn at(address: &str, port: u16) -> String {
    let address: IpAddr = address.parse().unwrap();
    std::net::SocketAddr::new(address, port).to_string()
}

/// One of our sources on `src`.
pub fn source(network: &Network, name: &str, shape: &str, to: &str, more: &[&str]) -> Process {
    let mut command = network.own(Host::Src, "ormatrix-source");
    command.args(["--pattern", "ball", "--name", name, "--format", shape, "--to", to, "--json"]);
    command.args(more);
    Process::start(command)
}

/// Our judge on `dst`, once it listens.
pub fn check(network: &Network, name: &str, shape: &str, at: &str, frames: u64) -> Process {
    let mut command = network.own(Host::Dst, "ormatrix-sink");
    command.args(["check", "--format", shape, "--at", at, "--interface", "in", "--json"]);
    command.args(["--expect-name", name, "--frames", &frames.to_string(), "--seconds", "60"]);
    let mut sink = Process::start(command);
    sink.wait_for("listening");
    sink
}

/// The judge's report: frames enough and no defect. A source on a busy machine leaves frames
/// out, and may stop within one for so long that the router gives it up; its own report says
/// how often, and that is not the router's fault.
pub fn assert_clean(judge: Process, frames: u64, source: Process) {
    let (_, report) = judge.finish_json();
    source.terminate();
    let (_, sent) = source.finish_json();
    let count = |report: &Value, what: &str| report[what].as_u64().unwrap();
    assert_no_defect(&report);
    for defect in ["without_marker", "unexpected_source"] {
        assert_eq!(report[defect], 0, "{defect}: {report:#}");
    }
    let skipped = count(&sent, "skipped_frames");
    let partial = count(&report, "partial");
    assert!(partial <= skipped, "{sent:#} {report:#}");
    // The number of a partial frame may be in the part that is missing.
    assert!(count(&report, "missing_frames") <= skipped + partial, "{sent:#} {report:#}");
    assert!(count(&report, "whole") >= frames, "{report:#}");
}

/// Every packet of a capture is alike in these fields, which are as wanted.
pub fn assert_all(captured: &Captured, count: usize, wanted: &[(&str, &str)], more: &[&str]) {
    let names: Vec<_> = wanted.iter().map(|(name, _)| *name).collect();
    let more = [&["-d", "udp.port==5004,rtp"], more].concat();
    let packets = captured.fields("frame", &names, &more);
    assert_eq!(packets.len(), count);
    let values: Vec<_> = wanted.iter().map(|(_, value)| (*value).to_owned()).collect();
    let mut others = packets.iter().filter(|packet| **packet != values);
    assert_eq!(others.next(), None, "{} more, not {wanted:?}", others.count());
}

/// What tshark says of RTP that nothing is wrong with.
pub const SOUND_RTP: [(&str, &str); 5] = [
    ("rtp.version", "2"),
    ("rtp.p_type", "96"),
    ("rtp.ssrc", "0x0052138c"),
    ("_ws.malformed", ""),
    ("_ws.expert.message", ""),
];
