//! The router on its host, driven through its control socket as the control plane does.
//!
//! A Unix socket is reached by its path, from whichever network namespace.

use std::{
    io::BufReader,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command as Program,
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};
use ormatrix_protocol::{
    Command, Event, Failover, FromRouter, InputSpec, InputStatus, Leg, Merge, OnLoss, OutputSpec,
    OutputStatus, Refusal, Reply, Request, RouteState, RouterStatus, SignalState, Take, codec,
    spec::standard_udp_limit,
};

use super::{Host, Network};
use crate::{media::format, process::Process};

/// How many of the router's telemetry messages, one a second, to wait for anything.
const PATIENCE: usize = 90;

/// A leg at an interface.
///
/// # Panics
/// When the address is none.
pub fn leg(address: &str, port: u16, interface: &str) -> Leg {
    let interface = Some(interface.to_owned());
    Leg { interface, ..Leg::new(address.parse().expect("an address"), port) }
}

/// An input of a format as [`format`] reads it, with nothing beside its picture.
///
/// # Panics
/// When the id is none.
pub fn input(id: &str, shape: &str, legs: Vec<Leg>, merge: Merge) -> InputSpec {
    InputSpec {
        id: id.parse().expect("an id"),
        video: format(shape),
        legs,
        merge,
        payload_type: 96,
        max_udp: standard_udp_limit(),
        label: None,
        audio: None,
        ancillary: None,
        failover: Failover::default(),
    }
}

/// A running router and the connection to it.
pub struct Router {
    process: Process,
    link: BufReader<UnixStream>,
    requests: u64,
}

impl Router {
    /// Starts it with a snapshot in `folder`, and connects.
    pub fn start(network: &Network, folder: &Path) -> Self {
        Self::launch(network.own(Host::Mid, "ormatrix-router"), folder, &[])
    }

    /// Starts a command that becomes the router, and waits until it has said each of `words`,
    /// in this order.
    ///
    /// # Panics
    /// When it does not start.
    pub fn launch(mut command: Program, folder: &Path, words: &[&str]) -> Self {
        let socket: PathBuf = folder.join("router.sock");
        command.arg("--socket").arg(&socket).arg("--snapshot").arg(folder.join("router.json"));
        // More than one, so that outputs are handed from lane to lane.
        command.env("ORMATRIX_ROUTER_LANES", "2");
        let mut process = Process::start(command);
        for word in words.iter().chain(&["routing"]) {
            process.wait_for(word);
        }
        let stream = UnixStream::connect(&socket).expect("a router that routes listens");
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("not zero");
        let mut router = Self { process, link: BufReader::new(stream), requests: 0 };
        let hello = router.hear();
        assert!(matches!(hello, FromRouter::Hello { .. }), "{hello:?}");
        router
    }

    /// Ends it as a fault would.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// Asks for something.
    ///
    /// # Panics
    /// When the router is gone or silent.
    pub fn ask(&mut self, command: Command) -> Result<Reply, Refusal> {
        self.requests += 1;
        let request = Request { id: self.requests, request_id: None, command };
        codec::write(self.link.get_mut(), &request).expect("the router reads");
        loop {
            if let FromRouter::Reply { id, result } = self.hear()
                && id == self.requests
            {
                return result;
            }
        }
    }

    /// Adds an input or changes it.
    ///
    /// # Panics
    /// When that is refused.
    pub fn put_input(&mut self, spec: InputSpec) {
        let reply = self.ask(Command::PutInput(spec));
        assert_eq!(reply, Ok(Reply::Done));
    }

    /// Adds an output to a leg, with an SSRC of its own.
    ///
    /// # Panics
    /// When that is refused.
    pub fn put_output(&mut self, id: &str, leg: Leg, ttl: u8, dscp: u8) {
        self.put_output_of(id, vec![leg], ttl, dscp);
    }

    /// Adds an output to one leg or two, with an SSRC of its own.
    ///
    /// # Panics
    /// When that is refused.
    pub fn put_output_of(&mut self, id: &str, legs: Vec<Leg>, ttl: u8, dscp: u8) {
        let spec = OutputSpec {
            id: id.parse().expect("an id"),
            ssrc: 0x0052_0000 | u32::from(legs[0].port),
            legs,
            payload_type: 96,
            ttl,
            dscp,
            audio: None,
            ancillary: None,
            on_loss: OnLoss::Nothing,
        };
        let reply = self.ask(Command::PutOutput(spec));
        assert_eq!(reply, Ok(Reply::Done));
    }

    /// Puts inputs on outputs in one salvo, whether or not they have a signal yet.
    ///
    /// # Panics
    /// When that is refused.
    pub fn take(&mut self, takes: &[(&str, &str)]) {
        let take = |(output, input): &(&str, &str)| {
            Take::new(output.parse().expect("an id"), Some(input.parse().expect("an id")))
        };
        let takes = takes.iter().map(take).collect();
        let reply = self.ask(Command::Salvo { takes, at: None });
        assert!(matches!(reply, Ok(Reply::Taking { .. })), "{reply:?}");
    }

    /// Everything as it is now.
    ///
    /// # Panics
    /// When the router is gone.
    pub fn status(&mut self) -> RouterStatus {
        match self.ask(Command::Status) {
            Ok(Reply::Status(status)) => *status,
            other => panic!("asked for the status: {other:?}"),
        }
    }

    /// An input as it is now.
    ///
    /// # Panics
    /// When there is none of that id.
    pub fn input(&mut self, id: &str) -> InputStatus {
        let mut inputs = self.status().inputs.into_iter();
        inputs.find(|input| input.spec.id.as_str() == id).expect("an input of that id")
    }

    /// An output as it is now.
    ///
    /// # Panics
    /// When there is none of that id.
    pub fn output(&mut self, id: &str) -> OutputStatus {
        let mut outputs = self.status().outputs.into_iter();
        outputs.find(|output| output.spec.id.as_str() == id).expect("an output of that id")
    }

    /// Waits until there is an answer, looking again whenever the router says something.
    ///
    /// # Panics
    /// When there is none for a minute and a half.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let mut seconds = 0;
        while seconds < PATIENCE {
            if let Some(answer) = look(self) {
                return answer;
            }
            if matches!(self.hear(), FromRouter::Event(Event::Telemetry(_))) {
                seconds += 1;
            }
        }
        panic!("never came true: {what}; {:#?}", self.status());
    }

    /// Waits until so many more whole frames of an input have come, looking every few
    /// milliseconds: nothing tells of frames as they come.
    ///
    /// # Panics
    /// When they do not come within a minute.
    pub fn until_frames(&mut self, input: &str, more: u64) {
        let (start, before) = (SystemClock.now(), self.input(input).counters.whole_frames);
        while self.input(input).counters.whole_frames < before + more {
            let now = SystemClock.now();
            assert!(now - start < 60_000_000_000, "{input} stands still");
            SystemClock.sleep_until(now + 5_000_000);
        }
    }

    /// Waits until an input's signal is in a state.
    pub fn until_signal(&mut self, input: &str, state: SignalState) {
        self.until(&format!("{input} is {state:?}"), |router| {
            (router.input(input).signal.state == state).then_some(())
        });
    }

    /// Waits until an output's route is in a state.
    pub fn until_route(&mut self, output: &str, state: RouteState) {
        self.until(&format!("{output} is {state:?}"), |router| {
            (router.output(output).route.state == state).then_some(())
        });
    }

    fn hear(&mut self) -> FromRouter {
        let mut line = Vec::new();
        let message = codec::read(&mut self.link, &mut line);
        message.expect("the router speaks at least once a second").expect("the router is alive")
    }
}
