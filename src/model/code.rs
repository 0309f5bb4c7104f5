//! An error code as the system returned it.

/// A code as this system returned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// From a socket call: errno on Unix, the WSA number on Windows.
    Os(i32),
    /// From getaddrinfo(); on Windows this is a WSA number, too.
    Eai(i32),
}
