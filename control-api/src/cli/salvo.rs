//! `ormatrix salvo`: several takes, now or at a time, and those that wait.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ormatrix_client::{
    Answer, CreateSalvoAnswer,
    types::{SalvoAnswer, SalvoBody, SalvoRoute, SalvoView, ScheduledRoute, ScheduledSalvo},
};
use ormatrix_io::{Clock, SystemClock};
use serde_json::Value;

use super::{
    CliError, Context, table,
    take::{finish, levels, number},
};
use crate::time::parse_rfc3339;

const SECOND: u64 = 1_000_000_000;

/// Several takes.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Salvo {
    #[command(subcommand)]
    command: Option<Command>,
    /// As monitor=endoscope; `monitor=` clears the output, `monitor:audio=room` takes the sound
    /// alone.
    #[arg(required = true, value_name = "OUTPUT[:LEVELS]=INPUT")]
    routes: Vec<String>,
    /// When: `+2.5` in so many seconds, a time as 2026-01-31T09:30:00.000Z, or TAI nanoseconds
    /// since 1970; at once unless given.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// How long to wait for the confirmation, up to 10000; 1000 unless given.
    #[arg(long, conflicts_with = "at")]
    wait_ms: Option<u32>,
    /// Also when an input has no signal.
    #[arg(long)]
    force: bool,
}

/// What can be done with salvos that wait for their time.
#[derive(Subcommand)]
enum Command {
    /// Those that wait, the next first.
    List,
    /// Call one off.
    Cancel {
        /// Its number.
        take: String,
    },
}

/// Does it.
pub fn run(context: &Context, salvo: &Salvo) -> Result<ExitCode, CliError> {
    match &salvo.command {
        Some(Command::List) => list(context),
        Some(Command::Cancel { take }) => {
            context.client.delete_salvo(number(take)?)?;
            if context.json {
                table::json(&Value::Null)?;
            } else {
                table::line(&format!("called off {take}"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        None => take(context, salvo),
    }
}

fn take(context: &Context, salvo: &Salvo) -> Result<ExitCode, CliError> {
    let (mut routes, mut all_named) = (Vec::new(), Vec::new());
    for route in &salvo.routes {
        let Some((output, input)) = route.split_once('=') else {
            let said = format!("'{route}' is not OUTPUT=INPUT or OUTPUT:LEVELS=INPUT");
            return Err(CliError::Arguments(said));
        };
        let (output, named) = output.split_once(':').map_or((output, None), |(o, n)| (o, Some(n)));
        let named = levels(named.into_iter().flat_map(|named| named.split(',')));
        routes.push(SalvoRoute {
            output: output.to_owned(),
            input: (!input.is_empty()).then(|| input.to_owned()),
            levels: (!named.is_empty()).then(|| named.clone()),
        });
        all_named.push(named);
    }
    let at = salvo.at.as_ref().map(|at| moment(at, &SystemClock)).transpose()?;
    let body = SalvoBody {
        routes,
        force: Some(salvo.force),
        wait_ms: salvo.wait_ms,
        at: at.map(|at| at.to_string()),
    };
    let with_levels = |salvo: SalvoView| salvo.routes.into_iter().zip(all_named).collect();
    match context.client.create_salvo(&body)? {
        CreateSalvoAnswer::Done(answer) => finish(context, &answer, with_levels),
        CreateSalvoAnswer::Accepted(answer) => match answer.value()? {
            SalvoAnswer::ScheduledSalvo(waiting) => scheduled(context, &answer, &waiting),
            SalvoAnswer::SalvoView(taken) => finish(context, &answer, |_| with_levels(taken)),
            SalvoAnswer::Unlisted(_) => finish(context, &answer, |_| Vec::new()),
        },
    }
}

/// Accepted is all that a salvo at a time can be.
fn scheduled(
    context: &Context,
    answer: &Answer<SalvoAnswer>,
    waiting: &ScheduledSalvo,
) -> Result<ExitCode, CliError> {
    if context.json {
        table::json(answer.body())?;
    } else {
        let ScheduledSalvo { take, at, .. } = waiting;
        table::line(&format!(
            "{take} waits for {at}: `ormatrix salvo cancel {take}` calls it off"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context) -> Result<ExitCode, CliError> {
    let answer = context.client.list_salvos()?;
    if context.json {
        table::json(answer.body())?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = SystemClock.tai();
    let row = |salvo: &ScheduledSalvo| {
        let at: Option<u64> = salvo.at.parse().ok();
        let seconds = at.map(|at| at.saturating_sub(now) as f64 / SECOND as f64);
        let routes: Vec<String> = salvo.routes.iter().map(route).collect();
        [
            table::text(salvo.take),
            table::text(&salvo.at),
            seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s")),
            routes.join(" "),
        ]
    };
    let rows: Vec<_> = answer.value()?.iter().map(row).collect();
    table::print(["TAKE", "AT (TAI)", "IN", "ROUTES"], &rows)?;
    Ok(ExitCode::SUCCESS)
}

/// A route as it is written on the command line.
fn route(route: &ScheduledRoute) -> String {
    let input = route.input.as_deref().unwrap_or_default();
    format!("{}{}={input}", route.output, table::behind(&route.levels))
}

/// The TAI nanoseconds that a time means.
fn moment(text: &str, clock: &impl Clock) -> Result<u64, CliError> {
    let wrong = || {
        CliError::Arguments(format!(
            "--at '{text}' is no time: write +2.5 for seconds from now, 2026-01-31T09:30:00.000Z, \
             or TAI nanoseconds since 1970"
        ))
    };
    let now = clock.tai();
    if let Some(seconds) = text.strip_prefix('+') {
        let seconds: f64 = seconds.parse().map_err(|_| wrong())?;
        if !(0.0..=1e6).contains(&seconds) {
            return Err(wrong());
        }
        return Ok(now + (seconds * SECOND as f64) as u64);
    }
    if let Ok(ns) = text.parse() {
        return Ok(ns);
    }
    let utc = parse_rfc3339(text).ok_or_else(wrong)?;
    // TAI is ahead of UTC by whole seconds, read at two moments that may be microseconds apart.
    let offset = (now.saturating_sub(clock.unix()) + SECOND / 2) / SECOND * SECOND;
    Ok(utc + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> u64 {
            0
        }

        fn tai(&self) -> u64 {
            1_769_851_837_000_000_000
        }

        fn unix(&self) -> u64 {
            1_769_851_800_000_000_900
        }

        fn sleep_until(&self, _: u64) {}
    }

    #[test]
    fn times_are_said_in_three_ways() {
        for (text, at) in [
            ("+0", 1_769_851_837_000_000_000),
            ("+2.5", 1_769_851_839_500_000_000),
            ("1769851839500000001", 1_769_851_839_500_000_001),
            ("2026-01-31T09:30:02.500Z", 1_769_851_839_500_000_000),
            ("2026-01-31T10:30:02.500+01:00", 1_769_851_839_500_000_000),
        ] {
            assert_eq!(moment(text, &Stopped).unwrap(), at, "{text}");
        }
        for bad in ["", "+", "-1", "+-1", "+inf", "+NaN", "+1e9", "soon", "09:30"] {
            let error = moment(bad, &Stopped).unwrap_err().to_string();
            assert!(error.contains("+2.5"), "{bad}: {error}");
        }
    }
}
