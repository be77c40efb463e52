//! Failover and slates on the real thing: the engine with its threads, and sockets of the
//! loopback.
//!
//! `cargo test --release --test loss -- --nocapture` prints how long each step after a loss
//! took; on a busy machine that says more about the machine.

use std::{
    collections::BTreeMap,
    io::{BufReader, IoSlice, Write},
    net::UdpSocket,
    os::unix::net::UnixStream,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use ormatrix_io::{Clock, RxBatch, RxOptions, RxSocket, SystemClock, TxOptions, TxSocket};
use ormatrix_protocol::{
    Command, Event, FromRouter, InputId, Leg, Request, RouteState, SignalState, StandIn, Take,
    codec,
};
use ormatrix_router::{
    engine,
    settings::Settings,
    slate::{Card, draw},
};
use serde_json::json;
use st2110::{
    format::VideoFormat,
    rfc4175::{FramePlan, PayloadHeader, Raster},
    rtp::RtpHeader,
    timing::{Pacing, SenderSchedule, VIDEO_CLOCK_HZ, frame_timestamp},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// One router at a time: each shall have the machine to itself.
static ALONE: Mutex<()> = Mutex::new(());

struct Router {
    writing: UnixStream,
    heard: Receiver<(u64, FromRouter)>,
    requests: u64,
    stop: Sender<()>,
    engine: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Router {
    fn start() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            socket: folder.path().join("router.sock"),
            snapshot: folder.path().join("router.json"),
            lanes: 1,
            ..Settings::default()
        };
        let socket = settings.socket.clone();
        let (stop, stopped) = bounded(1);
        let engine = thread::spawn(move || engine::serve(&settings, &stopped).unwrap());
        let writing = loop {
            match UnixStream::connect(&socket) {
                Ok(stream) => break stream,
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        };
        let reading = writing.try_clone().unwrap();
        let (tell, heard) = unbounded();
        thread::spawn(move || {
            let (mut reader, mut line) = (BufReader::new(reading), Vec::new());
            while let Ok(Some(message)) = codec::read(&mut reader, &mut line) {
                if tell.send((SystemClock.now(), message)).is_err() {
                    break;
                }
            }
        });
        let (engine, requests) = (Some(engine), 0);
        Self { writing, heard, requests, stop, engine, _folder: folder, _alone: alone }
    }

    fn ask(&mut self, command: Command) {
        self.requests += 1;
        let request = Request { id: self.requests, request_id: None, command };
        let mut line = Vec::new();
        codec::write(&mut line, &request).unwrap();
        self.writing.write_all(&line).unwrap();
        let answer = self.until(|message| match message {
            FromRouter::Reply { id, result } if *id == request.id => Some(result.clone()),
            _ => None,
        });
        answer.1.unwrap();
    }

    /// Waits for something; gives when it was heard and what was made of it.
    fn until<T>(&self, mut wanted: impl FnMut(&FromRouter) -> Option<T>) -> (u64, T) {
        loop {
            let (at, message) = self.heard.recv_timeout(PATIENCE).expect("something is heard");
            if let Some(found) = wanted(&message) {
                return (at, found);
            }
        }
    }

    fn until_route(&self, wanted: impl Fn(RouteState, Option<&StandIn>) -> bool) -> u64 {
        let found = self.until(|message| match message {
            FromRouter::Event(Event::Route { route, .. }) => {
                wanted(route.state, route.stand_in.as_ref()).then_some(())
            }
            _ => None,
        });
        found.0
    }

    /// Since when an input's signal is lost, UTC ns, and when that was heard.
    fn until_lost(&self, id: &str) -> (u64, u64) {
        let id: InputId = id.parse().unwrap();
        self.until(|message| match message {
            FromRouter::Event(Event::Signal { input, signal, .. })
                if *input == id && signal.state == SignalState::Lost =>
            {
                Some(signal.since)
            }
            _ => None,
        })
    }

    fn put_input(&mut self, id: &str, port: u16, video: &VideoFormat, backups: &[&str]) {
        let spec = json!({
            "id": id, "video": video, "legs": [{ "address": "127.0.0.1", "port": port }],
            "payload_type": 96, "label": format!("Tower of {id}"),
            "failover": { "backups": backups }
        });
        self.ask(Command::PutInput(serde_json::from_value(spec).unwrap()));
    }

    fn put_output(&mut self, port: u16) {
        let spec = json!({
            "id": "main", "legs": [{ "address": "127.0.0.1", "port": port }],
            "payload_type": 97, "ssrc": 7, "ttl": 1, "dscp": 0, "on_loss": "slate"
        });
        self.ask(Command::PutOutput(serde_json::from_value(spec).unwrap()));
    }

    fn take(&mut self, input: &str) {
        let takes = vec![Take::new("main".parse().unwrap(), Some(input.parse().unwrap()))];
        self.ask(Command::Salvo { takes, at: None });
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(engine) = self.engine.take() {
            let _ = engine.join();
        }
    }
}

/// What a display has received.
#[derive(Default)]
struct Received {
    /// When each first octet of picture data was first seen.
    first: BTreeMap<u8, u64>,
    /// Whole frames in a row, the newest last.
    frames: Vec<Vec<u8>>,
    missing: u64,
}

/// A display of one format.
struct Display {
    port: u16,
    received: Arc<Mutex<Received>>,
    stop: Arc<AtomicBool>,
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

impl Display {
    fn open(format: &VideoFormat) -> Self {
        let raster = Raster::new(format).unwrap();
        let leg = Leg::new("127.0.0.1".parse().unwrap(), 0);
        let rx = RxSocket::open(&leg, &RxOptions::default()).unwrap();
        let port = rx.local_addr().unwrap().port();
        let (received, stop) = (Arc::<Mutex<Received>>::default(), Arc::<AtomicBool>::default());
        let (shared, stopped) = (Arc::clone(&received), Arc::clone(&stop));
        thread::spawn(move || {
            let mut batch = RxBatch::new(32, 65_536);
            let mut frame = vec![0; raster.buffer_octets()];
            let (mut placed, mut next) = (0, None::<u32>);
            while !stopped.load(Relaxed) {
                if !rx.wait(Duration::from_millis(20)).unwrap() {
                    continue;
                }
                let now = SystemClock.now();
                rx.receive(&mut batch).unwrap();
                let mut received = shared.lock().unwrap();
                for mut datagram in batch.datagrams() {
                    for packet in datagram.segments() {
                        let rtp = RtpHeader::parse(packet).unwrap();
                        let payload = &packet[rtp.payload_start..rtp.payload_end];
                        let header = PayloadHeader::parse(payload).unwrap();
                        let data = &payload[header.data_start..];
                        let sequence =
                            u32::from(header.extended_sequence) << 16 | u32::from(rtp.sequence);
                        let gap = next.map_or(0, |next| sequence.wrapping_sub(next));
                        received.missing += u64::from(gap);
                        next = Some(sequence.wrapping_add(1));
                        received.first.entry(data[0]).or_insert(now);
                        let Ok(()) = raster.place(&header, data, &mut frame) else { continue };
                        placed += header.data_len();
                        let field = header.srds()[0].field;
                        if rtp.marker && field == (raster.fields() == 2) {
                            if placed == frame.len() {
                                received.frames.push(frame.clone());
                                if received.frames.len() > 3 {
                                    received.frames.remove(0);
                                }
                            }
                            placed = 0;
                        }
                    }
                }
            }
        });
        Self { port, received, stop }
    }

    /// Forgets what was received so far.
    fn forget(&self) {
        *self.received.lock().unwrap() = Received::default();
    }

    /// When a picture was first seen that begins with such an octet.
    fn until_seen(&self, wanted: impl Fn(u8) -> bool) -> u64 {
        let end = SystemClock.now() + PATIENCE.as_nanos() as u64;
        while SystemClock.now() < end {
            let found = {
                let received = self.received.lock().unwrap();
                received.first.iter().find(|(octet, _)| wanted(**octet)).map(|(_, at)| *at)
            };
            if let Some(at) = found {
                return at;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("nothing of the kind was received");
    }
}

/// A source whose picture consists of one octet; gives the time of its last packet.
struct Source {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Source {
    fn start(port: u16, format: &VideoFormat, octet: u8) -> Self {
        let plan = FramePlan::new(format, 1460).unwrap();
        let schedule = SenderSchedule::new(format, plan.packets(), Pacing::Linear);
        let leg = Leg::new("127.0.0.1".parse().unwrap(), port);
        let mut tx = TxSocket::open(&leg, &TxOptions::default()).unwrap();
        let stop = Arc::<AtomicBool>::default();
        let (stopped, format) = (Arc::clone(&stop), *format);
        let thread = thread::spawn(move || {
            let clock = SystemClock;
            let (mut sequence, mut frame) = (0_u32, schedule.next_frame(clock.tai()));
            let mut last = 0;
            while !stopped.load(Relaxed) {
                frame = frame.max(schedule.next_frame(clock.tai().saturating_sub(20_000_000)));
                for (due, packets) in schedule.bursts(frame, 16) {
                    let tai = clock.tai();
                    clock.sleep_until(clock.now() + due.saturating_sub(tai));
                    let (mut burst, mut segment) = (Vec::new(), 0);
                    for index in packets {
                        let packet = plan.packet(index).unwrap();
                        let start = burst.len();
                        burst.resize(start + packet.packet_len(), octet);
                        segment = packet.packet_len();
                        let timestamp = frame_timestamp(format.rate, frame, 0, VIDEO_CLOCK_HZ);
                        packet.write_header(sequence, timestamp, 1, 96, &mut burst[start..]);
                        sequence = sequence.wrapping_add(1);
                    }
                    let _ = tx.send(&[IoSlice::new(&burst)], segment);
                    last = clock.now();
                    if stopped.load(Relaxed) {
                        break;
                    }
                }
                frame += 1;
            }
            last
        });
        Self { stop, thread }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Relaxed);
        self.thread.join().unwrap()
    }
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn format(width: u16, height: u16, rate: &str, rest: &serde_json::Value) -> VideoFormat {
    let mut format = json!({ "width": width, "height": height, "rate": rate,
        "sampling": "YCbCr-4:2:2", "depth": 10 });
    for (key, value) in rest.as_object().unwrap() {
        format[key] = value.clone();
    }
    serde_json::from_value(format).unwrap()
}

#[test]
fn a_slate_is_received_whole_in_every_kind_of_format() {
    let formats = [
        format(1920, 1080, "10", &json!({})),
        format(1920, 1080, "10", &json!({ "scan": "interlaced" })),
        format(1920, 1080, "5", &json!({ "scan": "psf", "sampling": "YCbCr-4:2:0", "depth": 8 })),
        format(1280, 720, "10", &json!({ "sampling": "RGB", "depth": 12, "packing": "BPM" })),
    ];
    for video in formats {
        let mut router = Router::start();
        let display = Display::open(&video);
        router.put_input("xray", free_port(), &video, &[]);
        router.put_output(display.port);
        router.take("xray");
        router.until_route(|state, stand_in| {
            state == RouteState::NoSignal && stand_in == Some(&StandIn::Slate)
        });
        // The input never had a signal: it is lost since it was put there.
        router.requests += 1;
        let mut line = Vec::new();
        let request = Request { id: router.requests, request_id: None, command: Command::Status };
        codec::write(&mut line, &request).unwrap();
        router.writing.write_all(&line).unwrap();
        let (_, since) = router.until(|message| match message {
            FromRouter::Reply { result: Ok(ormatrix_protocol::Reply::Status(status)), .. } => {
                Some(status.inputs[0].signal.since)
            }
            _ => None,
        });
        let card = Card {
            format: video,
            max_udp: 1460,
            payload_type: 96,
            id: "xray".into(),
            label: Some("Tower of xray".into()),
            since,
        };
        let picture = draw(&card).unwrap();
        let end = SystemClock.now() + PATIENCE.as_nanos() as u64;
        loop {
            let received = display.received.lock().unwrap();
            if received.frames.len() == 3 {
                assert!(received.frames.iter().all(|frame| *frame == picture), "{video}");
                assert_eq!(received.missing, 0, "{video}");
                break;
            }
            drop(received);
            assert!(SystemClock.now() < end, "{video}: no whole frames");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_loss_is_answered_by_a_backup_and_then_by_a_slate() {
    println!("milliseconds after the last packet of the lost input (and frame periods):");
    println!(
        "format     event         backup ordered  backup's first packet  slate's first packet"
    );
    for video in [
        format(640, 360, "60", &json!({})),
        format(1280, 720, "50", &json!({})),
        format(1920, 1080, "25", &json!({})),
    ] {
        let mut router = Router::start();
        let display = Display::open(&video);
        let [a, b] = [free_port(), free_port()];
        router.put_input("b", b, &video, &[]);
        router.put_input("a", a, &video, &["b"]);
        router.put_output(display.port);
        let sources = [Source::start(a, &video, 0x11), Source::start(b, &video, 0x22)];
        router.take("a");
        router.until_route(|state, _| state == RouteState::Live);
        display.forget();
        let [first, second] = sources;
        let stopped = first.stop();
        let (event, _) = router.until_lost("a");
        let backup = StandIn::Backup("b".parse().unwrap());
        let ordered = router.until_route(|_, stand_in| stand_in == Some(&backup));
        router
            .until_route(|state, stand_in| state == RouteState::Live && stand_in == Some(&backup));
        let shown = display.until_seen(|octet| octet == 0x22);
        display.forget();
        let stopped_too = second.stop();
        router.until_route(|state, stand_in| {
            state == RouteState::NoSignal && stand_in == Some(&StandIn::Slate)
        });
        let slate = display.until_seen(|octet| octet != 0x22 && octet != 0x11);
        let period = video.rate.period_ns() as f64;
        let after = |at: u64, start: u64| {
            let ns = at.saturating_sub(start) as f64;
            format!("{:.1} ({:.1})", ns / 1e6, ns / period)
        };
        println!(
            "{:9}  {:12}  {:14}  {:21}  {}",
            video.short_name(),
            after(event, stopped),
            after(ordered, stopped),
            after(shown, stopped),
            after(slate, stopped_too),
        );
    }
}
