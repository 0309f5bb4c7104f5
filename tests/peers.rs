//! Real servers as users have them, probed in a namespace of their own.
//!
//! Debian's packages nginx-light and openssh-server must be installed; a server that is missing fails its test.
#![cfg(target_os = "linux")]

mod lab;
mod support;
#[path = "support/temp.rs"]
mod temp;

use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use lab::*;
use serde_json::json;
use support::{Run, rconnect};
use temp::TempDir;

/// Both families of this machine under one name.
const HOSTS: &str = "127.0.0.1 server.test\n::1 server.test\n";

fn require(program: &str, package: &str) {
    assert!(Path::new(program).exists(), "this test needs {program}: install Debian's package {package}");
}

/// What the server says to a client that says nothing, in both families.
fn hold(net: &Netns, port: u16) -> String {
    let said = ["127.0.0.1", "::1"].map(|address| {
        let run = Run::of(rconnect(net, &format!("--hold 2s {address} {port}")).nobody());
        assert_eq!(run.one().verdict(), "connected - - hold -");
        run.one().0["hold"]["received"].as_str().expect("text").to_owned()
    });
    assert_eq!(said[0], said[1]);
    said[0].clone()
}

/// Waits until a server that was started listens in both families.
#[allow(clippy::disallowed_methods, reason = "asks whether the server is there; nothing is tested with it")]
fn await_port(net: &Netns, port: u16) {
    let listens = |address: &str| net.enter(|| TcpStream::connect((address, port)).is_ok());
    for address in ["127.0.0.1", "::1"] {
        let there = (0..1000).any(|_| {
            listens(address) || {
                thread::sleep(Duration::from_millis(10));
                false
            }
        });
        assert!(there, "nothing listens on {address} port {port}");
    }
}

/// Probes by name and by both numbers, in both modes, with a plain close and with a reset; each must connect.
fn probe_every_way(net: &Netns, port: u16) {
    for mode in ["nonblocking", "blocking"] {
        for close in ["", "--reset-on-close"] {
            let run = |host: &str| {
                let args = format!("-m {mode} {close} --require all {host} {port}");
                Run::of(rconnect(net, &args).etc("hosts", HOSTS).nobody())
            };
            for literal in ["127.0.0.1", "::1"] {
                let run = run(literal);
                assert_eq!((run.output.code(), &run.one().0["outcome"]), (0, &json!("connected")), "{mode} {close}");
                assert!(run.one().0["rtt_us"].is_u64(), "{run:?}");
            }
            let name = run("server.test");
            let tried: Vec<_> = name.targets[0]["attempts"].as_array().unwrap().iter().map(|a| &a["address"]).collect();
            assert_eq!((name.output.code(), &name.targets[0]["good"]), (0, &json!(true)));
            assert_eq!(tried.len(), 2, "{tried:?}");
        }
    }
}

#[test]
fn nginx_is_connected_and_has_nothing_to_complain_of() {
    require("/usr/sbin/nginx", "nginx-light");
    let (net, dir) = (Netns::new(), TempDir::new());
    let root = dir.0.display();
    let config = dir.file(
        "nginx.conf",
        &format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log info;
             events {{}}
             http {{
               access_log {root}/access.log;
               client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;
               uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
               server {{ listen 127.0.0.1:8080; listen [::1]:8080; return 204; }}
             }}"
        ),
    );
    let server = net.command("/usr/sbin/nginx").args(["-e", &dir.path("error.log"), "-c", &config]).start();
    await_port(&net, 8080);
    probe_every_way(&net, 8080);
    assert_eq!(hold(&net, 8080), "", "it waits for a request");
    let closed = Run::of(rconnect(&net, "server.test 8081").etc("hosts", HOSTS));
    assert_eq!((closed.output.code(), &closed.targets[0]["outcome"]), (4, &json!("refused")));
    server.signal(Signal::SIGQUIT);
    assert_eq!(server.wait().code(), 0);
    let log = dir.read("error.log");
    for level in ["[warn]", "[error]", "[crit]", "[alert]", "[emerg]"] {
        assert!(!log.contains(level), "{log}");
    }
    assert_eq!(dir.read("access.log"), "", "a probe asks for nothing");
}

#[test]
fn sshd_is_connected() {
    require("/usr/sbin/sshd", "openssh-server");
    require("/usr/bin/ssh-keygen", "openssh-client");
    let (net, dir) = (Netns::new(), TempDir::new());
    let key = dir.path("key");
    let made = net.command("/usr/bin/ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).path().run();
    assert!(made.status.success(), "{made:?}");
    let config = dir.file(
        "sshd_config",
        &format!(
            "ListenAddress 127.0.0.1:2222\nListenAddress [::1]:2222\nHostKey {key}\nPidFile none\nUsePAM no\n\
             StrictModes no\nMaxStartups 1000\nLogLevel VERBOSE\n"
        ),
    );
    // sshd wants a directory for its privilege separation; here it has a /run of its own.
    let script = format!("mount -t tmpfs none /run && mkdir /run/sshd && exec /usr/sbin/sshd -D -e -f {config}");
    let server = net.command("/usr/bin/unshare").args(["-m", "/bin/sh", "-c", &script]).path().start();
    await_port(&net, 2222);
    probe_every_way(&net, 2222);
    let banner = hold(&net, 2222);
    assert!(banner.starts_with("SSH-2.0-OpenSSH") && banner.ends_with("\r\n"), "{banner}");
    server.signal(Signal::SIGTERM);
    let log = server.wait().stderr;
    assert!(log.contains("Connection from ::1 ") && log.contains("Connection from 127.0.0.1 "), "{log}");
    assert!(!log.contains("fatal:"), "{log}");
}
