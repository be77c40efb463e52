//! The two texts that Prometheus reads.
//!
//! Who asks for OpenMetrics gets it; everyone else the older text format, which every tool
//! reads, `promtool check metrics` among them. The numbers are the same; what differs are
//! the lines about them: in the older format a counter's family has the name of its series.

use std::fmt::Write;

use axum::http::{HeaderMap, header};

/// A way to write metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus 0.0.4.
    Classic,
}

impl Format {
    /// What a client wants.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let accepted =
            headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let named =
            |value: &str| value.to_ascii_lowercase().contains("application/openmetrics-text");
        if accepted.into_iter().any(named) { Self::OpenMetrics } else { Self::Classic }
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// OpenMetrics, without its last line, in this format.
    pub(super) fn finish(self, mut text: String) -> String {
        match self {
            Self::OpenMetrics => {
                text.push_str("# EOF\n");
                text
            }
            Self::Classic => classic(&text),
        }
    }
}

/// Rewrites the lines about a family, which come together: `HELP`, `TYPE`, perhaps `UNIT`.
fn classic(text: &str) -> String {
    let mut classic = String::with_capacity(text.len());
    let mut help = "";
    for line in text.lines() {
        if let Some(about) = line.strip_prefix("# HELP ") {
            help = about;
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|about| about.split_once(' '))
        {
            let total = if kind == "counter" { "_total" } else { "" };
            if let Some((_, help)) = help.split_once(' ') {
                let _ = writeln!(classic, "# HELP {name}{total} {help}");
            }
            let _ = writeln!(classic, "# TYPE {name}{total} {kind}");
        } else if !line.starts_with("# UNIT ") {
            classic.push_str(line);
            classic.push('\n');
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_openmetrics_gets_it() {
        let of = |accept: &'static str| {
            let accept = (header::ACCEPT, accept.parse().unwrap());
            Format::wanted(&HeaderMap::from_iter([accept]))
        };
        let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1";
        assert_eq!(of(prometheus), Format::OpenMetrics);
        assert_eq!(of("Application/OpenMetrics-Text"), Format::OpenMetrics);
        assert_eq!(of("text/plain;version=0.0.4"), Format::Classic);
        assert_eq!(of("*/*"), Format::Classic);
        assert_eq!(Format::wanted(&HeaderMap::new()), Format::Classic);
    }

    #[test]
    fn a_counters_family_is_named_as_its_series() {
        let open = "# HELP a_bytes Octets.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\n\
                    a_bytes_total{x=\"# TYPE y z\"} 1\n# HELP b Now.\n# TYPE b gauge\nb 2\n";
        let expected = "# HELP a_bytes_total Octets.\n# TYPE a_bytes_total counter\n\
                        a_bytes_total{x=\"# TYPE y z\"} 1\n# HELP b Now.\n# TYPE b gauge\nb 2\n";
        assert_eq!(Format::Classic.finish(open.to_owned()), expected);
        assert!(Format::OpenMetrics.finish(open.to_owned()).ends_with("b 2\n# EOF\n"));
    }
}
