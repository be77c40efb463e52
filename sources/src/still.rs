//! A pattern as a PNG picture, as it would be sent.

use std::path::Path;

use ormatrix_io::{Clock, SystemClock};
use ormatrix_strip::Mark;
use st2110::format::{Depth, Packing, Sampling, Scan, VideoFormat};

use crate::{
    canvas::Typeface,
    job::{Job, JobError},
    media::{Frame, Input, Layout, MediaError, Pictures, Ring, save_png, scene_frame},
    overlay::Overlay,
    run::RunError,
};

/// Writes the job's picture at `phase` (0 to 1) of its motion to `out`. Only for patterns.
pub fn save(job: &Job, phase: f32, out: &Path) -> Result<(), RunError> {
    let Input::Pattern(pattern) = job.input else {
        return Err(MediaError::Drawing(
            "none: a picture can be made of --pattern only".to_owned(),
        )
        .into());
    };
    let format = VideoFormat {
        sampling: Sampling::YCbCr422,
        depth: Depth::D8,
        scan: Scan::Progressive,
        packing: Packing::Gpm,
        ..job.format
    };
    let face = Typeface::built_in().ok_or(RunError::Typeface)?;
    let layout = Layout::new(&format)?;
    let mut frame = match pattern.scene(&face) {
        Some(scene) => scene_frame(scene, layout.clone(), job.marked, phase)?,
        None => match Ring::start(pattern, &layout, job.marked, 256, &face)?.next()? {
            Some(Frame::Editable(octets)) => octets.to_vec(),
            Some(Frame::Fixed(octets)) => octets.to_vec(),
            None => return Err(MediaError::Drawing(pattern.to_string()).into()),
        },
    };
    if job.marked {
        let clock = SystemClock;
        let mark = Mark::of(job.name, clock.tai() / 1000, 0).map_err(JobError::from)?;
        let mut overlay = Overlay::new(*layout.raster(), &job.label, &face)?;
        overlay.draw(&mut frame, &mark, clock.unix() / 1_000_000).map_err(MediaError::from)?;
    }
    Ok(save_png(&format, frame, out)?)
}
