//! Databases of every older schema: kept aside, then brought up to date, whatever happens
//! in between.

use std::{fs, path::PathBuf};

use super::*;
use crate::store::{backups::newest, health::Health};

/// An input and an output as the first programs wrote them, in a database of a schema.
fn aged(path: &Path, schema: usize) {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
    for sql in &MIGRATIONS[..schema] {
        connection.execute_batch(sql).unwrap();
    }
    connection.pragma_update(None, "user_version", schema as u32).unwrap();
    let (level, video) = if schema < 4 { ("", "") } else { ("level, ", "'video', ") };
    connection
        .execute_batch(&format!(
            "INSERT INTO inputs (id, label, zone, width, height, rate, sampling, depth, scan, \
             packing, colorimetry, tcs, range, payload_type, max_udp) VALUES \
             ('a', 'Endoscope – left', 'OR 3', 1920, 1080, '60000/1001', 'YCbCr-4:2:2', 10, \
             'interlaced', 'BPM', 'BT2100', 'HLG', 'FULL', 112, 8960);
             INSERT INTO input_legs (input, {level}position, address, port, source, interface) \
             VALUES ('a', {video}0, '239.1.2.3', 5000, '10.0.0.1', 'eth0'), \
             ('a', {video}1, '239.1.3.3', 5000, NULL, NULL);
             INSERT INTO outputs (id, label, zone, payload_type, ssrc, ttl, dscp, accepts) \
             VALUES ('m', 'Monitor', '', 96, 4294967295, 64, 34, '\"any\"');
             INSERT INTO output_legs (output, {level}position, address, port, source, interface) \
             VALUES ('m', {video}0, '239.1.2.3', 5000, '10.0.0.1', 'eth0');"
        ))
        .unwrap();
}

fn expected() -> Inventory {
    let mut a = Input {
        merge: Merge::default(),
        labels: Labels::default(),
        source_type: SourceType::default(),
        ..input("a", 5000)
    };
    a.legs.push(Leg::new([239, 1, 3, 3].into(), 5000));
    let m = Output { accepts: Accepts::Any, ..output("m", 5000) };
    let mut inventory = Inventory::default();
    inventory.inputs.insert(a.id.clone(), a);
    inventory.outputs.insert(m.id.clone(), m);
    inventory
}

fn schema(path: &Path) -> usize {
    let connection = Connection::open(path).unwrap();
    connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap()
        as usize
}

fn backups(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "backup")).collect()
}

#[test]
fn every_older_schema_is_kept_aside_and_then_brought_up_to_date() {
    for old in 1..MIGRATIONS.len() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.sqlite3");
        aged(&path, old);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.load().unwrap(), expected(), "from schema {old}");
        // What is there now behaves as if it had always been: legs go with their input.
        store.write_now(&Write::RemoveInput("a".parse().unwrap())).unwrap();
        store.write_now(&Write::PutInput(input("b", 5000))).unwrap();
        drop(store);
        assert_eq!(schema(&path), MIGRATIONS.len());

        let kept = newest(&path).unwrap();
        let name = format!("c.sqlite3.schema-{old}.20260131T093000.123Z.backup");
        assert_eq!(kept.file_name().unwrap().to_str(), Some(name.as_str()));
        assert_eq!(schema(&kept), old);
        assert_eq!(read_backup(&fs::read(&kept).unwrap()).unwrap(), expected());
        // It is needed once.
        drop(Store::open(&path).unwrap());
        assert_eq!(backups(directory.path()).len(), 1);
        // And can be put back as it is.
        for tail in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(file::beside(&path, tail));
        }
        fs::copy(&kept, &path).unwrap();
        assert_eq!(Store::open(&path).unwrap().load().unwrap(), expected());
        assert_eq!(backups(directory.path()).len(), 1, "the same copy is not kept twice");
    }
}

#[test]
fn a_new_database_has_no_older_one_to_keep() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(&directory.path().join("c.sqlite3")).unwrap());
    assert_eq!(backups(directory.path()), [] as [PathBuf; 0]);
}

#[test]
fn a_step_that_fails_leaves_the_schema_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.sqlite3");
    aged(&path, 1);
    let broken = "DELETE FROM input_legs; DELETE FROM inputs; SELECT no_such_function();";
    let mut connection = Connection::open(&path).unwrap();
    assert!(migrate::up(&mut connection, &[MIGRATIONS[0], MIGRATIONS[1], broken]).is_err());
    drop(connection);
    assert_eq!(schema(&path), 2);
    assert_eq!(Store::open(&path).unwrap().load().unwrap(), expected());
}

#[test]
fn a_crash_within_a_step_leaves_the_schema_before_it() {
    for (old, step) in MIGRATIONS.iter().enumerate().skip(1) {
        let directory = tempfile::tempdir().unwrap();
        let (path, crashed) =
            (directory.path().join("c.sqlite3"), directory.path().join("d.sqlite3"));
        aged(&path, old);
        let mut connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "cache_size", 1).unwrap();
        let transaction = connection.transaction().unwrap();
        transaction.execute_batch(step).unwrap();
        // What a crash leaves: files as they are now, pages of the step among them.
        fs::copy(&path, &crashed).unwrap();
        fs::copy(file::beside(&path, "-wal"), file::beside(&crashed, "-wal")).unwrap();
        assert_eq!(Store::open(&crashed).unwrap().load().unwrap(), expected(), "schema {old}");
    }
}

#[test]
fn without_a_backup_nothing_is_migrated() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.sqlite3");
    aged(&path, 2);
    let before = fs::read(&path).unwrap();
    // A directory where the backup is to be written.
    let name = "c.sqlite3.schema-2.20260131T093000.123Z.backup.partial";
    let obstacle = directory.path().join(name);
    fs::create_dir(&obstacle).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Backup { schema: 2, .. }), "{error}");
    assert!(error.to_string().contains("was not migrated"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);

    // Reading goes on meanwhile, and changes once there is room for the backup.
    let (store, inventory) = Store::open_somehow(&path, NOW).unwrap();
    assert_eq!(inventory, expected());
    assert_eq!(store.load().unwrap(), expected());
    assert!(matches!(store.health(), Health::Unopened(_)), "{:?}", store.health());
    let put = Write::PutInput(input("b", 5002));
    let refused = store.write_now(&put).unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly(_)), "{refused}");
    assert!(store.answers(NOW).is_err());
    assert_eq!(read_backup(&store.backup_now().unwrap()).unwrap(), expected());
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::remove_dir(&obstacle).unwrap();
    store.answers(NOW).unwrap();
    store.write_now(&put).unwrap();
    assert_eq!((schema(&path), backups(directory.path()).len()), (MIGRATIONS.len(), 1));
    drop(store);
    assert_eq!(Store::open(&path).unwrap().load().unwrap().inputs.len(), 2);
}
