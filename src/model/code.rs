//! An error code as the system returned it, and the names that documents give to codes.

use std::fmt;

/// A code as this system returned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// From a socket call: errno on Unix, the WSA number on Windows.
    Os(i32),
    /// From getaddrinfo(); on Windows this is a WSA number, too.
    Eai(i32),
}

macro_rules! names {
    ($($name:ident)*) => {
        /// A documented code by its name: POSIX or `EAI_`, and that of Windows where no other exists. Its numbers are in
        /// the table of `classify`.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, missing_docs, reason = "the names are the documents'")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Name { $($name,)* }

        impl Name {
            /// Every name, in the order of the table.
            pub const ALL: &'static [Name] = &[$(Name::$name,)*];

            /// As the documents write it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Name::$name => stringify!($name),)* }
            }
        }
    };
}

names! {
    ECONNREFUSED ETIMEDOUT ENETUNREACH EHOSTUNREACH EACCES EADDRNOTAVAIL EADDRINUSE ENETDOWN ENOBUFS EAFNOSUPPORT
    EINVAL EINPROGRESS EAGAIN EALREADY EINTR EISCONN EFAULT ENOTSOCK EOPNOTSUPP EPROTONOSUPPORT EPERM ECONNRESET
    ECONNABORTED EHOSTDOWN ENONET ENOPROTOOPT EPROTO EMSGSIZE EMFILE ENFILE ENOMEM ENODEV ENXIO ESOCKTNOSUPPORT
    EPFNOSUPPORT EPROTOTYPE EBADF EDESTADDRREQ ENOTCONN ESHUTDOWN EPIPE ENETRESET ENOSYS ENOTCAPABLE ECAPMODE WSAEINPROGRESS
    WSANOTINITIALISED WSASYSNOTREADY WSAVERNOTSUPPORTED WSAEDISCON WSAECANCELLED WSAEPROVIDERFAILEDINIT
    WSASYSCALLFAILURE WSAEREFUSED WSA_IO_PENDING WSA_OPERATION_ABORTED ERROR_CONNECTION_REFUSED ERROR_SEM_TIMEOUT
    ERROR_NETWORK_UNREACHABLE ERROR_HOST_UNREACHABLE EAI_NONAME EAI_AGAIN EAI_FAIL EAI_NODATA EAI_FAMILY
    EAI_ADDRFAMILY EAI_SERVICE EAI_SOCKTYPE EAI_BADFLAGS EAI_MEMORY EAI_SYSTEM EAI_OVERFLOW EAI_IDN_ENCODE
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}
