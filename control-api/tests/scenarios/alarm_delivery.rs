//! Alarms reach the systems that the settings name: HTTP and syslog, plain and with TLS.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use ormatrix_control::{
    alarms::settings::{AlarmSettings, Secret, SyslogUrl, WebhookUrl},
    settings::Settings,
};
use ormatrix_io::{Clock, SystemClock};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use syslog_rfc5424::{SyslogFacility, SyslogMessage, SyslogSeverity};
use tokio_rustls::rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::bench::Bench;

/// Long enough to mean never.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has another program report something.
pub fn report(bench: &Bench, id: &str, severity: &str, text: &str) -> Value {
    let body = json!({ "severity": severity, "text": text, "action": "Mend it",
        "subject": { "kind": "room", "id": "or3", "label": "OR 3 – \"left\"" } });
    let answer = bench.put(&format!("/api/v1/alarms/reported/{id}"), &body);
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
    answer.json()
}

/// A number that `/metrics` shows.
pub fn metric(bench: &Bench, line: &str) -> u64 {
    let text = String::from_utf8(bench.get("/metrics").octets).unwrap();
    let found = text.lines().find_map(|it| it.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no {line} in {text}"))
}

/// Waits until it is so, but not for ever.
#[track_caller]
pub fn until(so: impl Fn() -> bool) {
    let end = SystemClock.now() + PATIENCE.as_nanos() as u64;
    while !so() {
        assert!(SystemClock.now() < end, "it never became so");
        thread::yield_now();
    }
}

/// Why the first receiver is not reached, once it is not.
pub fn failing(bench: &Bench) -> String {
    let outbox = &bench.running().app.alarms.deliveries.outboxes()[0];
    until(|| outbox.failing().is_some());
    outbox.failing().unwrap_or_default()
}

/// An authority in a file, and a certificate of it for 127.0.0.1.
pub struct Certificates {
    pub authority: String,
    pub certificate: String,
    pub key: KeyPair,
    der: Vec<u8>,
}

impl Certificates {
    pub fn new() -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "An authority");
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(authority, key).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority);
        let certificate = certificate.unwrap();
        Self {
            authority: authority.pem(),
            certificate: certificate.pem(),
            der: certificate.der().to_vec(),
            key,
        }
    }

    /// Writes the authority's certificate.
    pub fn ca_file(&self, directory: &Path) -> std::path::PathBuf {
        let path = directory.join("ca.pem");
        fs::write(&path, &self.authority).unwrap();
        path
    }

    fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone().into()], key);
        Arc::new(config.unwrap())
    }
}

/// A connection, with TLS where there is a configuration.
fn accepted(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Box<dyn Both> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    match tls {
        None => Box::new(stream),
        Some(config) => {
            let connection = ServerConnection::new(config.clone()).unwrap();
            Box::new(StreamOwned::new(connection, stream))
        }
    }
}

trait Both: Read + Write + Send {}

impl<T: Read + Write + Send> Both for T {}

/// One request as it came.
#[derive(Debug)]
struct Posted {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Posted {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A receiver that answers with these statuses in turn, and then with 204.
struct Webhook {
    address: SocketAddr,
    posted: mpsc::Receiver<Posted>,
}

impl Webhook {
    fn start(statuses: Vec<u16>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, posted) = mpsc::channel();
        let mut statuses = statuses.into_iter();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = accepted(stream.unwrap(), tls.as_ref());
                // A client that trusts nobody here is gone in the middle of its greeting.
                let Some((mut stream, request)) = read(stream) else { continue };
                let status = statuses.next().unwrap_or(204);
                let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
                if tell.send(request).is_err() {
                    return;
                }
            }
        });
        Self { address, posted }
    }

    fn next(&self) -> Posted {
        self.posted.recv_timeout(PATIENCE).expect("nothing was posted")
    }
}

/// Reads one request of a stream.
fn read(stream: Box<dyn Both>) -> Option<(Box<dyn Both>, Posted)> {
    let mut from = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    let posted = Posted { line: lines[0].clone(), headers, body: String::from_utf8(body).ok()? };
    Some((from.into_inner(), posted))
}

fn webhook(url: &str, secret: Option<&str>) -> impl FnOnce(&mut Settings) + use<> {
    let url = WebhookUrl::try_from(url.to_owned()).unwrap();
    let secret = secret.map(|secret| Secret::try_from(secret.to_owned()).unwrap());
    move |settings| {
        settings.alarms.webhook.url = Some(url);
        settings.alarms.webhook.secret = secret;
    }
}

