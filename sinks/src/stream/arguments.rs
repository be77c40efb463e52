//! The options that say what to receive.

use std::net::{IpAddr, SocketAddr};

use clap::Args;
use st2110::{
    format::{Depth, Sampling},
    leg::Leg,
};

/// What to receive: `--sdp`, or `--format` with `--at`, or `--register` with `--id`, `--at`.
#[derive(Args, Clone, Debug, Default)]
pub struct StreamArguments {
    /// Reads the stream's SDP from a file, an http:// address, or '-' for standard input
    #[arg(long, value_name = "FILE-or-URL", conflicts_with = "register")]
    pub sdp: Option<String>,
    /// The format by name (1080p60, 1080i25, 640x360p25), where there is no SDP
    #[arg(long, value_name = "NAME", conflicts_with = "sdp")]
    pub format: Option<String>,
    /// Colour sampling that goes with --format
    #[arg(long, default_value = "YCbCr-4:2:2")]
    pub sampling: Option<Sampling>,
    /// Bits a sample that go with --format: 8, 10 or 12
    #[arg(long, default_value = "10")]
    pub depth: Option<Depth>,
    /// Where to listen: a local address or a multicast group; overrides the SDP's
    #[arg(long, value_name = "ADDR:PORT")]
    pub at: Option<SocketAddr>,
    /// Network interface to listen on
    #[arg(long, value_name = "NAME")]
    pub interface: Option<String>,
    /// Only sender to listen to, for a multicast group
    #[arg(long, value_name = "ADDR")]
    pub source: Option<IpAddr>,
    /// Registers as an output of the matrix at this address and follows what is routed to it
    #[arg(long, value_name = "URL", requires = "id", requires = "at")]
    pub register: Option<String>,
    /// Id of the output to register
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Its label, for people; also the title of the window
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
    /// The zone it stands in
    #[arg(long, value_name = "TEXT")]
    pub zone: Option<String>,
}

impl StreamArguments {
    /// The leg of `--at`, `--interface` and `--source`.
    pub fn leg(&self) -> Option<Leg> {
        let at = self.at?;
        Some(Leg {
            address: at.ip(),
            port: at.port(),
            source: self.source,
            interface: self.interface.clone(),
        })
    }
}
