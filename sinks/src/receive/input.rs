//! The sockets of a stream, or of all streams of a session: the one place where sinks read
//! the network.
//!
//! Packets are read in batches every `coalesce` at most, rather than one wake a packet:
//! that is most of what makes receiving cheap. The price is that arrival times are known to
//! that precision.

use std::{io, net::SocketAddr, os::fd::AsRawFd, time::Duration};

use ormatrix_io::{Clock, RxBatch, RxOptions, RxSocket, SocketError, SystemClock, udp::Readiness};
use st2110::leg::Leg;

/// Messages a read and octets each: one message holds a whole GRO run.
const BATCH: (usize, usize) = (16, 65_536);

/// Reads in a row before the caller is asked whether to go on.
const MOST_READS: usize = 64;

/// Why a stream cannot be received.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// No leg to listen on.
    #[error("the stream names no address to listen on: add a c= line to the SDP, or use --at")]
    NoLeg,
    /// A leg cannot be opened.
    #[error(transparent)]
    Open(#[from] SocketError),
    /// The kernel refused.
    #[error("receiving failed: {0}")]
    Io(#[from] io::Error),
}

/// The open sockets of one stream (one, or two with ST 2022-7), or of several streams.
pub struct Input {
    sockets: Vec<RxSocket>,
    /// Waits for all of them; one alone waits for itself.
    readiness: Option<Readiness>,
    ready: Vec<u16>,
    batch: RxBatch,
    clock: SystemClock,
    coalesce_ns: u64,
    next_read: u64,
    fragmented: u64,
    truncated: u64,
}

impl Input {
    /// Opens every leg. `coalesce` is the least time between two reads.
    pub fn open(legs: &[Leg], coalesce: Duration) -> Result<Self, InputError> {
        if legs.is_empty() {
            return Err(InputError::NoLeg);
        }
        let options = RxOptions::default();
        let sockets = legs
            .iter()
            .map(|leg| RxSocket::open(leg, &options))
            .collect::<Result<Vec<_>, SocketError>>()?;
        let mut readiness = None;
        if sockets.len() > 1 {
            let all = Readiness::new()?;
            for (socket, key) in sockets.iter().zip(0..) {
                all.watch(socket.as_raw_fd(), key)?;
            }
            readiness = Some(all);
        }
        Ok(Self {
            sockets,
            readiness,
            ready: Vec::new(),
            batch: RxBatch::new(BATCH.0, BATCH.1),
            clock: SystemClock,
            coalesce_ns: coalesce.as_nanos() as u64,
            next_read: 0,
            fragmented: 0,
            truncated: 0,
        })
    }

    /// The addresses bound, with the ports that the kernel chose for port 0.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.sockets.iter().map(RxSocket::local_addr).collect()
    }

    /// Hands every packet that waits to `each`, waiting up to `timeout` for the first;
    /// returns the packets handed over, 0 when none came or a signal arrived.
    ///
    /// `begin` is called once before each run of packets, to read the clocks.
    pub fn receive<T>(
        &mut self,
        timeout: Duration,
        begin: impl FnMut() -> T,
        mut each: impl FnMut(&[u8], &T),
    ) -> io::Result<usize> {
        self.receive_from(timeout, begin, |_, packet, time| each(packet, time))
    }

    /// The same, with the place of the packet's leg among those opened.
    pub fn receive_from<T>(
        &mut self,
        timeout: Duration,
        mut begin: impl FnMut() -> T,
        mut each: impl FnMut(usize, &[u8], &T),
    ) -> io::Result<usize> {
        if self.coalesce_ns > 0 {
            self.clock.sleep_until(self.next_read);
        }
        let mut packets = self.drain(&mut begin, &mut each)?;
        if packets == 0 && self.wait(timeout)? {
            packets = self.drain(&mut begin, &mut each)?;
        }
        self.next_read = self.clock.now() + self.coalesce_ns;
        Ok(packets)
    }

    /// Datagrams the kernel dropped for want of buffer.
    pub fn kernel_drops(&self) -> u64 {
        self.sockets.iter().map(RxSocket::kernel_drops).sum()
    }

    /// Datagrams that arrived in IP fragments; they are not handed over.
    pub const fn fragmented(&self) -> u64 {
        self.fragmented
    }

    /// Datagrams longer than any packet may be; they are not handed over.
    pub const fn truncated(&self) -> u64 {
        self.truncated
    }

    fn drain<T>(
        &mut self,
        begin: &mut impl FnMut() -> T,
        each: &mut impl FnMut(usize, &[u8], &T),
    ) -> io::Result<usize> {
        let mut packets = 0;
        for (leg, socket) in self.sockets.iter().enumerate() {
            for _ in 0..MOST_READS {
                let datagrams = match socket.receive(&mut self.batch) {
                    Ok(datagrams) => datagrams,
                    Err(error) if passing(&error) => 0,
                    Err(error) => return Err(error),
                };
                if datagrams == 0 {
                    break;
                }
                let time = begin();
                for mut datagram in self.batch.datagrams() {
                    self.fragmented += u64::from(datagram.fragmented);
                    self.truncated += u64::from(datagram.truncated);
                    if datagram.fragmented || datagram.truncated {
                        continue;
                    }
                    for packet in datagram.segments() {
                        each(leg, packet, &time);
                        packets += 1;
                    }
                }
                if datagrams < BATCH.0 {
                    break;
                }
            }
        }
        Ok(packets)
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        let waited = match (&mut self.readiness, self.sockets.as_slice()) {
            (Some(readiness), _) => {
                self.ready.clear();
                let ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
                readiness.wait(&mut self.ready, ms).map(|()| !self.ready.is_empty())
            }
            (None, [only]) => only.wait(timeout),
            (None, _) => Ok(false),
        };
        match waited {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            other => other,
        }
    }
}

/// Errors of an earlier send that a socket reports once, and interruptions by signals.
fn passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}
