//! What a socket is asked for.

/// How to receive.
#[derive(Clone, Copy, Debug)]
pub struct RxOptions {
    /// Octets of kernel buffer to ask for. Without `CAP_NET_ADMIN` the kernel caps it at
    /// `net.core.rmem_max`.
    pub receive_buffer: usize,
}

impl Default for RxOptions {
    fn default() -> Self {
        Self { receive_buffer: 32 << 20 }
    }
}

/// How to send.
#[derive(Clone, Copy, Debug)]
pub struct TxOptions {
    /// IP time to live or hop limit.
    pub ttl: u8,
    /// Differentiated services code point, 0 to 63.
    pub dscp: u8,
    /// Octets of kernel buffer to ask for.
    pub send_buffer: usize,
}

impl Default for TxOptions {
    fn default() -> Self {
        Self { ttl: 64, dscp: 34, send_buffer: 8 << 20 }
    }
}
