//! Sources that die and come back at any moment, pictures found frozen, and takes between
//! them: whatever happens, what leaves are whole frames, and in the end everything is where
//! it was asked for.

use ormatrix_protocol::{Back, Command, Findings, OnLoss, RouteState, SteadyMs};

use super::bench::{Bench, MS, backed, frames, output};

const INPUTS: [&str; 4] = ["a", "b", "c", "d"];
const OUTPUTS: [&str; 3] = ["main", "left", "right"];
const STEPS: u32 = 500;

#[test]
fn whole_frames_leave_whatever_fails() {
    let mut dice = fastrand::Rng::with_seed(11);
    let mut bench = Bench::new();
    for (n, id) in (1..).zip(INPUTS) {
        let backups: &[&str] = [&["b", "c"][..], &["a"], &[], &["a", "b", "c"]][n as usize - 1];
        let mut spec = backed(id, n, backups);
        spec.failover.steady_ms = SteadyMs(200);
        spec.failover.frozen_ms = (n == 1).then_some(100);
        spec.failover.back = if n == 4 { Back::Manual } else { Back::Automatic };
        bench.put_input(spec);
        bench.start(n);
    }
    for (n, id) in (0..).zip(OUTPUTS) {
        let mut spec = output(id, 101 + n);
        spec.on_loss = if n < 2 { OnLoss::Slate } else { OnLoss::Nothing };
        bench.put_output(spec);
    }
    bench.run(100);
    for id in OUTPUTS {
        bench.take(id, "a");
    }
    let (mut deaths, mut stood_in) = (0_u32, 0_u32);
    let mut running = [true; 4];
    for _ in 0..STEPS {
        let n = dice.usize(0..4);
        let port = n as u16 + 1;
        match dice.u8(0..10) {
            0..4 if running[n] => {
                bench.stop(port);
                running[n] = false;
                deaths += 1;
            }
            0..8 if !running[n] => {
                bench.start(port);
                running[n] = true;
            }
            8 => {
                let frozen_since = dice.bool().then_some(1_000_000 * MS);
                let findings = Findings { frozen_since, ..Findings::default() };
                let input = INPUTS[n].parse().unwrap();
                bench.ask(Command::Report { input, findings }).unwrap();
            }
            9 => {
                bench.take(OUTPUTS[dice.usize(0..3)], INPUTS[n]);
            }
            _ => {}
        }
        bench.run(dice.u64(1..150));
        let is_stood_in = |id: &str| bench.route(id).stand_in.is_some();
        stood_in += OUTPUTS.into_iter().filter(|id| is_stood_in(id)).count() as u32;
    }
    assert!(deaths > 60 && stood_in > 100, "{deaths} deaths, stood in {stood_in} times");
    // Frames are torn where a source died, on those outputs that showed it; nowhere else.
    for n in 0..3 {
        let mut shown = frames(&bench.sent(101 + n), 8 * deaths);
        // The last has begun.
        shown.pop();
        let torn = shown.iter().filter(|(_, packets)| *packets != 8).count() as u32;
        assert!(torn <= deaths, "{torn} torn frames, {deaths} deaths");
        assert!(shown.iter().all(|(source, packets)| *source != 128 || *packets == 8), "slates");
        assert!(shown.len() > 500, "{}", shown.len());
    }
    for (n, id) in (1..).zip(INPUTS) {
        if !running[usize::from(n) - 1] {
            bench.start(n);
        }
        let input = id.parse().unwrap();
        bench.ask(Command::Report { input, findings: Findings::default() }).unwrap();
    }
    bench.run(1500);
    for id in OUTPUTS {
        let route = bench.route(id);
        let manual = route.input == Some("d".parse().unwrap()) && route.stand_in.is_some();
        assert_eq!(route.state, RouteState::Live, "{id}");
        assert!(manual || route.stand_in.is_none(), "{id}: {route:?}");
    }
    assert_eq!(bench.ports.slates.lock().unwrap().running(), 0);
}
