//! The recipes of the README work. Each is a code block below `<!-- recipe: NAME -->`; the test runs that block in a
//! network namespace.
#![cfg(target_os = "linux")]

mod lab;
#[path = "support/temp.rs"]
mod temp;

use std::fs;
use std::path::Path;

use lab::{Command, Netns, Output, silence};
use temp::TempDir;

const RCONNECT: &str = env!("CARGO_BIN_EXE_rconnect");

fn here(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).to_str().expect("a plain path").into()
}

fn read(path: &str) -> String {
    fs::read_to_string(here(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The code block with this name.
fn recipe(name: &str) -> String {
    let readme = read("README.md");
    let mark = format!("<!-- recipe: {name} -->\n```");
    let (_, rest) = readme.split_once(&mark).unwrap_or_else(|| panic!("no recipe {name:?}"));
    let (_language, block) = rest.split_once('\n').expect("a block has lines");
    block.split_once("```\n").expect("a block ends").0.to_owned()
}

/// `sh -c SCRIPT` in a directory, with rconnect in the PATH.
fn shell(net: &Netns, directory: &TempDir, script: &str) -> Command {
    let programs = Path::new(RCONNECT).parent().expect("a directory").display();
    net.command("/bin/sh")
        .args(["-c", &format!("cd '{}' && {script}", directory.path(""))])
        .env("PATH", &format!("{programs}:/usr/bin:/bin"))
        .env("HOME", &directory.path(""))
}

/// The exec form of a command, `["/rconnect", …]`, after a word of the recipe.
fn exec_form(recipe: &str, word: &str) -> Vec<String> {
    let (_, array) = recipe.split_once(word).unwrap_or_else(|| panic!("{word:?} in {recipe}"));
    serde_json::from_str(array.lines().next().expect("a line")).expect("a JSON array of strings")
}

fn exec(net: &Netns, command: &[String]) -> Output {
    assert_eq!(command[0], "/rconnect");
    net.command(RCONNECT).args(&command[1..]).run()
}

/// Runs a health check with and without its service; whoever runs it needs these exit codes.
fn health_check(command: &[String], unhealthy: i32) {
    let net = Netns::new();
    let down = exec(&net, command);
    assert_eq!((down.code(), &*down.stdout), (unhealthy, ""), "{down:?}");
    let _service = net.listen("127.0.0.1:8080");
    let up = exec(&net, command);
    assert_eq!((up.code(), &*up.stdout), (0, ""), "{up:?}");
}

/// Docker: "0: success, 1: unhealthy, 2: reserved - do not use this exit code" (Dockerfile reference, HEALTHCHECK).
#[test]
fn a_healthcheck_of_docker_is_0_or_1() {
    health_check(&exec_form(&recipe("healthcheck"), "CMD "), 1);
}

/// Kubernetes: any exit code but 0 is a failure.
#[test]
fn an_exec_probe_of_kubernetes_fails_when_nothing_listens() {
    health_check(&exec_form(&recipe("liveness"), "command: "), 4);
}

#[test]
fn a_loop_ends_when_the_service_comes_up() {
    let net = Netns::new();
    let mut refusals = 2;
    let peer = net.tun(move |packet| match packet.port() {
        5432 if packet.is_syn() && refusals > 0 => {
            refusals -= 1;
            vec![packet.reset()]
        }
        5432 => vec![packet.syn_ack()],
        _ => silence(),
    });
    net.ip("route add 192.0.2.0/24 dev tun0");
    let run = shell(&net, &TempDir::new(), &recipe("until")).etc("hosts", "192.0.2.10 db.example\n").run();
    assert_eq!((run.code(), &*run.stdout, &*run.stderr), (0, "", ""));
    assert_eq!(peer.syns(5432), 3);
}

#[test]
fn a_nagios_plugin_has_the_codes_of_nagios() {
    let (net, directory) = (Netns::new(), TempDir::new());
    let plugin = directory.file("check_rconnect", &recipe("nagios"));
    let _service = net.listen("127.0.0.1:80");
    let check = |args: &str| {
        let run = shell(&net, &directory, &format!("sh '{plugin}' {args}")).run();
        let word = run.stdout.split(" - ").next().unwrap_or_default().to_owned();
        (run.code(), word)
    };
    assert_eq!(check("127.0.0.1 80"), (0, "OK".into()));
    assert_eq!(check("127.0.0.1 81"), (2, "CRITICAL".into()));
    assert_eq!(check("127.0.0.1 0"), (3, "UNKNOWN".into()));
}

/// Name, label and value of a sample in the text format of Prometheus: `name{target="…"} value`.
fn sample(line: &str) -> (String, String, f64) {
    let (name, rest) = line.split_once("{target=\"").unwrap_or_else(|| panic!("{line}"));
    let (target, value) = rest.split_once("\"} ").unwrap_or_else(|| panic!("{line}"));
    (name.to_owned(), target.to_owned(), value.parse().unwrap_or_else(|error| panic!("{error}: {line}")))
}

#[test]
fn the_textfile_of_prometheus_is_well_formed() {
    let (net, directory) = (Netns::new(), TempDir::new());
    let _service = net.listen("127.0.0.1:80");
    directory.file("targets.txt", "127.0.0.1:80,81\n[::1]:80\n");
    let run = shell(&net, &directory, &recipe("prometheus")).run();
    assert_eq!((run.code(), &*run.stderr), (0, ""));
    let samples: Vec<_> = directory.read("rconnect.prom").lines().map(sample).collect();
    assert_eq!(samples.len(), 9);
    assert!(samples.is_sorted_by_key(|(name, ..)| name.clone()), "the samples of a metric stand together: {samples:?}");
    let value = |name: &str, target: &str| {
        let found = samples.iter().find(|(metric, label, _)| metric == name && label == target);
        found.unwrap_or_else(|| panic!("{name} {target}: {samples:?}")).2
    };
    assert_eq!((value("rconnect_good", "127.0.0.1:80"), value("rconnect_exit_code", "127.0.0.1:80")), (1.0, 0.0));
    assert_eq!((value("rconnect_good", "127.0.0.1:81"), value("rconnect_exit_code", "127.0.0.1:81")), (0.0, 4.0));
    assert_eq!(value("rconnect_good", "[::1]:80"), 0.0);
    assert!((0.0..10.0).contains(&value("rconnect_elapsed_seconds", "[::1]:80")));
}

#[test]
fn completions_and_man_pages_are_installed_for_one_user() {
    let (net, home) = (Netns::new(), TempDir::new());
    let run = shell(&net, &home, &recipe("completions")).run();
    assert_eq!((run.code(), &*run.stdout, &*run.stderr), (0, "", ""));
    for (installed, committed) in [
        (".local/share/man/man1/rconnect.1", "man/rconnect.1"),
        (".local/share/man/man5/rconnect-output.5", "man/rconnect-output.5"),
        (".local/share/man/man7/rconnect-systems.7", "man/rconnect-systems.7"),
        (".local/share/bash-completion/completions/rconnect", "completions/rconnect.bash"),
        (".zfunc/_rconnect", "completions/_rconnect"),
        (".config/fish/completions/rconnect.fish", "completions/rconnect.fish"),
    ] {
        assert!(home.read(installed) == read(committed), "{installed}");
    }
}

/// compinit looks for completions once, in the fpath of that moment.
#[test]
fn zsh_finds_its_completion() {
    let (net, home) = (Netns::new(), TempDir::new());
    fs::create_dir(home.path(".zfunc")).expect("a directory");
    home.file(".zfunc/_rconnect", &read("completions/_rconnect"));
    home.file(".zshrc", &recipe("zshrc"));
    let run = shell(&net, &home, "zsh -ic 'print -r -- $_comps[rconnect]'").env("TERM", "dumb").run();
    assert_eq!(run.stdout, "_rconnect\n", "{run:?}");
}
