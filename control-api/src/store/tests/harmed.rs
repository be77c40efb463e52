//! Databases that are damaged, foreign, taken away, or made to do harm.

use std::fs;

use super::*;
use crate::store::health::Health;

/// A database with something in it, closed.
fn filled(path: &Path) {
    let store = Store::open(path).unwrap();
    store.write_now(&Write::PutInput(input("a", 5000))).unwrap();
    for n in 0..8 {
        store
            .write_now(&Write::PutInput(whole_input(&format!("b{n}"), 6000 + 10 * n, "a")))
            .unwrap();
    }
    store.write_now(&Write::PutOutput(whole_output("m", 5000))).unwrap();
}

/// A backup of such a database, after more has been done to it.
fn made(sql: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.sqlite3");
    filled(&path);
    let mut connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    connection.execute_batch(sql).unwrap();
    copy::octets(&mut connection).unwrap()
}

#[test]
fn a_file_that_cannot_be_used_stays_as_it_is() {
    type Harm = fn(&Path);
    let harm: [(&str, Harm, &str); 8] = [
        ("text", |path| fs::write(path, "not a database\n".repeat(1000)).unwrap(), "no SQLite"),
        ("nothing", |path| fs::write(path, "").unwrap(), "no SQLite"),
        (
            "pages of another file",
            |path| {
                let mut octets = fs::read(path).unwrap();
                octets[4096..].fill(0x5a);
                fs::write(path, octets).unwrap();
            },
            "damaged",
        ),
        (
            "half of it",
            |path| {
                let octets = fs::read(path).unwrap();
                fs::write(path, &octets[..octets.len() / 2]).unwrap();
            },
            "damaged",
        ),
        (
            "a newer schema",
            |path| {
                Connection::open(path).unwrap().pragma_update(None, "user_version", 99).unwrap();
            },
            "use the newer program",
        ),
        (
            "another program's",
            |path| {
                fs::remove_file(path).unwrap();
                Connection::open(path).unwrap().execute_batch("CREATE TABLE songs (id)").unwrap();
            },
            "it has a table 'songs'",
        ),
        (
            "a row that nobody writes",
            |path| {
                Connection::open(path)
                    .unwrap()
                    .execute("UPDATE inputs SET rate = '0'", [])
                    .unwrap();
            },
            "rate",
        ),
        (
            "a directory",
            |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            },
            "no SQLite",
        ),
    ];
    for (name, harm, says) in harm {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.sqlite3");
        filled(&path);
        harm(&path);
        let before = fs::read(&path).ok();
        let (store, inventory) = Store::open_somehow(&path, NOW).unwrap();
        assert_eq!(inventory, Inventory::default(), "{name}");
        let Health::Unreadable(why) = store.health() else {
            panic!("{name} is {:?}", store.health())
        };
        assert!(why.to_string().contains(says), "{name}: {why}");
        assert!(
            why.reason.contains("c.sqlite3") && why.action.contains("restore a backup"),
            "{why}"
        );
        assert_eq!(why.backup, None);
        let refused = store.write_now(&Write::PutInput(input("z", 9000))).unwrap_err();
        assert!(matches!(refused, StoreError::ReadOnly(_)), "{name}: {refused}");
        assert!(store.answers(NOW).is_err() && store.backup_now().is_err(), "{name}");
        drop(store);
        assert!(fs::read(&path).ok() == before, "{name} was touched");

        // The latest backup beside it is named.
        let backup = directory.path().join("c.sqlite3.schema-1.20260131T093000.123Z.backup");
        fs::write(&backup, "").unwrap();
        let (store, _) = Store::open_somehow(&path, NOW).unwrap();
        let Health::Unreadable(why) = store.health() else { panic!("{name}") };
        assert_eq!(why.backup.as_ref(), Some(&backup));
        assert!(why.action.contains(backup.to_str().unwrap()), "{why}");
    }
}

#[test]
fn what_was_written_last_is_read_from_the_log_that_a_crash_left() {
    let directory = tempfile::tempdir().unwrap();
    let (path, crashed) = (directory.path().join("c.sqlite3"), directory.path().join("d.sqlite3"));
    filled(&path);
    let store = Store::open(&path).unwrap();
    store.write_now(&Write::PutInput(input("last", 9000))).unwrap();
    for tail in ["", "-wal"] {
        fs::copy(file::beside(&path, tail), file::beside(&crashed, tail)).unwrap();
    }
    assert_eq!(Store::open(&crashed).unwrap().load().unwrap(), store.load().unwrap());
}

#[test]
fn every_commit_waits_for_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("c.sqlite3")).unwrap();
    let connection = store.lock();
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    assert_eq!(pragma("synchronous"), Ok(2));
    assert_eq!(pragma("foreign_keys"), Ok(1));
    let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    assert_eq!(mode.as_deref(), Ok("wal"));
}

