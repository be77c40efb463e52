//! `ormatrix top`: the matrix live in a terminal.
//!
//! - [`feed`]: threads that ask the API and listen to its events;
//! - [`model`]: what is known and how it is looked at: pure, updates in;
//! - [`row`]: an input or output as it stands in a table;
//! - [`view`]: the model drawn into a buffer of cells: pure, picture out;
//! - [`keys`]: what keys mean;
//! - [`screen`]: the terminal, which is put back whatever happens.
//!
//! What is shown as live has been answered within the last seconds by a control plane that is
//! connected to the router. Everything else is shown as unknown.

mod feed;
mod keys;
mod model;
mod row;
mod screen;
mod view;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    thread,
    time::Duration,
};

use model::Model;
use ormatrix_io::{Clock, SystemClock};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{CliError, Context, table};

/// Width of a single frame that nobody's terminal limits.
const ONCE_WIDTH: u16 = 140;
/// Between the two readings of a single frame: the router counts once a second.
const ONCE_APART: Duration = Duration::from_millis(2100);

/// Inputs, outputs, rates, losses and events, live in the terminal.
#[derive(clap::Args)]
pub struct Top {
    /// Print one frame as text instead, and end.
    #[arg(long)]
    once: bool,
}

/// Shows it until somebody has seen enough.
pub fn run(context: &Context, top: &Top) -> Result<ExitCode, CliError> {
    if top.once {
        return once(context);
    }
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(CliError::Arguments(
            "`ormatrix top` needs a terminal: `ormatrix top --once` prints one frame as text, \
             `ormatrix status` says what is wrong"
                .to_owned(),
        ));
    }
    let updates = feed::start(&context.client).map_err(CliError::Terminal)?;
    screen::show(Model::new(context.client.base()), &updates).map_err(CliError::Terminal)?;
    Ok(ExitCode::SUCCESS)
}

/// One frame, as text.
fn once(context: &Context) -> Result<ExitCode, CliError> {
    let mut model = Model::new(context.client.base());
    // Twice: rates are differences.
    for wait in [Duration::ZERO, ONCE_APART] {
        thread::sleep(wait);
        let reading = feed::read(&context.client)?;
        model.apply(reading, SystemClock.unix());
    }
    let rows = model.inputs().len() + model.outputs().len();
    let height = view::AROUND_TABLES.saturating_add(u16::try_from(rows).unwrap_or(u16::MAX));
    let mut buffer = Buffer::empty(Rect::new(0, 0, ONCE_WIDTH, height.min(1000)));
    view::tables(&model, buffer.area, &mut buffer);
    table::line(&view::text(&buffer))?;
    Ok(ExitCode::SUCCESS)
}
