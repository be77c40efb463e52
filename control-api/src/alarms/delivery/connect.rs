//! Connections to receivers, plain or with TLS.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OnceCell,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::PATIENCE;
use crate::alarms::settings::Target;

/// How long sent octets may go unconfirmed before the connection counts as dead.
const UNCONFIRMED: Duration = Duration::from_secs(15);

/// Octets both ways.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Whose certificates are trusted, read when first needed.
#[derive(Debug)]
pub struct Tls {
    ca_file: Option<PathBuf>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(ca_file: Option<PathBuf>) -> Self {
        Self { ca_file, config: OnceCell::new() }
    }

    /// What a client needs.
    ///
    /// # Errors
    /// In words, when no authority is known or the file of settings cannot be read. Asked
    /// again, it reads again.
    pub async fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let read = || async {
            let ca_file = self.ca_file.clone();
            let read = tokio::task::spawn_blocking(move || read(ca_file)).await;
            read.map_err(|error| error.to_string())?
        };
        self.config.get_or_try_init(read).await.cloned()
    }
}

fn read(ca_file: Option<PathBuf>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    // Some of a system's own may be beyond this library; the others serve.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let wrong = |reason: String| {
            format!("ca_file {}: {reason}; it must hold certificates in PEM", path.display())
        };
        let before = roots.len();
        let certificates =
            CertificateDer::pem_file_iter(&path).map_err(|error| wrong(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(wrong("there is no certificate in it".to_owned()));
        }
    }
    if roots.is_empty() {
        return Err("no authority is trusted on this host: install ca-certificates, or name \
                    the hospital's own in ca_file under [alarms]"
            .to_owned());
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("TLS cannot be used: {error}"))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Connects within [`PATIENCE`].
///
/// # Errors
/// In words.
pub async fn open(target: &Target, tls: Option<&Tls>) -> Result<Box<dyn Connection>, String> {
    let config = match tls {
        Some(tls) => Some(tls.config().await?),
        None => None,
    };
    let connect = async {
        let stream = TcpStream::connect((target.host.as_str(), target.port)).await?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        // A receiver that lost its power is noticed while there is nothing to say.
        let keepalive = TcpKeepalive::new().with_time(UNCONFIRMED).with_interval(PATIENCE / 2);
        socket.set_tcp_keepalive(&keepalive.with_retries(3))?;
        socket.set_tcp_user_timeout(Some(UNCONFIRMED))?;
        let Some(config) = config else { return Ok(Box::new(stream) as Box<dyn Connection>) };
        let name = ServerName::try_from(target.host.clone())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok::<_, io::Error>(Box::new(stream) as Box<dyn Connection>)
    };
    match timeout(PATIENCE, connect).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(format!("cannot connect: {error}")),
        Err(_) => Err(format!("no connection within {} s", PATIENCE.as_secs())),
    }
}
