//! 1080p60 4:2:2 10-bit through source, router and judge for a minute: nothing missing.

use ormatrix_tests::{
    Matrix,
    media::{assert_clean, check, skipped_frames, source, video},
};

#[test]
fn full_hd_at_sixty_for_a_minute() {
    let matrix = Matrix::start(1);
    let port = matrix.add_input("endoscope", &video(1920, 1080, "60"));
    matrix.add_output("main", "127.0.0.1");
    let sender = source("Endoscope", "1080p60", port, 0, &[]);
    matrix.wait_signal("endoscope", "ok");
    // Routed first, so that the description and the whole run are of this input.
    matrix.take("main", "endoscope");
    let judge = check(&matrix, "main", &["--frames", "3600", "--seconds", "90"]);
    let (status, report) = judge.finish_json();
    let input = matrix.get("/inputs/endoscope").ok();
    let skipped = skipped_frames(vec![sender]);
    println!("{report:#}\n{input:#}\nskipped by the source: {skipped}");
    assert_clean(&report, matrix.cut_frames());
    let excused = skipped + matrix.cut_frames();
    assert!(report["missing_frames"].as_u64() <= Some(excused), "{excused} excused");
    assert!(report["frames"].as_u64() >= Some(3600));
    assert!(status.success() || excused > 0);
    assert_eq!(input["signal"]["lost_packets"], 0);
}
