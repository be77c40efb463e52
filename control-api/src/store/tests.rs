use ormatrix_protocol::{
    Back, Failover, InputStream, Leg, Level, Merge, MergeOrder, OnLoss, OutputStream, SteadyMs,
};
use st2110::sdp::{Colorimetry, Range, TransferCharacteristic};

use super::*;
use crate::inventory::{
    Accepts, Colour, Labels, LockKind, Place, Plan, PresetRoute, PresetSource, SourceType,
};

mod aged;
mod harmed;

/// 2026-01-31T09:30:00.123Z.
const NOW: u64 = 1_769_851_800_123_000_000;

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_at(path, NOW)
    }
}

fn input(id: &str, port: u16) -> Input {
    Input {
        id: id.parse().unwrap(),
        label: "Endoscope – left".to_owned(),
        labels: Labels::from([("de".to_owned(), "Endoskop – links".to_owned())]),
        source_type: SourceType::Endoscope,
        zone: "OR 3".to_owned(),
        video: serde_json::from_value(serde_json::json!({
            "width": 1920, "height": 1080, "rate": "60000/1001", "sampling": "YCbCr-4:2:2",
            "depth": 10, "scan": "interlaced", "packing": "BPM"
        }))
        .unwrap(),
        legs: vec![Leg {
            address: "239.1.2.3".parse().unwrap(),
            port,
            source: Some("10.0.0.1".parse().unwrap()),
            interface: Some("eth0".to_owned()),
        }],
        payload_type: 112,
        max_udp: 8960,
        colour: Colour {
            colorimetry: Colorimetry::Bt2100,
            tcs: Some(TransferCharacteristic::Hlg),
            range: Some(Range::Full),
        },
        merge: Merge { skew_us: 450_000, order: MergeOrder::FirstCopy },
        audio: None,
        ancillary: None,
        failover: Failover::default(),
    }
}

/// With every level, two legs each, and a backup.
fn whole_input(id: &str, port: u16, backup: &str) -> Input {
    let legs = |port: u16| {
        let leg = |last: u8| Leg::new([239, 1, 2, last].into(), port);
        vec![leg(8), leg(9)]
    };
    Input {
        audio: Some(InputStream {
            format: serde_json::from_value(serde_json::json!({
                "depth": "L24", "rate_hz": 48000, "channels": 8, "packet_time": "125us",
                "channel_order": "SMPTE2110.(51,ST)"
            }))
            .unwrap(),
            legs: legs(port + 2),
            merge: Merge { skew_us: 150, order: MergeOrder::FirstCopy },
            payload_type: 97,
        }),
        ancillary: Some(InputStream {
            format: serde_json::from_value(serde_json::json!({
                "rate": "60000/1001", "data_ids": [{ "did": 97, "sdid": 2 }]
            }))
            .unwrap(),
            legs: legs(port + 4),
            merge: Merge::default(),
            payload_type: 100,
        }),
        failover: Failover {
            backups: vec![backup.parse().unwrap()],
            back: Back::Manual,
            steady_ms: SteadyMs(500),
            frozen_ms: Some(2000),
            black_ms: None,
        },
        ..input(id, port)
    }
}

fn output(id: &str, port: u16) -> Output {
    let input = input("x", port);
    Output {
        id: id.parse().unwrap(),
        label: "Monitor".to_owned(),
        labels: Labels::new(),
        park: None,
        zone: String::new(),
        legs: input.legs,
        payload_type: 96,
        ssrc: u32::MAX,
        ttl: 64,
        dscp: 34,
        accepts: Accepts::Formats(vec![input.video]),
        audio: None,
        ancillary: None,
        on_loss: OnLoss::Nothing,
    }
}

/// With every level.
fn whole_output(id: &str, port: u16) -> Output {
    let stream = |port: u16, ramp_ms: u16| OutputStream {
        legs: vec![Leg::new([239, 1, 2, 9].into(), port)],
        payload_type: 98,
        ssrc: u32::MAX - 1,
        ramp_ms,
    };
    Output {
        audio: Some(stream(port + 2, 100)),
        ancillary: Some(stream(port + 4, 0)),
        on_loss: OnLoss::Slate,
        ..output(id, port)
    }
}

#[test]
fn what_was_written_is_read_back_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/control.sqlite3");
    let store = Store::open(&path).unwrap();
    store.write_now(&Write::PutInput(input("a", 5000))).unwrap();
    store.write_now(&Write::PutInput(input("b", 5002))).unwrap();
    store.write_now(&Write::PutInput(input("a", 5004))).unwrap();
    store.write_now(&Write::PutOutput(output("m", 5000))).unwrap();
    store.write_now(&Write::PutOutput(output("n", 5002))).unwrap();
    store.write_now(&Write::RemoveInput("b".parse().unwrap())).unwrap();
    store.write_now(&Write::RemoveOutput("n".parse().unwrap())).unwrap();
    drop(store);
    let inventory = Store::open(&path).unwrap().load().unwrap();
    assert_eq!(inventory.inputs.into_values().collect::<Vec<_>>(), [input("a", 5004)]);
    assert_eq!(inventory.outputs.into_values().collect::<Vec<_>>(), [output("m", 5000)]);
}

