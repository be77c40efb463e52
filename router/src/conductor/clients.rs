//! Who is connected to the control socket, and telling them.

use std::{collections::BTreeMap, sync::Arc};

use crossbeam_channel::Sender;
use ormatrix_protocol::{
    Event, FromRouter, PROTOCOL_VERSION, Refusal, Reply, Request, RouterStatus, codec,
};

/// A line to write to a client.
pub type Line = Arc<[u8]>;

/// What the control socket's threads tell the conductor.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "read, done and dropped one at a time")]
pub enum FromClient {
    /// A client has come; lines for it go into `link`. Dropping the link ends it.
    Connected {
        /// Its number.
        client: u64,
        /// Where to write.
        link: Sender<Line>,
    },
    /// It asks for something.
    Request {
        /// Its number.
        client: u64,
        /// What it asks.
        request: Request,
    },
    /// It asks for something that cannot be read.
    Malformed {
        /// Its number.
        client: u64,
        /// The request's number, if that could be read; else 0.
        id: u64,
        /// What the parser said.
        reason: String,
    },
    /// It has gone.
    Gone {
        /// Its number.
        client: u64,
    },
}

/// Everyone connected.
#[derive(Debug, Default)]
pub struct Clients {
    links: BTreeMap<u64, Sender<Line>>,
}

impl Clients {
    /// Greets a new client with the whole truth.
    pub fn join(&mut self, client: u64, link: Sender<Line>, status: RouterStatus) {
        self.links.insert(client, link);
        let hello = FromRouter::Hello { protocol: PROTOCOL_VERSION, status: Box::new(status) };
        self.write(client, &line(&hello));
    }

    /// Forgets a client.
    pub fn leave(&mut self, client: u64) {
        self.links.remove(&client);
    }

    /// Answers a request.
    pub fn reply(&mut self, client: u64, id: u64, result: Result<Reply, Refusal>) {
        self.write(client, &line(&FromRouter::Reply { id, result }));
    }

    /// Tells everyone.
    pub fn tell(&mut self, event: Event) {
        if self.links.is_empty() {
            return;
        }
        let line = line(&FromRouter::Event(event));
        // One that does not read in time would not know the truth any more; it is cut off
        // and may come back for the whole of it.
        self.links.retain(|_, link| link.try_send(Arc::clone(&line)).is_ok());
    }

    fn write(&mut self, client: u64, line: &Line) {
        if let Some(link) = self.links.get(&client)
            && link.try_send(Arc::clone(line)).is_err()
        {
            self.links.remove(&client);
        }
    }
}

fn line(message: &FromRouter) -> Line {
    let mut octets = Vec::new();
    // Writing plain data to memory cannot fail.
    let _ = codec::write(&mut octets, message);
    octets.into()
}
