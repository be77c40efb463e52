//! The process's own settings.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use serde::Deserialize;

/// Variables that override the file begin with this.
pub const ENV_PREFIX: &str = "ORMATRIX_CONTROL";

/// What can be set; every key has a default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the API and the panel are served. Whoever reaches it may change routes.
    pub listen: SocketAddr,
    /// The router's control socket.
    pub router_socket: PathBuf,
    /// Where this process keeps what must survive it.
    pub state_dir: PathBuf,
    /// The inventory's database; `control.sqlite3` in the state directory unless given.
    pub database: Option<PathBuf>,
    /// A still older than this is not shown.
    pub still_max_age_ms: u64,
    /// Names by which browsers may reach this host, beside its addresses and its own name.
    pub host_names: Vec<String>,
    /// What is logged, as `info` or `ormatrix_control=debug,info`.
    pub log: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            router_socket: "/run/ormatrix/router.sock".into(),
            state_dir: "/var/lib/ormatrix".into(),
            database: None,
            still_max_age_ms: 5000,
            host_names: Vec::new(),
            log: "info".to_owned(),
        }
    }
}

impl Settings {
    /// Where the database is.
    pub fn database_path(&self) -> PathBuf {
        self.database.clone().unwrap_or_else(|| self.state_dir.join("control.sqlite3"))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_commented_file_says_the_defaults() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("control.toml");
        let text = fs::read_to_string(file).unwrap();
        // Its settings are commented out, without a blank; its words have one.
        let settings = |line: &&str| line.starts_with('#') && !line.starts_with("# ");
        let lines: Vec<&str> =
            text.lines().filter(settings).map(|line| line.trim_start_matches('#')).collect();
        let directory = tempfile::tempdir().unwrap();
        let uncommented = directory.path().join("control.toml");
        fs::write(&uncommented, lines.join("\n")).unwrap();
        let read: Settings =
            ormatrix_settings::load_from(Some(&uncommented), ENV_PREFIX, []).unwrap();
        let default = Settings::default();
        assert_eq!(read.database, Some(default.database_path()));
        assert_eq!(lines.len(), 7, "every setting stands in the file");
        // These two have no default worth writing down.
        let shown = Settings { database: None, host_names: Vec::new(), ..read };
        assert_eq!(shown, default);
    }
}
