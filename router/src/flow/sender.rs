//! Who may speak on an input: one sender at a time.

use std::net::{IpAddr, SocketAddr};

use ormatrix_protocol::DropReason;

/// Holds an input for the sender that came first, until it falls silent.
#[derive(Clone, Copy, Debug)]
pub struct SenderLock {
    /// The only address listened to, when the stream's description names one.
    declared: Option<IpAddr>,
    present: Option<(SocketAddr, u32)>,
}

/// The sender of an accepted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The same as before.
    Same,
    /// A new one, taken in because nobody else spoke.
    New,
}

impl SenderLock {
    /// Listens to anyone, or to the declared address only.
    pub fn new(declared: Option<IpAddr>) -> Self {
        Self { declared, present: None }
    }

    /// Admits a packet, or says why not. `silent` tells that the present sender has sent
    /// nothing for two frame periods.
    #[inline]
    pub fn admit(
        &mut self,
        from: SocketAddr,
        ssrc: u32,
        silent: bool,
    ) -> Result<Sender, DropReason> {
        match self.present {
            Some(present) if present == (from, ssrc) => Ok(Sender::Same),
            Some((address, _)) if !silent => {
                Err(if address == from { DropReason::WrongSsrc } else { DropReason::ForeignSender })
            }
            _ if self.declared.is_some_and(|declared| declared != from.ip()) => {
                Err(DropReason::ForeignSender)
            }
            _ => {
                self.present = Some((from, ssrc));
                Ok(Sender::New)
            }
        }
    }
}
