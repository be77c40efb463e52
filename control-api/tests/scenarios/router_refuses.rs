//! What the router refuses is refused by the API, and nothing changed.

use ormatrix_protocol::{Command, Refusal};
use serde_json::json;

use crate::bench::{Bench, input, output};

#[test]
fn every_refusal_has_its_problem() {
    let bench = Bench::new();
    bench.add_input("a", 5000);
    bench.add_output("m", 6000);
    let address = "10.9.9.9".parse().unwrap();
    let cases = [
        (
            Refusal::AddressTaken { address, port: 5000, holder: "z".to_owned() },
            409,
            "address-taken",
        ),
        (Refusal::PortInUse { address, port: 5000 }, 409, "port-in-use"),
        (Refusal::NotOurAddress { address }, 422, "not-our-address"),
        (Refusal::UnknownInterface { interface: "eth9".to_owned() }, 422, "unknown-interface"),
        (Refusal::Socket { address, port: 1, reason: "ENOBUFS".to_owned() }, 422, "socket-refused"),
        (
            Refusal::Full { what: "inputs".to_owned(), limit: 1, setting: "max_inputs".to_owned() },
            409,
            "full",
        ),
        (
            Refusal::Invalid { field: "video".to_owned(), reason: "no room for it".to_owned() },
            422,
            "invalid-value",
        ),
        (Refusal::Malformed { reason: "what is this".to_owned() }, 500, "internal"),
    ];
    for (refusal, status, kind) in cases {
        let said = refusal.to_string();
        let refused = refusal.clone();
        bench.model().refuse =
            Box::new(move |command| (!matches!(command, Command::Status)).then(|| refused.clone()));
        let before = bench.everything();
        for problem in [
            bench.post("/api/v1/inputs", &input("b", 5002)).problem(status, kind),
            bench.put("/api/v1/inputs/a", &input("a", 5004)).problem(status, kind),
            bench.post("/api/v1/outputs", &output("n", 6002)).problem(status, kind),
            bench.delete("/api/v1/outputs/m").problem(status, kind),
            bench.put("/api/v1/outputs/m/route", &json!({ "input": "a" })).problem(status, kind),
        ] {
            assert_eq!(problem["detail"], said);
        }
        assert_eq!(bench.everything(), before, "something changed by {said}");
    }
}
