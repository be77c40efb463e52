//! Ancillary data in a session description (ST 2110-40:2023 §7, RFC 8331 §4).

use std::fmt;

use super::{
    SdpError, SdpFault, TimestampMode,
    fmtp::{
        parameters::{Parameters, names},
        write_option,
    },
    section::{Complain, Section},
};
use crate::{
    ancillary::{AncillaryFormat, DataId, TransmissionModel},
    format::Rate,
};

const GENERAL: &str = "RFC 8331 §4";
const STANDARD: &str = "ST 2110-40:2023 §7";
const DATAGRAM: &str = "ST 2110-40:2023 §5.2.1, ST 2110-10 §6.3";

/// What `SSN` says of a stream without a transmission model, and of one with.
const EDITIONS: [&str; 2] = ["ST2110-40:2018", "ST2110-40:2023"];

/// Everything a `a=fmtp` line says of an ancillary stream. `SSN` follows from the
/// transmission model: the 2023 edition where one is signalled, else that of 2018.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AncillaryParameters {
    /// `exactframerate`.
    pub rate: Rate,
    /// `DID_SDID`, each; any data if there are none.
    pub data_ids: Vec<DataId>,
    /// `VPID_Code`.
    pub vpid_code: Option<u8>,
    /// `TM`; compatible if not given.
    pub transmission_model: Option<TransmissionModel>,
    /// `TROFF` in microseconds; TRODEFAULT of the video if not given.
    pub offset_us: Option<u32>,
    /// `TSMODE`.
    pub timestamp_mode: Option<TimestampMode>,
    /// `TSDELAY` in microseconds.
    pub timestamp_delay_us: Option<u32>,
}

impl AncillaryParameters {
    /// A format, everything else at its default.
    pub fn new(format: &AncillaryFormat) -> Self {
        Self {
            rate: format.rate,
            data_ids: format.data_ids.clone(),
            vpid_code: format.vpid_code,
            transmission_model: None,
            offset_us: None,
            timestamp_mode: None,
            timestamp_delay_us: None,
        }
    }

    /// The format. Whether the video is interlaced the description does not say.
    pub fn format(&self, interlace: bool) -> AncillaryFormat {
        let (rate, vpid_code) = (self.rate, self.vpid_code);
        AncillaryFormat { rate, interlace, data_ids: self.data_ids.clone(), vpid_code }
    }

    /// The value of `SSN`.
    fn edition(&self) -> &'static str {
        EDITIONS[usize::from(self.transmission_model.is_some())]
    }
}

impl fmt::Display for AncillaryParameters {
    /// The parameters of the line, each ended by `; `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data_ids.iter().try_for_each(|id| write!(f, "DID_SDID={id}; "))?;
        write_option(f, "VPID_Code", self.vpid_code)?;
        write!(f, "exactframerate={}; ", self.rate)?;
        write_option(f, "TM", self.transmission_model)?;
        write!(f, "SSN={}; ", self.edition())?;
        write_option(f, "TROFF", self.offset_us)?;
        write_option(f, "TSMODE", self.timestamp_mode)?;
        write_option(f, "TSDELAY", self.timestamp_delay_us)
    }
}

/// Reads the parameters. `rate` is that of the session's video, if known.
pub(super) fn read(
    section: &Section<'_>,
    payload_type: u8,
    rate: Option<Rate>,
    complain: Complain<'_>,
) -> Result<AncillaryParameters, SdpError> {
    let place = section.place("a=fmtp");
    let text = section.fmtp(payload_type, GENERAL, complain)?;
    let mut reader =
        Parameters::split(text.unwrap_or_default(), GENERAL, &["DID_SDID"], place, complain)?;
    if text.is_none() {
        reader.complain(SdpFault::LineMissing {
            missing: "a=fmtp",
            example: "a=fmtp:100 DID_SDID={0x61,0x02}; exactframerate=60000/1001; SSN=ST2110-40:2018; ",
            clause: STANDARD,
        })?;
    }
    let data_ids = data_ids(&mut reader)?;
    let vpid_code = reader.number("VPID_Code", 0, u8::MAX, GENERAL)?;
    let rate = reader.rate(rate, STANDARD)?;
    let transmission_model = reader.name(
        "TM",
        STANDARD,
        TransmissionModel::from_name,
        &names(TransmissionModel::ALL, TransmissionModel::as_str),
    )?;
    let offset_us = reader.number("TROFF", 0, u32::MAX, STANDARD)?;
    reader.no_max_udp(DATAGRAM)?;
    let (timestamp_mode, timestamp_delay_us) = reader.timestamps()?;
    let parameters = AncillaryParameters {
        rate,
        data_ids,
        vpid_code,
        transmission_model,
        offset_us,
        timestamp_mode,
        timestamp_delay_us,
    };
    let expected = parameters.edition();
    match reader.value("SSN") {
        Some(found) if found == expected => {}
        Some(found) => {
            let why = if transmission_model.is_some() { "with TM" } else { "without TM" };
            reader.wrong(&format!("SSN={found}"), &format!("SSN={expected} {why}"), STANDARD)?;
        }
        None => reader.complain(Parameters::missing("SSN", expected, STANDARD))?,
    }
    Ok(parameters)
}

/// The kinds of packets.
fn data_ids(reader: &mut Parameters<'_, '_>) -> Result<Vec<DataId>, SdpError> {
    let mut ids = Vec::new();
    for value in reader.all("DID_SDID") {
        let found = format!("DID_SDID={value}");
        let Ok(id) = value.parse::<DataId>() else {
            reader.wrong(&found, "DID_SDID={0x61,0x02}", GENERAL)?;
            continue;
        };
        // Packets of type 1 have a block number there (ST 291-1 §6).
        let known = if id.did & 0x80 == 0 { id } else { DataId { sdid: 0, ..id } };
        if known != id {
            reader.wrong(&found, &format!("DID_SDID={known}"), "RFC 8331 §3.1")?;
        }
        ids.push(known);
    }
    Ok(ids)
}