#[test]
fn each_notice_is_posted_and_signed() {
    let receiver = Webhook::start(vec![], None);
    let url = format!("http://{}/alarms?matrix=or3", receiver.address);
    let bench = Bench::set(webhook(&url, Some("hush")));
    let alarm = report(&bench, "hot", "major", "31 °C");
    let posted = receiver.next();
    assert_eq!(posted.line, "POST /alarms?matrix=or3 HTTP/1.1");
    assert_eq!(posted.header("content-type"), "application/json");
    assert_eq!(posted.header("host"), receiver.address.to_string());
    let told = posted.json();
    assert_eq!((&told["change"], &told["alarm"]), (&json!("raised"), &alarm));
    assert!(told["host"].is_string() && told["at"].as_str().unwrap().ends_with('Z'));
    // A language that nobody here wrote computes the same signature.
    let python = "import hmac, hashlib, sys\n\
                  m = sys.argv[1].encode() + b'.' + sys.stdin.buffer.read()\n\
                  print('sha256=' + hmac.new(b'hush', m, hashlib.sha256).hexdigest())";
    let mut computed = std::process::Command::new("python3")
        .args(["-c", python, posted.header("ormatrix-timestamp")])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    computed.stdin.take().unwrap().write_all(posted.body.as_bytes()).unwrap();
    let computed = String::from_utf8(computed.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(posted.header("ormatrix-signature"), computed.trim());

    bench.post("/api/v1/alarms/reported:hot/acknowledge", &json!({})).expect(200);
    assert_eq!(receiver.next().json()["change"], "acknowledged");
    bench.delete("/api/v1/alarms/reported/hot").expect(204);
    bench.clock.turn(2000);
    let last = receiver.next();
    assert_eq!(last.json()["change"], "cleared");
    assert_ne!(last.header("ormatrix-delivery"), posted.header("ormatrix-delivery"));
}

#[test]
fn what_is_not_taken_is_posted_again_in_order() {
    let receiver = Webhook::start(vec![503, 404, 301, 200, 422, 204], None);
    let bench = Bench::set(webhook(&format!("http://{}", receiver.address), None));
    report(&bench, "one", "major", "first");
    report(&bench, "two", "major", "second");
    report(&bench, "three", "major", "third");
    let posted: Vec<Posted> = (0..6).map(|_| receiver.next()).collect();
    let of: Vec<Value> = posted.iter().map(|it| it.json()["alarm"]["text"].clone()).collect();
    // The second is refused for good.
    assert_eq!(of, ["first", "first", "first", "first", "second", "third"]);
    let same = posted[..4]
        .iter()
        .all(|it| it.header("ormatrix-delivery") == posted[0].header("ormatrix-delivery"));
    assert!(same && posted[0].header("ormatrix-signature").is_empty());
    until(|| metric(&bench, "ormatrix_alarm_notices_delivered_total{receiver=\"webhook\"}") == 2);
    assert_eq!(metric(&bench, "ormatrix_alarm_notices_dropped_total{receiver=\"webhook\"}"), 1);
    assert_eq!(metric(&bench, "ormatrix_alarm_delivery_failures_total{receiver=\"webhook\"}"), 4);
    assert_eq!(metric(&bench, "ormatrix_alarm_notices_waiting{receiver=\"webhook\"}"), 0);
}

/// The alarm is `delivery-failing`.
#[test]
fn a_receiver_that_stays_away_is_an_alarm_and_holds_up_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let receiver = Webhook::start(vec![], None);
    let dead = SyslogUrl::try_from(format!("tcp://{nobody}")).unwrap();
    let both = webhook(&format!("http://{}", receiver.address), None);
    let bench = Bench::set(|settings| {
        both(settings);
        settings.alarms.syslog.url = Some(dead);
    });
    until(|| bench.running().app.alarms.deliveries.outboxes()[1].failing().is_some());
    // More than its queue holds: the others have them all, and it has the latest.
    let mut last = 0;
    for n in 0..1100 {
        let severity = if n % 2 == 0 { "minor" } else { "major" };
        last = report(&bench, "hot", severity, "hot")["episode"].as_u64().unwrap();
    }
    let taken: Vec<Value> = (0..1100).map(|_| receiver.next().json()).collect();
    assert_eq!(taken.last().unwrap()["alarm"]["episode"], last);
    assert_eq!(metric(&bench, "ormatrix_alarm_notices_waiting{receiver=\"syslog\"}"), 1024);
    assert_eq!(metric(&bench, "ormatrix_alarm_notices_dropped_total{receiver=\"syslog\"}"), 76);
    bench.clock.turn(60_000);
    let failing = receiver.next().json()["alarm"].clone();
    assert_eq!(
        (&failing["id"], &failing["severity"]),
        (&json!("delivery-failing:syslog"), &json!("minor"))
    );
    let text = failing["text"].as_str().unwrap();
    assert!(text.contains(&format!("tcp://{nobody}")) && text.contains("refused"), "{text}");
}

#[test]
fn https_only_to_whom_the_hospital_trusts() {
    let certificates = Certificates::new();
    let receiver = Webhook::start(vec![], Some(certificates.server()));
    let url = format!("https://{}", receiver.address);
    let directory = tempfile::tempdir().unwrap();
    let ca_file = certificates.ca_file(directory.path());
    let trusted = webhook(&url, None);
    let bench = Bench::set(|settings| {
        trusted(settings);
        settings.alarms.ca_file = Some(ca_file);
    });
    report(&bench, "hot", "major", "trusted");
    assert_eq!(receiver.next().json()["alarm"]["text"], "trusted");
    drop(bench);
    // By another authority it is nobody, and nothing is told.
    let ca_file = Certificates::new().ca_file(directory.path());
    let other = webhook(&url, None);
    let bench = Bench::set(|settings| {
        other(settings);
        settings.alarms.ca_file = Some(ca_file);
    });
    report(&bench, "hot", "major", "secret");
    let reason = failing(&bench);
    assert!(reason.contains("certificate"), "{reason}");
    assert!(receiver.posted.try_recv().is_err());
}

