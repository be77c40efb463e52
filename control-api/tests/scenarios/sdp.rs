//! SDP in and out.

use serde_json::{Value, json};

use crate::bench::{Answer, Bench, output, video};

const GOOD: &str = "v=0\r\n\
    o=- 1 1 IN IP4 10.0.0.1\r\n\
    s=Endoscope left\r\n\
    t=0 0\r\n\
    m=video 5004 RTP/AVP 112\r\n\
    c=IN IP4 239.1.2.3/64\r\n\
    a=source-filter: incl IN IP4 239.1.2.3 10.0.0.1\r\n\
    a=rtpmap:112 raw/90000\r\n\
    a=fmtp:112 sampling=YCbCr-4:2:2; width=1920; height=1080; exactframerate=60000/1001; \
    depth=10; TCS=HLG; colorimetry=BT2100; PM=2110GPM; SSN=ST2110-20:2017; TP=2110TPW; \r\n\
    a=ts-refclk:localmac=40-A3-6B-A0-2B-D2\r\n\
    a=mediaclk:direct=0\r\n";

fn send(bench: &Bench, method: &str, path: &str, text: &str) -> Answer {
    bench.call(method, path, &[("content-type", "application/sdp")], Some(text.as_bytes()))
}

#[test]
fn an_sdp_becomes_an_input_and_back() {
    let bench = Bench::new();
    let made = send(&bench, "POST", "/api/v1/inputs", GOOD).expect(201);
    assert_eq!((&made["id"], &made["label"]), (&json!("endoscope-left"), &json!("Endoscope left")));
    assert_eq!(made["video"], video());
    let leg = json!([{ "address": "239.1.2.3", "port": 5004, "source": "10.0.0.1" }]);
    assert_eq!((&made["legs"], &made["payload_type"]), (&leg, &json!(112)));
    assert_eq!((&made["colorimetry"], &made["tcs"]), (&json!("BT2100"), &json!("HLG")));

    let answer = bench.get("/api/v1/inputs/endoscope-left/sdp");
    assert_eq!(answer.header("content-type"), "application/sdp");
    let text = String::from_utf8(answer.octets).unwrap();
    let again = send(&bench, "PUT", "/api/v1/inputs/endoscope-left?label=E%202", &text).expect(200);
    let mut expected = made.clone();
    expected["label"] = "E 2".into();
    expected["revision"] = again["revision"].clone();
    assert_ne!(again["revision"], made["revision"]);
    assert_eq!(again, expected);
}

#[test]
fn an_sdp_that_breaks_a_clause_is_refused_with_its_line() {
    let bench = Bench::new();
    let broken = GOOD.replace("depth=10", "depth=11");
    let problem = send(&bench, "POST", "/api/v1/inputs", &broken).problem(422, "invalid-sdp");
    assert_eq!(problem["line"], 9);
    let clause = problem["clause"].as_str().unwrap();
    assert!(clause.contains("ST 2110-20"), "{problem}");
    for text in ["", "nonsense", "v=0\r\n"] {
        send(&bench, "POST", "/api/v1/inputs", text).problem(422, "invalid-sdp");
    }
    assert_eq!(bench.get("/api/v1/inputs").expect(200), json!([]));
}

#[test]
fn what_foreign_senders_write_is_taken_when_asked_for() {
    let bench = Bench::new();
    // As GStreamer's rtpvrawpay describes itself.
    let foreign = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        m=video 5004 RTP/AVP 96\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:96 raw/90000\r\n\
        a=fmtp:96 sampling=YCbCr-4:2:2; depth=10; width=1920; height=1080; colorimetry=BT709-2\r\n\
        a=framerate:60\r\n";
    let problem = send(&bench, "POST", "/api/v1/inputs?label=x", foreign);
    let problem = problem.problem(422, "invalid-sdp");
    assert!(problem["detail"].as_str().unwrap().contains("tolerant=true"), "{problem}");
    let made = send(&bench, "POST", "/api/v1/inputs?label=x&tolerant=true", foreign).expect(201);
    assert_eq!((&made["video"]["rate"], &made["id"]), (&json!("60"), &json!("x")));
}