#[test]
fn a_log_without_its_database_is_not_replayed_into_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.sqlite3");
    filled(&path);
    let store = Store::open(&path).unwrap();
    store.write_now(&Write::PutInput(input("last", 9000))).unwrap();
    let log = fs::read(file::beside(&path, "-wal")).unwrap();
    drop(store);
    for tail in ["", "-shm"] {
        let _ = fs::remove_file(file::beside(&path, tail));
    }
    fs::write(file::beside(&path, "-wal"), &log).unwrap();
    assert_eq!(Store::open(&path).unwrap().load().unwrap(), Inventory::default());
    let aside = directory.path().join("c.sqlite3-wal.20260131T093000.123Z.set-aside");
    assert_eq!(fs::read(aside).unwrap(), log);
}

#[test]
fn nothing_is_written_to_a_file_that_the_next_start_will_not_open() {
    for replaced in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("c.sqlite3");
        filled(&path);
        let store = Store::open(&path).unwrap();
        let before = store.load().unwrap();
        fs::rename(&path, directory.path().join("away")).unwrap();
        if replaced {
            fs::copy(directory.path().join("away"), &path).unwrap();
        }
        let refused = store.write_now(&Write::PutInput(input("z", 9000))).unwrap_err();
        let StoreError::ReadOnly(why) = &refused else { panic!("{refused}") };
        let says = if replaced { "replaced while in use" } else { "taken away while in use" };
        assert!(why.reason.contains(says), "{why}");
        assert!(store.answers(NOW).is_err());
        // What is configured can still be kept.
        assert_eq!(read_backup(&store.backup_now().unwrap()).unwrap(), before);
    }
}

#[test]
fn a_backup_is_of_one_moment_and_stops_no_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c.sqlite3");
    filled(&path);
    let store = Store::open(&path).unwrap();
    // Two inputs take turns at one address: at no moment are both there.
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..100 {
                let (id, other) = if n % 2 == 0 { ("x", "y") } else { ("y", "x") };
                store.write_now(&Write::RemoveInput(other.parse().unwrap())).unwrap();
                store.write_now(&Write::PutInput(input(id, 9000))).unwrap();
            }
        });
        let mut last = false;
        while !last {
            last = writer.is_finished();
            let inventory = read_backup(&store.backup_now().unwrap()).unwrap();
            assert!((9..=10).contains(&inventory.inputs.len()));
            assert_eq!(inventory.outputs.len(), 1);
        }
    });
    assert_eq!(read_backup(&store.backup_now().unwrap()).unwrap(), store.load().unwrap());
    // The file is a database alone: whoever has it needs no second one.
    let alone = directory.path().join("alone.sqlite3");
    fs::write(&alone, store.backup_now().unwrap()).unwrap();
    assert_eq!(Store::open(&alone).unwrap().load().unwrap(), store.load().unwrap());
}

#[test]
fn a_backup_that_could_do_harm_is_refused_with_its_reason() {
    for (sql, says) in [
        ("PRAGMA user_version = 99", "has schema 99, this program knows up to"),
        ("PRAGMA user_version = -1", "user_version is -1"),
        ("PRAGMA user_version = 1", "it has a"),
        ("CREATE VIEW v AS SELECT 1", "it has a view 'v'"),
        (
            "CREATE TRIGGER t AFTER INSERT ON inputs BEGIN DELETE FROM outputs; END",
            "it has a trigger 't'",
        ),
        ("CREATE TABLE more (id)", "it has a table 'more'"),
        ("DROP TABLE output_legs", "it has no"),
        ("DELETE FROM inputs WHERE id = 'a'", "names what is not there"),
        ("UPDATE inputs SET rate = 'fast' WHERE id = 'a'", "input 'a'"),
        ("UPDATE inputs SET label = char(7) WHERE id = 'a'", "input 'a' in the backup: label"),
        ("UPDATE outputs SET label = ''", "output 'm' in the backup: label"),
        ("DELETE FROM output_legs", "output 'm' in the backup: legs"),
        ("UPDATE input_legs SET address = 'nowhere' WHERE input = 'a'", "input 'a'"),
        (
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE inputs (id' \
             WHERE name = 'inputs'",
            "damaged",
        ),
    ] {
        let said = read_backup(&made(sql)).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains(says), "{sql}: {said}");
    }
    let good = made("");
    assert_eq!(read_backup(&good).unwrap().inputs.len(), 9);
    let said = |octets: &[u8]| read_backup(octets).map(|_| ()).unwrap_err().to_string();
    assert!(said(b"").contains("no SQLite database"));
    assert!(said(b"id,label\n").contains("no SQLite database"));
    assert!(said(&good[..100]).contains("damaged"), "{}", said(&good[..100]));
    assert!(said(&vec![0; BACKUP_MAX + 1]).contains("the most that is read"));
    // A file cut off or changed anywhere is refused or the same; it never harms.
    let whole = read_backup(&good).unwrap();
    let mut random = 1u64;
    for _ in 0..100 {
        let mut octets = good.clone();
        for _ in 0..3 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = (random >> 20) as usize % octets.len();
            octets[place] ^= (random >> 12) as u8;
        }
        let _ = read_backup(&octets);
        random = random.wrapping_add(7);
        octets.truncate((random >> 17) as usize % octets.len());
        assert!(read_backup(&octets).is_err());
    }
    assert_eq!(read_backup(&good).unwrap(), whole);
}
