//! A stand-in for the matrix: the few calls of the API that sinks use, and packets.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use st2110::{format::VideoFormat, rfc4175::FramePlan};

/// One call that came.
#[derive(Clone, Debug)]
pub struct Call {
    pub line: String,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

type Answer = dyn Fn(&Call) -> (u16, &'static str, String) + Send + Sync;

/// An HTTP server on a free port, for as long as it lives.
pub struct Matrix {
    address: SocketAddr,
    calls: Arc<(Mutex<VecDeque<Call>>, Condvar)>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Matrix {
    pub fn start(
        answer: impl Fn(&Call) -> (u16, &'static str, String) + Send + Sync + 'static,
    ) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), answer)
    }

    pub fn start_at(
        address: SocketAddr,
        answer: impl Fn(&Call) -> (u16, &'static str, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new((Mutex::new(VecDeque::new()), Condvar::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let answer: Arc<Answer> = Arc::new(answer);
        let (all, over) = (Arc::clone(&calls), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (answer, all) = (Arc::clone(&answer), Arc::clone(&all));
                let over = Arc::clone(&over);
                thread::spawn(move || serve(&stream, &*answer, &all, &over));
            }
        });
        Self { address, calls, stop, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forgets the calls that came so far.
    pub fn forget(&self) {
        self.calls.0.lock().unwrap().clear();
    }

    /// Waits for the next call whose request line begins so.
    pub fn wait_for(&self, beginning: &str) -> Call {
        let (calls, news) = &*self.calls;
        let mut calls = calls.lock().unwrap();
        loop {
            while let Some(call) = calls.pop_front() {
                if call.line.starts_with(beginning) {
                    return call;
                }
            }
            let (guard, late) = news.wait_timeout(calls, Duration::from_secs(20)).unwrap();
            assert!(!late.timed_out(), "no call '{beginning}' within 20 s");
            calls = guard;
        }
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the server, which then closes its port before this returns.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    mut stream: &TcpStream,
    answer: &Answer,
    calls: &(Mutex<VecDeque<Call>>, Condvar),
    over: &AtomicBool,
) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.is_empty() {
            return;
        }
        let mut headers = Vec::new();
        let mut length = 0;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).is_err() || header.trim().is_empty() {
                break;
            }
            let header = header.trim().to_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            headers.push(header);
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        if over.load(Ordering::Relaxed) {
            return;
        }
        let call = Call { line: line.trim().to_owned(), headers, body };
        let (status, kind, text) = answer(&call);
        calls.0.lock().unwrap().push_back(call);
        calls.1.notify_all();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        if stream.write_all(head.as_bytes()).is_err() || stream.write_all(text.as_bytes()).is_err()
        {
            return;
        }
    }
}

/// Sends frames of one grey, `number` as timestamp, until told to stop; a whole frame each
/// 20 ms.
pub fn send_grey(format: VideoFormat, to: SocketAddr, stop: Arc<AtomicBool>) {
    thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let plan = FramePlan::new(&format, 1460).unwrap();
        let picture = vec![0x80_u8; plan.raster().buffer_octets()];
        let mut sequence = 0_u32;
        for frame in 0_u32.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            for index in 0..plan.packets() {
                let planned = plan.packet(index).unwrap();
                let mut packet = vec![0; planned.packet_len() - planned.data_len()];
                planned.write_header(sequence, frame.wrapping_mul(1800), 1, 96, &mut packet);
                for range in planned.ranges() {
                    packet.extend_from_slice(&picture[range.clone()]);
                }
                let _ = socket.send_to(&packet, to);
                sequence += 1;
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
}