#[test]
fn an_output_describes_what_it_shows() {
    let bench = Bench::new();
    send(&bench, "POST", "/api/v1/inputs", GOOD).expect(201);
    bench.add_output("m", 6000);
    bench.get("/api/v1/outputs/m/sdp").problem(409, "nothing-routed");
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "endoscope-left" })).expect(200);
    let text = String::from_utf8(bench.get("/api/v1/outputs/m/sdp").octets).unwrap();
    for line in
        ["m=video 6000 RTP/AVP 96\r\n", "c=IN IP4 127.0.0.1\r\n", "TCS=HLG; colorimetry=BT2100; "]
    {
        assert!(text.contains(line), "no {line:?} in {text}");
    }

    let mut one = output("n", 6002);
    one["accepts"] = json!([video()]);
    bench.put("/api/v1/outputs/n", &one).expect(201);
    let text = String::from_utf8(bench.get("/api/v1/outputs/n/sdp").octets).unwrap();
    assert!(text.contains("exactframerate=60000/1001"), "{text}");
    // What one matrix sends, another can take.
    let made = send(&bench, "POST", "/api/v1/inputs?id=cascade", &text).expect(201);
    assert_eq!(made["video"], video());
}

#[test]
fn an_sdp_becomes_an_output() {
    let bench = Bench::new();
    let made = send(&bench, "POST", "/api/v1/outputs?id=m", GOOD).expect(201);
    assert_eq!((&made["accepts"], &made["legs"][0]["port"]), (&json!([video()]), &json!(5004)));
    assert_ne!(made["ssrc"], Value::Null);
}

#[test]
fn an_output_names_the_clock_of_the_settings() {
    for (said, line) in [
        ("localmac", "a=ts-refclk:localmac="),
        ("ptp=IEEE1588-2008:traceable", "a=ts-refclk:ptp=IEEE1588-2008:traceable\r\n"),
        (
            "ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:127",
            "a=ts-refclk:ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:127\r\n",
        ),
    ] {
        let bench = Bench::set(|settings| {
            settings.ts_refclk = said.to_owned().try_into().unwrap();
        });
        let mut one = output("m", 6000);
        one["accepts"] = json!([video()]);
        bench.put("/api/v1/outputs/m", &one).expect(201);
        let text = String::from_utf8(bench.get("/api/v1/outputs/m/sdp").octets).unwrap();
        assert!(text.contains(line) && text.contains("a=mediaclk:direct=0\r\n"), "{text}");
        // What one matrix sends, another can take.
        send(&bench, "POST", "/api/v1/inputs?id=cascade", &text).expect(201);
    }
}

/// Two legs of ST 2022-7 come in as one SDP and go out as one, of inputs and of outputs.
#[test]
fn two_legs_are_one_sdp() {
    let bench = Bench::new();
    let (session, section) = GOOD.split_at(GOOD.find("m=video").unwrap());
    let second = section.replace("239.1.2.3", "239.1.3.3").replace("10.0.0.1", "10.0.1.1");
    let text =
        format!("{session}a=group:DUP one two\r\n{section}a=mid:one\r\n{second}a=mid:two\r\n");
    let made = send(&bench, "POST", "/api/v1/inputs", &text).expect(201);
    let legs = json!([
        { "address": "239.1.2.3", "port": 5004, "source": "10.0.0.1" },
        { "address": "239.1.3.3", "port": 5004, "source": "10.0.1.1" },
    ]);
    assert_eq!(made["legs"], legs);
    assert_eq!(bench.model().inputs.values().next().unwrap().spec.legs.len(), 2);
    let input = String::from_utf8(bench.get("/api/v1/inputs/endoscope-left/sdp").octets).unwrap();

    let mut body = output("m", 6000);
    body["legs"] = json!([
        { "address": "127.0.0.1", "port": 6000 }, { "address": "127.0.0.2", "port": 6000 }
    ]);
    bench.post("/api/v1/outputs", &body).expect(201);
    bench.put("/api/v1/outputs/m/route", &json!({ "input": "endoscope-left" })).expect(200);
    let output = String::from_utf8(bench.get("/api/v1/outputs/m/sdp").octets).unwrap();
    for text in [input, output] {
        assert_eq!(text.matches("m=video").count(), 2, "{text}");
        assert!(text.contains("a=group:DUP"), "{text}");
    }
}