#[test]
fn an_authority_that_cannot_be_read_is_named() {
    let url = WebhookUrl::try_from("https://127.0.0.1:1".to_owned()).unwrap();
    let bench = Bench::set(|settings| {
        settings.alarms =
            AlarmSettings { ca_file: Some("/nowhere/ca.pem".into()), ..AlarmSettings::default() };
        settings.alarms.webhook.url = Some(url);
    });
    report(&bench, "hot", "major", "x");
    let reason = failing(&bench);
    assert!(reason.contains("ca_file /nowhere/ca.pem"), "{reason}");
}

/// A message as a parser reads it that nobody here wrote.
fn parsed(message: &str) -> SyslogMessage {
    let read: SyslogMessage = message.parse().unwrap_or_else(|error| panic!("{error}: {message}"));
    assert_eq!((read.version, read.facility), (1, SyslogFacility::LOG_LOCAL3), "{message}");
    assert_eq!(read.appname.as_deref(), Some("ormatrix"));
    assert!(read.timestamp.is_some() && read.procid.is_some() && message.len() <= 2048);
    read
}

fn syslog(url: &str) -> impl FnOnce(&mut Settings) + use<> {
    let url = SyslogUrl::try_from(url.to_owned()).unwrap();
    move |settings| {
        settings.alarms.syslog.url = Some(url);
        settings.alarms.syslog.facility = "local3".to_owned().try_into().unwrap();
        settings.alarms.syslog.enterprise = 4711;
    }
}

#[test]
fn syslog_over_udp() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let bench = Bench::set(syslog(&format!("udp://{}", socket.local_addr().unwrap())));
    let mut datagram = [0; 4096];
    let mut next = || {
        let length = socket.recv(&mut datagram).unwrap();
        parsed(std::str::from_utf8(&datagram[..length]).unwrap())
    };
    report(&bench, "hot", "critical", "31 °C");
    let raised = next();
    assert_eq!(
        (raised.severity, raised.msgid.as_deref()),
        (SyslogSeverity::SEV_CRIT, Some("reported"))
    );
    let data =
        |message: &SyslogMessage, name: &str| message.sd.find_tuple("ormatrix@4711", name).cloned();
    assert_eq!(data(&raised, "id").as_deref(), Some("reported:hot"));
    assert_eq!(data(&raised, "label").as_deref(), Some("OR 3 – \"left\""));
    assert_eq!(raised.msg, "\u{feff}31 °C. Mend it");
    report(&bench, "hot", "warning", "25 degrees");
    let better = next();
    assert_eq!(
        (better.severity, better.msg.as_str()),
        (SyslogSeverity::SEV_NOTICE, "25 degrees. Mend it")
    );
    bench.delete("/api/v1/alarms/reported/hot").expect(204);
    bench.clock.turn(2000);
    let cleared = next();
    assert_eq!(cleared.severity, SyslogSeverity::SEV_INFO);
    assert!(data(&cleared, "clearedAt").is_some() && data(&better, "clearedAt").is_none());
}

/// Reads one message by its count (RFC 6587 §3.4.1).
fn counted(from: &mut impl BufRead) -> SyslogMessage {
    let mut count = Vec::new();
    from.read_until(b' ', &mut count).unwrap();
    let count = std::str::from_utf8(&count).unwrap().strip_suffix(' ').expect("a count");
    assert!(
        !count.starts_with('0') && count.bytes().all(|octet| octet.is_ascii_digit()),
        "{count}"
    );
    let mut message = vec![0; count.parse().unwrap()];
    from.read_exact(&mut message).unwrap();
    parsed(std::str::from_utf8(&message).unwrap())
}

#[test]
fn syslog_over_tcp_and_tls_survives_a_server_that_restarts() {
    let certificates = Certificates::new();
    let directory = tempfile::tempdir().unwrap();
    let ca_file = certificates.ca_file(directory.path());
    for (scheme, tls) in [("tcp", None), ("tls", Some(certificates.server()))] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let set = syslog(&format!("{scheme}://{}", listener.local_addr().unwrap()));
        let bench = Bench::set(|settings| {
            set(settings);
            settings.alarms.ca_file = Some(ca_file.clone());
        });
        let accept = || BufReader::new(accepted(listener.accept().unwrap().0, tls.as_ref()));
        let mut server = accept();
        report(&bench, "one", "major", "first");
        report(&bench, "two", "minor", "second – with more than ASCII");
        assert_eq!(counted(&mut server).severity, SyslogSeverity::SEV_ERR);
        assert!(counted(&mut server).msg.contains("more than ASCII"));
        drop(server);
        // It has noticed that nobody is there before it has something to say.
        failing(&bench);
        report(&bench, "three", "major", "third");
        let mut server = accept();
        assert_eq!(counted(&mut server).msg, "third. Mend it");
    }
}
