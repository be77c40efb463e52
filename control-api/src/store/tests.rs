use ormatrix_protocol::{Merge, MergeOrder};
use st2110::sdp::{Colorimetry, Range, TransferCharacteristic};

use super::*;
use crate::inventory::{Accepts, Colour};

fn input(id: &str, port: u16) -> Input {
    Input {
        id: id.parse().unwrap(),
        label: "Endoscope – left".to_owned(),
        zone: "OR 3".to_owned(),
        video: serde_json::from_value(serde_json::json!({
            "width": 1920, "height": 1080, "rate": "60000/1001", "sampling": "YCbCr-4:2:2",
            "depth": 10, "scan": "interlaced", "packing": "BPM"
        }))
        .unwrap(),
        legs: vec![ormatrix_protocol::Leg {
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
    }
}

fn output(id: &str, port: u16) -> Output {
    let input = input("x", port);
    Output {
        id: id.parse().unwrap(),
        label: "Monitor".to_owned(),
        zone: String::new(),
        legs: input.legs,
        payload_type: 96,
        ssrc: u32::MAX,
        ttl: 64,
        dscp: 34,
        accepts: Accepts::Formats(vec![input.video]),
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
fn two_inputs_on_one_address_are_refused_whole() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("c.sqlite3")).unwrap();
    store.write_now(&Write::PutInput(input("a", 5000))).unwrap();
    assert!(store.write_now(&Write::PutInput(input("b", 5000))).is_err());
    assert_eq!(store.load().unwrap().inputs.len(), 1);
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
    let mut connection = Connection::open(&path).unwrap();
    connection.execute_batch(MIGRATIONS[0]).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    // An input as the first programs wrote it.
    connection
        .execute_batch(
            "INSERT INTO inputs VALUES ('a', 'Endoscope – left', 'OR 3', 1920, 1080, \
             '60000/1001', 'YCbCr-4:2:2', 10, 'interlaced', 'BPM', 'BT2100', 'HLG', 'FULL', \
             112, 8960);
             INSERT INTO input_legs VALUES ('a', 0, '239.1.2.3', 5000, '10.0.0.1', 'eth0');",
        )
        .unwrap();
    let transaction = connection.transaction().unwrap();
    rows::write(&transaction, &Write::PutOutput(output("m", 5000))).unwrap();
    transaction.commit().unwrap();
    drop(connection);
    let store = Store::open(&path).unwrap();
    let inventory = store.load().unwrap();
    let expected = Input { merge: Merge::default(), ..input("a", 5000) };
    assert_eq!(inventory.inputs.into_values().collect::<Vec<_>>(), [expected]);
    assert_eq!(inventory.outputs.into_values().collect::<Vec<_>>(), [output("m", 5000)]);
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
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
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