#[test]
fn levels_backups_and_what_happens_on_loss_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.sqlite3");
    let store = Store::open(&path).unwrap();
    store.write_now(&Write::PutInput(input("a", 5000))).unwrap();
    // Each stands in for the other, and each is replaced while it does.
    store.write_now(&Write::PutInput(whole_input("b", 5010, "a"))).unwrap();
    store.write_now(&Write::PutInput(whole_input("a", 5020, "b"))).unwrap();
    store.write_now(&Write::PutInput(whole_input("b", 5030, "a"))).unwrap();
    store.write_now(&Write::PutOutput(output("m", 5000))).unwrap();
    store.write_now(&Write::PutOutput(whole_output("m", 5000))).unwrap();
    drop(store);
    let store = Store::open(&path).unwrap();
    let inventory = store.load().unwrap();
    let expected = [whole_input("a", 5020, "b"), whole_input("b", 5030, "a")];
    assert_eq!(inventory.inputs.into_values().collect::<Vec<_>>(), expected);
    assert_eq!(inventory.outputs.into_values().collect::<Vec<_>>(), [whole_output("m", 5000)]);
    // Nobody is left without a backup that the API still names.
    assert!(store.write_now(&Write::RemoveInput("a".parse().unwrap())).is_err());
    assert!(store.write_now(&Write::PutInput(whole_input("c", 5040, "x"))).is_err());
    store.write_now(&Write::PutInput(input("b", 5030))).unwrap();
    store.write_now(&Write::RemoveInput("a".parse().unwrap())).unwrap();
    // What is gone holds no address.
    store.write_now(&Write::PutInput(whole_input("c", 5020, "b"))).unwrap();
}

/// A preset with a route of every kind, a room with a display, a lock.
fn operations() -> [Write; 3] {
    let route = |source, levels| PresetRoute { output: "m".parse().unwrap(), source, levels };
    let source = PresetSource::Input("a".parse().unwrap());
    let preset = Preset {
        id: "time-out".parse().unwrap(),
        label: "Team time-out".to_owned(),
        labels: Labels::from([("fr".to_owned(), "Pause".to_owned())]),
        zone: "OR 3".to_owned(),
        routes: vec![
            route(source, vec![Level::Video]),
            route(PresetSource::Nothing, vec![Level::Audio]),
            route(PresetSource::Open, vec![Level::Ancillary]),
        ],
    };
    let place = Place { output: "m".parse().unwrap(), x: 1, y: 2, width: 30, height: 40 };
    let plan = Plan { width: 160, height: 90, displays: vec![place] };
    let zone = Zone { name: "OR 3".to_owned(), labels: Labels::new(), plan: Some(plan) };
    let lock = Lock {
        kind: LockKind::Protect,
        owner: "Dr. Weber".to_owned(),
        note: "implant".to_owned(),
        since: 1_769_851_800_000_000_000,
        expires_at: Some(1_769_851_900_000_000_000),
    };
    let lock = Write::PutLock("m".parse().unwrap(), lock);
    [Write::PutPreset(preset), Write::PutZone(zone), lock]
}

#[test]
fn presets_rooms_and_locks_are_kept_and_go_with_what_they_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.sqlite3");
    let store = Store::open(&path).unwrap();
    let mut expected = Inventory::default();
    let parked = Output { park: Some("a".parse().unwrap()), ..whole_output("m", 5000) };
    let first = [Write::PutInput(input("a", 5000)), Write::PutOutput(parked.clone())];
    for write in first.into_iter().chain(operations()) {
        store.write_now(&write).unwrap();
        // A second time it replaces the same.
        store.write_now(&write).unwrap();
        write.apply(&mut expected);
    }
    // What is replaced loses neither its lock nor its place.
    store.write_now(&Write::PutOutput(parked)).unwrap();
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.load().unwrap(), expected);
    // Neither goes while the preset needs it.
    assert!(store.write_now(&Write::RemoveInput("a".parse().unwrap())).is_err());
    assert!(store.write_now(&Write::RemoveOutput("m".parse().unwrap())).is_err());
    assert_eq!(store.load().unwrap(), expected);
    for write in [
        Write::RemovePreset("time-out".parse().unwrap()),
        Write::RemoveOutput("m".parse().unwrap()),
        Write::RemoveInput("a".parse().unwrap()),
    ] {
        store.write_now(&write).unwrap();
        write.apply(&mut expected);
        assert_eq!(store.load().unwrap(), expected);
    }
    assert!(expected.locks.is_empty() && expected.zones.len() == 1);
}

