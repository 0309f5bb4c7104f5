//! An /etc of a child's own: what name resolution reads, and nothing of the machine's.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What stands there unless a test says otherwise; the nameserver is the lab's own ([`super::Dns`]).
const DEFAULTS: &[(&str, &str)] = &[
    ("resolv.conf", "nameserver 127.0.0.1\n"),
    // Without it glibc takes only the first line of hosts that has the name (host.conf(5)).
    ("host.conf", "multi on\n"),
    ("hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("nsswitch.conf", "hosts: files dns\nservices: files\nprotocols: files\n"),
    ("protocols", "tcp 6 TCP\nudp 17 UDP\n"),
    (
        "services",
        "ssh 22/tcp\ndomain 53/tcp\ndomain 53/udp\ntftp 69/udp\nhttp 80/tcp www\nntp 123/udp\nhttps 443/tcp\n\
         syslog 514/udp\npostgresql 5432/tcp\n",
    ),
];

/// Files by name, to be put over /etc.
#[derive(Default)]
pub struct Etc(BTreeMap<String, String>);

impl Etc {
    /// The defaults.
    pub fn new() -> Etc {
        Etc(DEFAULTS.iter().map(|&(name, text)| (name.into(), text.into())).collect())
    }

    /// Puts a file in place, or another text into it.
    pub fn set(&mut self, name: &str, text: &str) {
        self.0.insert(name.into(), text.into());
    }

    /// Writes the files where a bind mount can take them from.
    pub fn write(&self) -> Directory {
        let directory = Directory::new();
        for (name, text) in &self.0 {
            fs::write(directory.0.join(name), text).expect("a file for /etc");
        }
        // The dynamic linker's cache, where there is one: libraries are not part of the experiment.
        let _ = fs::copy("/etc/ld.so.cache", directory.0.join("ld.so.cache"));
        directory
    }
}

/// A temporary directory, removed when dropped.
pub struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lab-etc-{}-{number}", std::process::id()));
        fs::create_dir(&path).expect("a temporary directory");
        Directory(path)
    }

    /// As mount(2) wants it.
    pub fn c_path(&self) -> CString {
        CString::new(self.0.as_os_str().as_encoded_bytes()).expect("no NUL in a path")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
