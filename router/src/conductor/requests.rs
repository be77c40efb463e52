//! What clients ask for, and when they are answered.
//!
//! An answer waits until the snapshot has what it says, and a snapshot is the whole of
//! everything. So what was asked meanwhile is done first and kept together with it: a whole
//! site costs a few snapshots instead of one for each of its thousands of parts.

use crossbeam_channel::Receiver;
use ormatrix_io::Clock;
use ormatrix_protocol::{Command, Event, Refusal, Reply, Request};

use super::{
    Conductor,
    clients::FromClient,
    journal::{self, Asked, Journal},
    opener::Opener,
};
use crate::packet_io::PacketIo;

/// Most messages that are dealt with before those that were done are answered, and lanes
/// are heard again.
const TOGETHER: usize = 64;

/// An answer that waits.
#[derive(Debug)]
pub(super) struct Answer {
    client: u64,
    /// The request's number.
    id: u64,
    reply: Reply,
}

impl<I: PacketIo, O: Opener<I>, C: Clock> Conductor<I, O, C> {
    /// Deals with a message of a client, and with those that wait behind it.
    pub fn hear(&mut self, message: FromClient, waiting: &Receiver<FromClient>) {
        self.hear_one(message);
        for message in waiting.try_iter().take(TOGETHER - 1) {
            self.hear_one(message);
        }
        self.answer();
    }

    fn hear_one(&mut self, message: FromClient) {
        match message {
            FromClient::Request { client, request } => self.serve(client, request),
            FromClient::Connected { client, link } => {
                self.answer();
                let status = self.status();
                self.clients.join(client, link, status);
            }
            FromClient::Gone { client } => self.clients.leave(client),
            FromClient::Malformed { client, id, reason } => {
                self.clients.reply(client, id, Err(Refusal::Malformed { reason }));
            }
        }
    }

    fn serve(&mut self, client: u64, request: Request) {
        let Request { id, request_id, command } = request;
        let asked = Asked::of(&command);
        // What is told of everything must come before what is told of changes to it.
        let changes = changes(&command);
        if !changes {
            self.answer();
        }
        let span = journal::span(request_id.as_ref());
        self.journal.enter(request_id);
        let result = span.in_scope(|| self.perform(command));
        span.in_scope(|| Journal::answered(&asked, &result));
        self.journal.enter(None);
        match result {
            Ok(reply) if changes => self.answers.push(Answer { client, id, reply }),
            result => self.clients.reply(client, id, result),
        }
    }

    /// Keeps what was done, and says so to those who had asked for it.
    fn answer(&mut self) {
        if self.answers.is_empty() {
            return;
        }
        let mut answers = std::mem::take(&mut self.answers);
        self.keep(answers.iter().any(|answer| matches!(answer.reply, Reply::Done)));
        for Answer { client, id, reply } in answers.drain(..) {
            self.clients.reply(client, id, Ok(reply));
        }
        self.answers = answers;
    }

    /// Does what a command says, whole or not at all, and keeps it.
    ///
    /// # Errors
    /// Why nothing was done.
    pub fn command(&mut self, command: Command) -> Result<Reply, Refusal> {
        let changes = changes(&command);
        let reply = self.perform(command)?;
        if changes {
            self.keep(matches!(reply, Reply::Done));
        }
        Ok(reply)
    }

    /// Keeps everything as it is now, and tells everyone if the inventory is another.
    fn keep(&mut self, inventory: bool) {
        self.keeper.keep(self.snapshot());
        if inventory {
            self.clients.tell(Event::Inventory);
        }
    }

    fn perform(&mut self, command: Command) -> Result<Reply, Refusal> {
        let reply = match command {
            Command::Status => return Ok(Reply::Status(Box::new(self.status()))),
            Command::Report { input, findings } => {
                return self.report(&input, findings).map(|()| Reply::Done);
            }
            Command::Salvo { takes, at } => Reply::Taking { take: self.salvo_at(takes, at)? },
            Command::CancelSalvo { take } => self.cancel_salvo(take).map(|()| Reply::Done)?,
            Command::PutInput(spec) => self.put_input(spec).map(|()| Reply::Done)?,
            Command::RemoveInput { input } => self.remove_input(&input).map(|()| Reply::Done)?,
            Command::PutOutput(spec) => self.put_output(spec).map(|()| Reply::Done)?,
            Command::RemoveOutput { output } => {
                self.remove_output(&output).map(|()| Reply::Done)?
            }
            Command::PutMonitor(spec) => self.put_monitor(spec).map(|()| Reply::Done)?,
            Command::RemoveMonitor { input } => {
                self.remove_monitor(&input).map(|()| Reply::Done)?
            }
        };
        self.stand_in();
        Ok(reply)
    }
}

/// Whether the snapshot is another one after this.
fn changes(command: &Command) -> bool {
    !matches!(command, Command::Status | Command::Report { .. })
}
