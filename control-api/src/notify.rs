//! Tells systemd that the process is ready, that it still works, and that it ends: the
//! protocol of sd_notify(3), a datagram each, without its library.
//!
//! The sign of life comes from the threads that answer requests, and with the lock that they
//! need: a process whose port is open and which answers nobody is ended and started again
//! (`WatchdogSec=`). Pictures do not notice either. A slow disk is no reason: nothing here
//! waits for it.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    time::Duration,
};

use crate::app::Shared;

/// Signs of life within the time after which there must be one.
const SIGNS: u32 = 3;
/// No more often than this, whatever is asked for.
const OFTEN: Duration = Duration::from_millis(10);

/// Whoever started the process and wants to know how it is.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    address: SocketAddr,
    /// How long it waits for a sign of life.
    patience: Option<Duration>,
}

impl Notifier {
    /// As the environment names it; none where nobody wants to know.
    pub fn from_environment() -> Option<Self> {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        let patience = patience(env::var_os("WATCHDOG_USEC"), env::var_os("WATCHDOG_PID"));
        match Self::open(&name, patience) {
            Ok(notifier) => Some(notifier),
            Err(error) => {
                tracing::warn!(socket = ?name, "systemd cannot be told how this process is: {error}");
                None
            }
        }
    }

    fn open(name: &OsStr, patience: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        // Who does not listen is not waited for.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address, patience })
    }

    /// The process serves.
    pub fn ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={status}"));
    }

    /// The process ends.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Gives signs of life as often as they are wanted, until it is dropped.
    pub async fn keep_alive(&self, app: Shared) {
        let Some(patience) = self.patience else { return };
        loop {
            // What every request does first; a thread that never gives it back shows here.
            drop(app.inventory());
            self.say("WATCHDOG=1");
            tokio::time::sleep((patience / SIGNS).max(OFTEN)).await;
        }
    }

    fn say(&self, state: &str) {
        // Whoever does not hear it does what it does without.
        let _ = self.socket.send_to_addr(state.as_bytes(), &self.address);
    }
}

/// How long systemd waits for a sign of life of this process.
fn patience(microseconds: Option<OsString>, pid: Option<OsString>) -> Option<Duration> {
    let number = |text: OsString| text.to_str()?.parse::<u64>().ok();
    if let Some(pid) = pid
        && number(pid) != Some(u64::from(process::id()))
    {
        return None;
    }
    let microseconds = number(microseconds?).filter(|microseconds| *microseconds > 0)?;
    Some(Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_process_is_waited_for() {
        let text = |text: &str| Some(OsString::from(text));
        let own = text(&process::id().to_string());
        assert_eq!(patience(text("30000000"), own.clone()), Some(Duration::from_secs(30)));
        assert_eq!(patience(text("5"), None), Some(Duration::from_micros(5)));
        for (microseconds, pid) in
            [(text("5"), text("1")), (text("0"), None), (text("soon"), None), (None, own)]
        {
            assert_eq!(patience(microseconds, pid), None);
        }
    }

    #[test]
    fn nobody_there_does_no_harm() {
        let nobody = Notifier::open(OsStr::new("/nonexistent/notify"), None).unwrap();
        nobody.ready("well");
        assert!(Notifier::open(OsStr::new(&"x".repeat(200)), None).is_err());
    }
}
