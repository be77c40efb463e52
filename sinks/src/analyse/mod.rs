//! The analyser: judges the streams of a capture file.
//!
//! The file is read twice: first to see what streams there are and what they look like,
//! then to measure. Memory does not grow with the file.
//!
//! - [`capture`]: frames out of pcap and pcapng;
//! - [`datagram`]: UDP datagrams out of frames;
//! - [`wanted`]: what the streams are held against: SDP, a format, or what they look like;
//! - [`measure`]: one analyser of [`st2110::analysis`] a stream, live or from a file;
//! - [`streams`]: the streams of a file;
//! - [`report`], [`picture`]: what is shown.

pub mod capture;
pub mod datagram;
pub mod measure;
pub mod picture;
pub mod report;
pub mod streams;
mod text;
pub mod wanted;

use std::{
    io::Read,
    path::{Path, PathBuf},
};

pub use capture::CaptureError;
pub use report::{Analysis, StreamAnalysis};
use st2110::timing::SenderType;
use streams::Streams;
pub use wanted::{CaptureClock, Wanted};

/// What to hold the streams of a capture against.
#[derive(Clone, Debug, Default)]
pub struct AnalyseOptions {
    /// Descriptions of streams, or one format for every video stream.
    pub wanted: Wanted,
    /// The sender type that video streams should keep to.
    pub sender_type: Option<SenderType>,
    /// TROFFSET in microseconds, in place of the SDP's or the default.
    pub offset_us: Option<u32>,
    /// Measure as EBU LIST does where it deviates from the standard.
    pub list_compatible: bool,
    /// What the capture's times are.
    pub clock: CaptureClock,
}

/// Judges every stream of a file.
pub fn run(path: &Path, options: &AnalyseOptions) -> Result<Analysis, CaptureError> {
    let mut streams = Streams::new(options);
    capture::read_file(path, &mut |frame| streams.survey(frame))?;
    streams.settle();
    let capture = capture::read_file(path, &mut |frame| streams.measure(frame))?;
    Ok(streams.report(PathBuf::from(path), capture))
}

/// The same for a capture in memory; `None` when it is none.
pub fn run_octets(octets: &[u8], options: &AnalyseOptions) -> Option<Analysis> {
    let mut streams = Streams::new(options);
    let source = || -> Box<dyn Read + Send> { Box::new(std::io::Cursor::new(octets.to_vec())) };
    capture::read(source(), &mut |frame| streams.survey(frame))?;
    streams.settle();
    let capture = capture::read(source(), &mut |frame| streams.measure(frame))?;
    Some(streams.report(PathBuf::new(), capture))
}

/// What must hold for any file at all: it is refused or judged, told as text, JSON and a
/// picture. The body of the fuzz target.
#[doc(hidden)]
pub fn fuzz(octets: &[u8]) {
    for list_compatible in [false, true] {
        let options = AnalyseOptions { list_compatible, ..AnalyseOptions::default() };
        if let Some(analysis) = run_octets(octets, &options) {
            assert!(!analysis.to_string().is_empty());
            assert!(picture::svg(&analysis).starts_with("<svg"));
            let json = serde_json::to_string(&analysis);
            assert!(json.is_ok(), "{json:?}");
        }
    }
}
