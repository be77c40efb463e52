//! The disk is full, fails or becomes read-only, before the start or while running: changes
//! are refused whole, takes go on, and all is well again once the disk is.
//!
//! The disks are real: a small tmpfs, and an ext4 file system in a file, mounted where only
//! this test's processes see them. That needs root; without, only the last test says
//! anything.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use ormatrix_io::{Clock, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    bench::{input, output},
    fake_router::{FakeRouter, Model},
};

/// A process that ends with the test.
struct Process(Child);

impl Process {
    /// Starts it and gives its first line.
    fn start(command: &mut Command) -> (Self, String) {
        command.env(ormatrix_io::process::PARENT_VARIABLE, std::process::id().to_string());
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Self(child.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        (process, line.trim().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A disk that only those see who are told of it.
struct Disk {
    directory: TempDir,
    /// Keeps the mounts; they go when it ends.
    keeper: Process,
}

impl Disk {
    /// Mounts it, by a command whose last word is the directory; `None` where that needs
    /// more rights.
    fn mounted(prepare: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            println!("SKIPPED: mounting a disk needs root: run this with sudo");
            return None;
        }
        fs::create_dir(directory.path().join("state")).unwrap();
        let mount = format!("cd \"$1\" && {prepare} state && echo mounted && exec cat");
        let mut unshared = Command::new("unshare");
        unshared.args(["--mount", "sh", "-ec", &mount, "sh"]).arg(directory.path());
        let (keeper, said) = Process::start(&mut unshared);
        assert_eq!(said, "mounted", "cannot mount here: {prepare}");
        Some(Self { directory, keeper })
    }

    /// A command that sees it.
    fn sees(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.keeper.0.id().to_string(), "--", program]);
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let done = self.sees(program).args(arguments).arg(self.state()).status().unwrap();
        assert!(done.success(), "{program} {arguments:?}: {done}");
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// A file on it, as this process reaches it.
    fn file(&self, name: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.keeper.0.id());
        Path::new(&root).join(self.state().strip_prefix("/").unwrap()).join(name)
    }

    /// Leaves no room at all.
    fn fill(&self) {
        let mut file = fs::File::create(self.file("filler")).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }
}

/// A control plane, its fake router, and calls.
struct Host {
    control: Option<(Process, String)>,
    router: FakeRouter,
    socket: PathBuf,
    agent: ureq::Agent,
    /// Goes after the router whose socket is in it.
    _directory: TempDir,
}

impl Host {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("router.sock");
        let router = FakeRouter::start(&socket, Arc::new(Mutex::new(Model::default())));
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = config.timeout_global(Some(Duration::from_secs(20))).build().into();
        Self { control: None, router, socket, agent, _directory: directory }
    }

    /// Starts it by a command that names the program already.
    fn start(&mut self, command: &mut Command, state: &Path) {
        command.args(["--listen", "127.0.0.1:0", "--state-dir"]).arg(state);
        let (process, said) = Process::start(command.arg("--router-socket").arg(&self.socket));
        let url = said.strip_prefix("listening ").expect("it did not start").to_owned();
        self.control = Some((process, url));
        until(|| self.get("/api/v1/router").1["reconciled"] == true);
    }

    /// Kills it, and waits until the router is done with it.
    fn kill(&mut self) {
        self.control = None;
        until(|| self.router.serving() == 0);
    }

    fn id(&self) -> String {
        self.control.as_ref().unwrap().0.0.id().to_string()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.control.as_ref().unwrap().1)
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let mut answer = self.agent.get(self.url(path)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
    }

    fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        let put = self.agent.put(self.url(path)).header("content-type", "application/json");
        let mut answer = put.send(body.to_string()).unwrap();
        let mut text = String::new();
        answer.body_mut().as_reader().read_to_string(&mut text).unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default())
    }

    /// Two inputs and an output that shows the first.
    fn fill(&self) {
        assert_eq!(self.put("/api/v1/inputs/a", &input("a", 5000)).0, 201);
        assert_eq!(self.put("/api/v1/inputs/b", &input("b", 5002)).0, 201);
        assert_eq!(self.put("/api/v1/outputs/m", &output("m", 6000)).0, 201);
    }

    /// Adds inputs until one is refused, and gives the refusal.
    fn until_refused(&self) -> Value {
        for n in 0.. {
            let path = format!("/api/v1/inputs/until{n}");
            match self.put(&path, &input(&format!("until{n}"), 10_000 + n)) {
                (201, _) => {}
                (status, problem) => {
                    assert_eq!(
                        (status, &problem["type"]),
                        (503, &json!("/problems/store-read-only"))
                    );
                    assert_eq!(self.get(&path).0, 404, "a change that was refused is there");
                    return problem;
                }
            }
        }
        unreachable!("the numbers do not end")
    }

    /// Takes are made, and the inventory is what it was and the router's.
    fn goes_on(&self, inputs: &Value) {
        for id in ["a", "b"] {
            let (status, shown) = self.put("/api/v1/outputs/m/route", &json!({ "input": id }));
            assert_eq!((status, &shown["state"]), (200, &json!("live")), "{shown}");
        }
        assert_eq!(ids(&self.get("/api/v1/inputs").1), ids(inputs));
        let model = self.router.model();
        assert_eq!(model.inputs.keys().map(ToString::to_string).collect::<Vec<_>>(), ids(inputs));
        drop(model);
        let (status, ready) = self.get("/readyz");
        assert_eq!(
            (status, &ready["database"], &ready["router"]),
            (503, &json!(false), &json!(true))
        );
        assert!(ready["detail"].as_str().unwrap().contains("tried again by itself"), "{ready}");
    }

    /// Waits until it says that it is well.
    fn until_ready(&self) {
        until(|| self.get("/readyz").0 == 200);
    }
}

/// Waits until it is so, for as long as never is.
fn until(mut so: impl FnMut() -> bool) {
    let never = SystemClock.now() + 60_000_000_000;
    while !so() {
        assert!(SystemClock.now() < never, "it never became so");
        thread::yield_now();
    }
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|thing| thing["id"].as_str().unwrap().to_owned()).collect()
}

fn control() -> &'static str {
    env!("CARGO_BIN_EXE_ormatrix-control")
}

#[test]
fn a_full_disk_refuses_changes_until_there_is_room() {
    let Some(disk) = Disk::mounted("mount -t tmpfs -o size=1m none") else { return };
    let mut host = Host::new();
    host.start(&mut disk.sees(control()), &disk.state());
    host.fill();
    disk.fill();
    let problem = host.until_refused();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("disk is full") && detail.contains("make room in"), "{detail}");
    let inputs = host.get("/api/v1/inputs").1;
    host.goes_on(&inputs);
    // What is there can be carried away all the same.
    assert_eq!(host.agent.get(host.url("/api/v1/backup")).call().unwrap().status(), 200);

    // A start on a full disk reads what is there, and refuses likewise.
    host.kill();
    host.start(&mut disk.sees(control()), &disk.state());
    if host.get("/readyz").0 == 503 {
        host.goes_on(&inputs);
    }
    host.until_refused();
    let inputs = host.get("/api/v1/inputs").1;
    host.goes_on(&inputs);
    assert_eq!(inputs[0]["zone"], "OR 3", "it is the database's, not the router's");

    fs::remove_file(disk.file("filler")).unwrap();
    host.until_ready();
    assert_eq!(host.put("/api/v1/inputs/c", &input("c", 5004)).0, 201);
    let inputs = host.get("/api/v1/inputs").1;
    host.kill();
    host.start(&mut disk.sees(control()), &disk.state());
    host.until_ready();
    assert_eq!(ids(&host.get("/api/v1/inputs").1), ids(&inputs));
}

