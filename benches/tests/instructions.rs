//! Holds the packet path below a ceiling of instructions. Without Valgrind there is nothing
//! to count with: the test says so and holds nothing.

use std::path::Path;

use ormatrix_benches::{
    instructions::{CountError, per_packet},
    path::Setup,
};

/// Most instructions a packet, some ten percent above what was counted when they were set.
const CEILINGS: [(&str, f64); 5] = [
    ("one output", 1200.0),
    ("one output, a backup and a slate beside it", 1200.0),
    ("one output and a monitor", 1275.0),
    ("two legs in, one output", 2110.0),
    ("four outputs", 2000.0),
];

#[test]
fn the_packet_path_stays_below_its_ceilings() {
    let program = Path::new(env!("CARGO_BIN_EXE_ormatrix-bench-path"));
    let mut plain = None;
    for (name, ceiling) in CEILINGS {
        let setup = Setup::of_name(name).expect("a setup");
        let count = match per_packet(program, &setup) {
            Err(CountError::Missing(error)) => {
                println!("nothing was counted: valgrind cannot be run ({error})");
                return;
            }
            count => count.expect("a count"),
        };
        println!("{name}: {count:.1} instructions a packet, at most {ceiling}");
        assert!(count < ceiling, "{name}: {count:.1} instructions a packet, at most {ceiling}");
        // To be watched costs nearly nothing. (The analyser costs nothing at all here: it
        // listens by a tap of its own, in a process of its own.)
        let plain = *plain.get_or_insert(count);
        if setup.monitors > 0 {
            assert!(count < plain * 1.1, "watched {count:.1}, not watched {plain:.1}");
        }
        // To have something to fall back on costs nothing but a look now and then.
        if setup.idle > 0 {
            assert!(count < plain * 1.01, "backed {count:.1}, not backed {plain:.1}");
        }
    }
}