#[test]
fn a_list_is_written_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("c.sqlite3")).unwrap();
    let mut inventory = Inventory::default();
    let inputs = Write::All(vec![
        Write::PutInput(input("a", 5000)),
        Write::PutInput(input("b", 5002)),
        Write::PutOutput(output("m", 5000)),
    ]);
    store.write_now(&inputs).unwrap();
    inputs.apply(&mut inventory);
    // Two that swap their addresses are in each other's way for a moment.
    let swap =
        Write::All(vec![Write::PutInput(input("a", 5002)), Write::PutInput(input("b", 5000))]);
    store.write_now(&swap).unwrap();
    swap.apply(&mut inventory);
    assert_eq!(store.load().unwrap(), inventory);
    let bad = Write::All(vec![
        Write::RemoveOutput("m".parse().unwrap()),
        Write::PutInput(input("c", 5002)),
    ]);
    assert!(store.write_now(&bad).is_err());
    assert_eq!(store.load().unwrap(), inventory);
}

#[test]
fn two_inputs_on_one_address_are_refused_whole() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("c.sqlite3")).unwrap();
    store.write_now(&Write::PutInput(input("a", 5000))).unwrap();
    assert!(store.write_now(&Write::PutInput(input("b", 5000))).is_err());
    assert_eq!(store.load().unwrap().inputs.len(), 1);
    // Nor may the sound of one come where the picture of the other does.
    let mut b = whole_input("b", 5010, "a");
    b.audio.as_mut().unwrap().legs = input("a", 5000).legs;
    assert!(store.write_now(&Write::PutInput(b)).is_err());
}

#[test]
fn one_address_on_two_interfaces_is_two() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("c.sqlite3")).unwrap();
    let on = |id: &str, interface: Option<&str>| {
        let mut input = input(id, 5000);
        input.legs[0].interface = interface.map(str::to_owned);
        store.write_now(&Write::PutInput(input))
    };
    on("a", Some("eth0")).unwrap();
    on("b", Some("eth1")).unwrap();
    on("c", None).unwrap();
    assert!(on("d", Some("eth1")).is_err());
    assert!(on("d", None).is_err());
    assert_eq!(store.load().unwrap().inputs.len(), 3);
}

#[test]
fn an_older_database_is_brought_up_to_date_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.sqlite3");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(MIGRATIONS[0]).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    // An input as the first programs wrote it.
    connection
        .execute_batch(
            "INSERT INTO inputs VALUES ('a', 'Endoscope – left', 'OR 3', 1920, 1080, \
             '60000/1001', 'YCbCr-4:2:2', 10, 'interlaced', 'BPM', 'BT2100', 'HLG', 'FULL', \
             112, 8960);
             INSERT INTO input_legs VALUES ('a', 0, '239.1.2.3', 5000, '10.0.0.1', 'eth0');
             INSERT INTO input_legs VALUES ('a', 1, '239.1.3.3', 5000, NULL, NULL);
             INSERT INTO outputs VALUES ('m', 'Monitor', '', 96, 4294967295, 64, 34, '\"any\"');
             INSERT INTO output_legs VALUES ('m', 0, '239.1.2.3', 5000, '10.0.0.1', 'eth0');",
        )
        .unwrap();
    drop(connection);
    let store = Store::open(&path).unwrap();
    let inventory = store.load().unwrap();
    let mut expected = Input {
        merge: Merge::default(),
        labels: Labels::new(),
        source_type: SourceType::Other,
        ..input("a", 5000)
    };
    expected.legs.push(Leg::new([239, 1, 3, 3].into(), 5000));
    assert_eq!(inventory.inputs.into_values().collect::<Vec<_>>(), [expected]);
    let expected = Output { accepts: Accepts::Any, ..output("m", 5000) };
    assert_eq!(inventory.outputs.into_values().collect::<Vec<_>>(), [expected]);
    // Legs still go with their input.
    store.write_now(&Write::RemoveInput("a".parse().unwrap())).unwrap();
    store.write_now(&Write::PutInput(input("b", 5000))).unwrap();
}

#[test]
fn a_newer_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.sqlite3");
    drop(Store::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = Store::open(&path).unwrap_err();
    let newer = Unfit::Newer { found: 99, known: MIGRATIONS.len() };
    assert!(matches!(&error, StoreError::Unfit { what, .. } if *what == newer), "{error}");
}

#[test]
fn a_damaged_row_names_itself() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.sqlite3");
    let store = Store::open(&path).unwrap();
    store.write_now(&Write::PutInput(input("a", 5000))).unwrap();
    Connection::open(&path).unwrap().execute("UPDATE inputs SET rate = '0'", []).unwrap();
    let error = store.load().unwrap_err().to_string();
    assert!(error.contains("input 'a'") && error.contains("rate"), "{error}");
}
