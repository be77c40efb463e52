//! The control plane's process.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::{Parser, Subcommand};
use ormatrix_control::{
    http::serve::Limits,
    notify::Notifier,
    reload, server,
    settings::{ENV_PREFIX, Settings},
    traces,
};
use ormatrix_settings::log;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt};

/// Changes what is logged, or says why it cannot.
type SetLog<'a> = &'a dyn Fn(&str) -> Result<(), String>;

/// The HTTP API, the panel and the inventory of an ormatrix.
///
/// Everything that can be set is in the settings file; ORMATRIX_CONTROL_<KEY> in the
/// environment overrides it, and the options below override both. SIGHUP has it read its
/// settings again and apply what can change while it runs.
#[derive(Parser)]
#[command(name = "ormatrix-control", version)]
struct Arguments {
    /// Settings (TOML).
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Where to serve the API and the panel, as 127.0.0.1:8080; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", global = true)]
    listen: Option<SocketAddr>,
    /// The router's control socket.
    #[arg(long, value_name = "PATH", global = true)]
    router_socket: Option<PathBuf>,
    /// Where to keep what must survive a restart.
    #[arg(long, value_name = "DIRECTORY", global = true)]
    state_dir: Option<PathBuf>,
    /// The inventory's database.
    #[arg(long, value_name = "FILE", global = true)]
    database: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Reads the settings, says whether they can be used, and ends.
    CheckConfig,
}

fn main() -> ExitCode {
    ormatrix_io::process::die_with_parent();
    let arguments = Arguments::parse();
    let outcome = settings(&arguments).and_then(|read| {
        if arguments.command.is_some() {
            println!("the settings can be used: {read:#?}");
            Ok(())
        } else {
            run(&arguments, read)
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ormatrix-control: {error}");
            ExitCode::FAILURE
        }
    }
}

fn settings(arguments: &Arguments) -> Result<Settings, Box<dyn std::error::Error>> {
    let mut settings: Settings = ormatrix_settings::load(arguments.config.as_deref(), ENV_PREFIX)?;
    if let Some(listen) = arguments.listen {
        settings.listen = listen;
    }
    if let Some(socket) = &arguments.router_socket {
        settings.router_socket.clone_from(socket);
    }
    if let Some(directory) = &arguments.state_dir {
        settings.state_dir.clone_from(directory);
    }
    if arguments.database.is_some() {
        settings.database.clone_from(&arguments.database);
    }
    EnvFilter::try_new(&settings.log).map_err(|error| format!("`log`: {error}"))?;
    Ok(settings)
}

fn run(arguments: &Arguments, settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
    let (filter, format) = (EnvFilter::try_new(&settings.log)?, settings.log_format);
    // Traces end before the log, which may have to tell of them.
    let (log, _traces) = match &settings.otlp_endpoint {
        None => (log::start(filter, format)?, None),
        Some(collector) => {
            let (traces, layer) = traces::start(collector.as_str())?;
            let base = tracing_subscriber::registry().with(layer);
            (log::start_on(base, filter, format)?, Some(traces))
        }
    };
    let set_log = |filter: &str| {
        let new = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
        log.set(new).map_err(|error| error.to_string())
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(serve(arguments, settings, &set_log));
    // A thread that hangs must not keep the process.
    runtime.shutdown_background();
    outcome
}

async fn serve(
    arguments: &Arguments,
    read: Settings,
    set_log: SetLog<'_>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let limits = Limits { connections: read.connections, ..Limits::default() };
    let mut running = server::start(read, limits, Arc::new(ormatrix_io::SystemClock)).await?;
    // For whoever started this process; it goes on without them.
    let _ = writeln!(io::stdout(), "listening http://{}", running.address);
    tracing::info!(address = %running.address, "listening");
    let notifier = Notifier::from_environment().map(Arc::new);
    if let Some(notifier) = notifier.clone() {
        notifier.ready(&format!("serving http://{}", running.address));
        let app = running.app.clone();
        tokio::spawn(async move { notifier.keep_alive(app).await });
    }
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reload::apply(&running.app, settings(arguments), set_log),
            () = running.ended() => return Err("serving ended unexpectedly".into()),
        }
    }
    tracing::info!("ending");
    if let Some(notifier) = notifier {
        notifier.stopping();
    }
    running.stop().await;
    Ok(())
}
