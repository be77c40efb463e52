//! What an ancillary stream looks like.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::format::Rate;

/// An ST 2110-40 stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AncillaryFormat {
    /// Frames a second of the video it belongs to (`exactframerate`).
    pub rate: Rate,
    /// Whether packets belong to fields rather than to frames. Not a matter of its SDP: the
    /// F bits tell.
    #[serde(default)]
    pub interlace: bool,
    /// The kinds of packets it carries (`DID_SDID`); any, if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_ids: Vec<DataId>,
    /// Byte 1 of the video payload id of the SDI it came from (`VPID_Code`, ST 352).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpid_code: Option<u8>,
}

impl AncillaryFormat {
    /// A stream of anything, with the frames of some video.
    pub const fn new(rate: Rate, interlace: bool) -> Self {
        Self { rate, interlace, data_ids: Vec::new(), vpid_code: None }
    }

    /// Whether the declaration covers a packet. Type 1 packets, whose DID is 0x80 or more,
    /// have no SDID and are declared with 0 (RFC 8331 §3.1).
    pub fn carries(&self, id: DataId) -> bool {
        let declared = if id.did & 0x80 == 0 { id } else { DataId { sdid: 0, ..id } };
        self.data_ids.is_empty() || self.data_ids.contains(&declared)
    }
}

impl fmt::Display for AncillaryFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scan = if self.interlace { "interlaced" } else { "progressive" };
        write!(f, "ancillary {scan} {}", self.rate)?;
        self.data_ids.iter().try_for_each(|id| write!(f, " {id}"))
    }
}

/// The kind of an ANC data packet: what its data identification words say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataId {
    /// Data identification.
    pub did: u8,
    /// Secondary data identification; 0 for packets of type 1.
    pub sdid: u8,
}

impl fmt::Display for DataId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{0x{:02x},0x{:02x}}}", self.did, self.sdid)
    }
}

impl FromStr for DataId {
    type Err = NotADataId;

    /// `{0x61,0x02}`, with one or two hexadecimal digits each (RFC 8331 §4).
    fn from_str(text: &str) -> Result<Self, NotADataId> {
        let inside = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let (did, sdid) = inside.and_then(|inside| inside.split_once(',')).ok_or(NotADataId)?;
        let octet = |text: &str| {
            // ABNF strings are not case-sensitive (RFC 5234 §2.3).
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
            let valid = (1..=2).contains(&digits.len())
                && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            if valid { u8::from_str_radix(digits, 16).ok() } else { None }
        };
        Ok(Self { did: octet(did).ok_or(NotADataId)?, sdid: octet(sdid).ok_or(NotADataId)? })
    }
}

/// Not a pair of data identification words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a DID and SDID: write {{0x61,0x02}} (RFC 8331 §4)")]
pub struct NotADataId;

/// How soon packets follow their data (`TM`, ST 2110-40:2023 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransmissionModel {
    /// `LLTM`, low latency: within the time of a few lines.
    LowLatency,
    /// `CTM`, compatible: within a millisecond. What a stream has that does not tell.
    Compatible,
}

impl TransmissionModel {
    /// Every model.
    pub const ALL: &[Self] = &[Self::LowLatency, Self::Compatible];

    /// The name as the standard writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LowLatency => "LLTM",
            Self::Compatible => "CTM",
        }
    }

    /// The model of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|model| model.as_str() == name)
    }
}

impl fmt::Display for TransmissionModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_as_the_api_writes_it() {
        let json = r#"{"rate":"30000/1001","interlace":true,"data_ids":[{"did":97,"sdid":2}],"vpid_code":133}"#;
        let format: AncillaryFormat = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&format).unwrap(), json);
        assert_eq!(format.to_string(), "ancillary interlaced 30000/1001 {0x61,0x02}");
        let plain: AncillaryFormat = serde_json::from_str(r#"{"rate":"50"}"#).unwrap();
        assert_eq!(plain, AncillaryFormat::new(Rate::new(50, 1).unwrap(), false));
        assert!(serde_json::from_str::<AncillaryFormat>(r#"{"rate":"50","tm":1}"#).is_err());
    }

    #[test]
    fn declarations_cover_their_packets() {
        let mut format = AncillaryFormat::new(Rate::new(50, 1).unwrap(), false);
        let captions = DataId { did: 0x61, sdid: 0x02 };
        assert!(format.carries(captions));
        format.data_ids = vec![captions, DataId { did: 0xe7, sdid: 0 }];
        assert!(format.carries(captions));
        assert!(!format.carries(DataId { did: 0x61, sdid: 0x01 }));
        // Type 1: what stands for the SDID is a block number.
        assert!(format.carries(DataId { did: 0xe7, sdid: 0x55 }));
    }

    #[test]
    fn data_ids_follow_the_grammar() {
        for (text, did, sdid) in
            [("{0x61,0x02}", 0x61, 2), ("{0x6,0xF}", 6, 15), ("{0X41,0x05}", 0x41, 5)]
        {
            assert_eq!(text.parse(), Ok(DataId { did, sdid }), "{text}");
        }
        assert_eq!(DataId { did: 6, sdid: 0xff }.to_string(), "{0x06,0xff}");
        for text in
            ["", "{}", "0x61,0x02", "{61,02}", "{0x61}", "{0x,0x}", "{0x161,0x02}", "{0x+1,0x02}"]
        {
            assert_eq!(text.parse::<DataId>(), Err(NotADataId), "{text}");
        }
    }
}