#[test]
fn a_disk_that_may_only_be_read_at_the_start_is_read() {
    let Some(disk) = Disk::mounted("mount -t tmpfs -o size=1m none") else { return };
    let mut host = Host::new();
    host.start(&mut disk.sees(control()), &disk.state());
    host.fill();
    let inputs = host.get("/api/v1/inputs").1;
    // Once ended in peace, with its log written back; once killed.
    for signal in ["-TERM", "-KILL"] {
        let mut control_plane = host.control.take().unwrap().0;
        let sent = Command::new("kill").args([signal, &control_plane.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
        control_plane.0.wait().unwrap();
        host.kill();
        disk.run("mount", &["-o", "remount,ro"]);
        host.start(&mut disk.sees(control()), &disk.state());
        host.goes_on(&inputs);
        assert_eq!(host.get("/api/v1/inputs").1[0]["zone"], "OR 3", "{signal}: not the database's");
        let problem = host.until_refused();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("writable for the user"), "{detail}");
        // It need not be restarted once the disk may be written to.
        disk.run("mount", &["-o", "remount,rw"]);
        host.until_ready();
        assert_eq!(host.put("/api/v1/inputs/b", &input("b", 5002)).0, 200);
    }
}

#[test]
fn a_disk_that_fails_while_running_refuses_changes() {
    let make = "truncate -s 8M image && mkfs.ext4 -q image && mount -o loop image";
    let Some(disk) = Disk::mounted(make) else { return };
    let mut host = Host::new();
    host.start(&mut disk.sees(control()), &disk.state());
    host.fill();
    let inputs = host.get("/api/v1/inputs").1;
    // What ext4 does by itself when the disk below it returns errors.
    disk.run("mount", &["-o", "remount,abort"]);
    let problem = host.until_refused();
    assert!(problem["detail"].as_str().unwrap().contains("look after the disk"), "{problem}");
    host.goes_on(&inputs);
    host.until_refused();
    // The same after a restart on the disk as it is.
    host.kill();
    host.start(&mut disk.sees(control()), &disk.state());
    host.goes_on(&inputs);
    assert_eq!(host.get("/api/v1/inputs").1[0]["zone"], "OR 3");

    // Repaired and mounted anew, it has everything that was acknowledged.
    host.kill();
    disk.run("umount", &[]);
    disk.run("sh", &["-ec", "cd \"$0\"/.. && { fsck.ext4 -fp image || test $? -eq 1; } >&2 && mount -o loop image state"]);
    host.start(&mut disk.sees(control()), &disk.state());
    host.until_ready();
    assert_eq!(ids(&host.get("/api/v1/inputs").1), ids(&inputs));
    assert_eq!(host.put("/api/v1/inputs/c", &input("c", 5004)).0, 201);
}

/// Needs no rights: a limit on the size of files fails writes as a broken disk does.
#[test]
fn a_write_that_fails_leaves_nothing_half_done() {
    let directory = tempfile::tempdir().unwrap();
    let mut host = Host::new();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", control()]);
    host.start(&mut command, directory.path());
    host.fill();
    let inputs = host.get("/api/v1/inputs").1;
    let limit = |size: &str| {
        let size = format!("--fsize={size}:");
        let set = Command::new("prlimit").args(["--pid", &host.id(), &size]).status().unwrap();
        assert!(set.success(), "prlimit (util-linux) {size}");
    };
    let log = fs::metadata(directory.path().join("control.sqlite3-wal")).unwrap().len();
    // Wherever within the change the disk gives up.
    for more in [0, 24, 4096, 4120, 10_000] {
        limit(&(log + more).to_string());
        let body = {
            let mut body = input("a", 5000);
            body["label"] = "x".repeat(80).into();
            body["zone"] = "y".repeat(80).into();
            body
        };
        let (status, problem) = host.put("/api/v1/inputs/a", &body);
        assert_eq!(
            (status, &problem["type"]),
            (503, &json!("/problems/store-read-only")),
            "{more}"
        );
        host.goes_on(&inputs);
        let label = host.get("/api/v1/inputs/a").1["label"].clone();
        assert_eq!(label, "A", "a change that was refused is there");
        limit("unlimited");
        host.until_ready();
    }
    assert_eq!(host.put("/api/v1/inputs/c", &input("c", 5004)).0, 201);
    let inputs = host.get("/api/v1/inputs").1;
    host.kill();
    host.start(&mut Command::new(control()), directory.path());
    assert_eq!(ids(&host.get("/api/v1/inputs").1), ids(&inputs));
}
