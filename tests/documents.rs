//! The documents are true: generated files match the program, the man page has every option, the tables of the README
//! match the code, its examples run, the man pages are clean, completions complete.
//!
//! `RCONNECT_BLESS=1 cargo test --test documents` rewrites generated files and the output of examples instead.

#[cfg(target_os = "linux")]
mod lab;
#[path = "support/mask.rs"]
mod mask;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Arg, CommandFactory};
use rconnect::internals::{Args, exit};
use rconnect::model::Outcome;

const RCONNECT: &str = env!("CARGO_BIN_EXE_rconnect");

/// Generated files, and the word of `--generate` that makes each.
const GENERATED: [(&str, &str); 9] = [
    ("man", "man/rconnect.1"),
    ("man-output", "man/rconnect-output.5"),
    ("man-systems", "man/rconnect-systems.7"),
    ("bash", "completions/rconnect.bash"),
    ("zsh", "completions/_rconnect"),
    ("fish", "completions/rconnect.fish"),
    ("powershell", "completions/_rconnect.ps1"),
    ("elvish", "completions/rconnect.elv"),
    ("json-schema", "schema/rconnect-1.schema.json"),
];

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(here(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn blessed() -> bool {
    std::env::var_os("RCONNECT_BLESS").is_some()
}

/// A committed file is what it must be; or becomes it.
fn hold(path: &str, expected: &str) {
    let committed = fs::read_to_string(here(path)).unwrap_or_default();
    if committed == expected {
        return;
    }
    assert!(blessed(), "{path} is out of date: run RCONNECT_BLESS=1 cargo test --test documents");
    fs::write(here(path), expected).unwrap_or_else(|error| panic!("{path}: {error}"));
}

#[test]
fn generated_files_are_what_the_program_writes() {
    for (kind, path) in GENERATED {
        let output = Command::new(RCONNECT).args(["--generate", kind]).output().expect("rconnect runs");
        assert!(output.status.success() && output.stderr.is_empty(), "{kind}: {output:?}");
        hold(path, &String::from_utf8(output.stdout).expect("UTF-8"));
    }
}

/// Words of the manual that look like options, without fonts and escapes.
fn options_of_the_manual() -> BTreeSet<String> {
    let text = ["\\fB", "\\fI", "\\fR"].iter().fold(read("man/rconnect.1"), |text, font| text.replace(font, ""));
    let text = text.replace("\\-", "-");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| word.starts_with('-') && word.len() > 1).map(str::to_owned).collect()
}

/// Every spelling of an option, those that help does not show included.
fn spellings(arg: &Arg) -> Vec<String> {
    let shorts = arg.get_short().into_iter().chain(arg.get_all_short_aliases().into_iter().flatten());
    let longs = arg.get_long().into_iter().chain(arg.get_all_aliases().into_iter().flatten());
    shorts.map(|short| format!("-{short}")).chain(longs.map(|long| format!("--{long}"))).collect()
}

#[test]
fn the_manual_has_every_option_and_no_other() {
    let mut command = Args::command();
    command.build();
    let declared: BTreeSet<String> = command.get_arguments().flat_map(spellings).collect();
    let described = options_of_the_manual();
    assert_eq!(declared.difference(&described).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the manual");
    // The word -- alone stands before a COMMAND.
    let long = described.iter().filter(|word| word.len() > 2 && word.starts_with("--"));
    assert_eq!(long.filter(|word| !declared.contains(*word)).collect::<Vec<_>>(), Vec::<&String>::new(), "no options");
}

#[test]
fn the_changelogs_have_this_version() {
    let heading = concat!("\n## [", env!("CARGO_PKG_VERSION"), "] - ");
    assert!(read("CHANGELOG.md").contains(heading), "no heading {heading:?}");
    let entry = concat!("rconnect (", env!("CARGO_PKG_VERSION"), "-1) ");
    assert!(read("packaging/debian/changelog").starts_with(entry), "the first entry is not {entry:?}");
}

/// The README with each block `<!-- generated: NAME -->` … `<!-- end -->` filled.
fn with_tables(text: &str) -> String {
    const BEGIN: &str = "<!-- generated: ";
    let mut parts = text.split(BEGIN);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(" -->\n").expect("a mark ends with -->");
        let (_, after) = rest.split_once("<!-- end -->").expect("a generated block has an end");
        filled += &format!("{BEGIN}{name} -->\n{}<!-- end -->{after}", table(name));
    }
    filled
}

fn table(name: &str) -> String {
    match name {
        "outcomes" => {
            let row =
                |&outcome: &Outcome| format!("| `{outcome}` | {} | {} |\n", outcome.meaning(), exit::class(outcome));
            "| outcome | meaning | exit code |\n|---|---|---|\n".to_owned()
                + &Outcome::ALL.iter().map(row).collect::<String>()
        }
        "exit-codes" => {
            let rows = exit::TABLE.iter().map(|row| format!("| {} | {} |\n", row.code, row.meaning));
            "| exit code | meaning |\n|---|---|\n".to_owned() + &rows.collect::<String>()
        }
        other => panic!("README.md has a block {other:?} that nothing generates"),
    }
}

#[cfg(not(target_os = "linux"))]
#[test]
fn tables_of_the_readme_are_those_of_the_code() {
    hold("README.md", &with_tables(&read("README.md")));
}

#[test]
fn the_readme_names_the_oldest_compiler() {
    assert!(read("README.md").contains(&format!("Rust {} or newer", env!("CARGO_PKG_RUST_VERSION"))));
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::Write;

    use super::*;
    use crate::lab::{Answer, Listener, Netns, Packet, TunPeer, silence};

    /// The far side of the README's network: two routers, the second of which forbids one server, servers, and silence.
    fn answer(packet: &Packet) -> Vec<Answer> {
        match (packet.destination.to_string().as_str(), packet.port(), packet.ttl()) {
            (.., 1) => vec![packet.icmp(11, 0).from("203.0.113.1")],
            ("192.0.2.20", ..) => vec![packet.icmp(3, 13).from("198.51.100.1")],
            ("192.0.2.82" | "192.0.2.83", ..) => vec![packet.icmp(3, 1).from("198.51.100.1")],
            (.., 2) => vec![packet.icmp(11, 0).from("198.51.100.1")],
            // A SYN proxy in front of a server that is down.
            ("192.0.2.30", 443, _) if packet.is_syn() => vec![packet.syn_ack().window(0)],
            ("192.0.2.10", 5432, _) | ("192.0.2.80", 80 | 443, _) => vec![packet.syn_ack()],
            ("192.0.2.10" | "192.0.2.80" | "192.0.2.81", ..) if packet.is_syn() => vec![packet.reset()],
            _ => silence(),
        }
    }

    /// The names of the README.
    const HOSTS: &str = "\
127.0.0.1 localhost
::1 localhost
192.0.2.10 db.example
192.0.2.20 db.example
2001:db8::80 www.example
192.0.2.80 www.example
";

    /// The network of the README.
    struct Readme {
        net: Netns,
        _peer: TunPeer,
        _servers: Vec<Listener>,
    }

    impl Readme {
        fn new() -> Readme {
            let net = Netns::new();
            let peer = net.tun(answer);
            net.ip("route add 192.0.2.0/24 dev tun0\naddress add 2001:db8::1/64 dev tun0 nodad");
            net.await_addresses();
            let mut greeted = Vec::new();
            let greeting = move |mut client: socket2::Socket| {
                // A client that has gone does not care.
                let _ = client.write_all(b"220 mail.example ESMTP\r\n");
                greeted.push(client);
            };
            let servers = vec![
                net.listen("127.0.0.1:22"),
                net.listen("[::1]:22"),
                net.accept_with("127.0.0.1:2525", greeting),
                net.accept_with("127.0.0.1:8443", drop),
                net.udp_echo("127.0.0.1:7"),
            ];
            Readme { net, _peer: peer, _servers: servers }
        }

        /// What a terminal would show.
        fn run(&self, command: &str) -> String {
            let programs = Path::new(RCONNECT).parent().expect("a directory").display();
            let output = self
                .net
                .command("/bin/sh")
                .args(["-c", &format!("exec 2>&1; {command}")])
                .env("PATH", &format!("{programs}:/usr/bin:/bin"))
                .etc("hosts", HOSTS)
                .run();
            output.stdout
        }
    }

    /// The README with what its examples write: `$ command` lines of its console blocks, each with the lines below it.
    /// What differs in times alone is left as it is.
    fn with_outputs(text: &str) -> String {
        let readme = Readme::new();
        let mut parts = text.split("```console\n");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (block, after) = part.split_once("```\n").expect("a console block ends");
            filled += "```console\n";
            for example in block.split("$ ").skip(1) {
                let (command, committed) = example.split_once('\n').expect("a command is a line");
                let output = readme.run(command);
                let same = mask::text(&output) == mask::text(committed);
                filled += &format!("$ {command}\n{}", if same { committed } else { &output });
            }
            filled += &format!("```\n{after}");
        }
        filled
    }

    #[test]
    fn tables_and_examples_of_the_readme_are_true() {
        hold("README.md", &with_outputs(&with_tables(&read("README.md"))));
    }

    /// A program of this machine, with little in its environment; whether it succeeded, and what it wrote.
    fn tool(program: &str, args: &[&str]) -> (bool, String) {
        let installed = |directory: &&str| Path::new(directory).join(program).exists();
        assert!(["/usr/bin", "/bin"].iter().any(installed), "{program} is missing; .ci/test installs it");
        let environment =
            [("HOME", env!("CARGO_TARGET_TMPDIR")), ("LC_ALL", "C.UTF-8"), ("TERM", "dumb"), ("MANWIDTH", "80")];
        let command = Netns::new().command(program).args(args).path();
        let run = environment.iter().fold(command, |command, (name, value)| command.env(name, value)).run();
        (run.status.success(), run.stdout + &run.stderr)
    }

    /// Man pages, and headings that readers look for.
    const PAGES: [(&str, &[&str]); 3] = [
        ("man/rconnect.1", &["NAME", "SYNOPSIS", "TARGETS", "OPTIONS", "OUTCOMES", "EXIT STATUS", "ERRORS", "LIMITS"]),
        ("man/rconnect-output.5", &["NAME", "SYNOPSIS", "JSON", "CSV", "SEE ALSO"]),
        ("man/rconnect-systems.7", &["NAME", "SYNOPSIS", "DESCRIPTION", "ROWS", "SEE ALSO"]),
    ];

    #[test]
    fn man_pages_are_clean() {
        for (page, _) in PAGES {
            assert_eq!(tool("mandoc", &["-T", "lint", "-W", "warning", page]), (true, String::new()));
        }
    }

    #[test]
    fn man_pages_are_shown_within_80_columns() {
        for (page, headings) in PAGES {
            let (shown, text) = tool("man", &["--warnings", "-l", page]);
            assert!(shown && !text.contains("warning"), "{text}");
            let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
            assert_eq!(wide, Vec::<&str>::new(), "{page}");
            headings.iter().for_each(|heading| assert!(text.lines().any(|line| line == *heading), "{heading}\n{text}"));
        }
    }

    /// What is typed, and what one press of the key makes of it.
    const COMPLETED: [(&str, &str); 10] = [
        ("--stra", "--strategy"),
        ("--strategy f", "first"),
        ("--generate json", "json-schema"),
        ("--generate man-o", "man-output"),
        ("--require all --fail", "--fail-on-icmp"),
        ("--require e", "each-family"),
        ("--dscp af43", "af43"),
        ("--explain ECONNREF", "ECONNREFUSED"),
        ("-I l", "lo"),
        ("localho", "localhost"),
    ];

    /// Calls the function that bash would call, with the variables that it would find.
    const BASH: &str = r#"
source /usr/share/bash-completion/bash_completion
source completions/rconnect.bash
read -ra COMP_WORDS <<<"$1"
[[ $1 != *' ' ]] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$1 COMP_POINT=${#1}
[[ $(complete -p rconnect) =~ -F\ ([^ ]+) ]] || exit
"${BASH_REMATCH[1]}" rconnect "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

    /// After a host nothing is typed for the user, least of all a hyphen.
    #[test]
    fn bash_offers_options_only_after_a_hyphen() {
        for line in ["rconnect ", "rconnect localhost "] {
            let (done, text) = tool("bash", &["--norc", "--noprofile", "-c", BASH, "shell", line]);
            assert!(done && text.contains("localhost"), "{line}: {text}");
            assert!(!text.lines().any(|word| word.starts_with('-')), "{line}: {text}");
        }
    }

    /// The completion system of zsh works in an interactive shell only, so this types into one, on a terminal.
    const ZSH: &str = r#"
zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner 'fpath=($PWD/completions $fpath); autoload -Uz compinit; compinit -u -D'
zpty -w inner 'show() { zle complete-word; print -rn -- $'"'\\1'"'${${(z)BUFFER}[-1]}'"\$'\\1'"' }'
zpty -w inner 'zle -N show; bindkey "^T" show'
zpty -n -w inner "$1"$'\C-t'
zpty -r inner answer $'*\1*\1*'
print -r -- ${${answer#*$'\1'}%$'\1'*}
zpty -d inner
"#;

    /// Runs a script of a shell with the line `rconnect TYPED` as its argument.
    fn complete(shell: &str, options: &[&str], script: &str) {
        for (typed, word) in COMPLETED {
            let line = format!("rconnect {typed}");
            let args = [options, &["-c", script, "shell", &line]].concat();
            let (done, text) = tool(shell, &args);
            assert!(done && text.trim_end().trim_end_matches('=') == word, "{shell} makes of {typed:?}: {text:?}");
        }
    }

    #[test]
    fn bash_completes() {
        complete("bash", &["--norc", "--noprofile"], BASH);
    }

    #[test]
    fn zsh_completes() {
        complete("zsh", &["-f"], ZSH);
    }

    #[test]
    fn fish_completes() {
        for (typed, word) in COMPLETED {
            let script = format!("source completions/rconnect.fish; complete -C 'rconnect {typed}'");
            let (done, text) = tool("fish", &["--no-config", "-c", &script]);
            let offered: Vec<&str> = text.lines().filter_map(|line| line.split('\t').next()).collect();
            assert!(done && offered == [word], "fish makes of {typed:?}: {text:?}");
        }
    }
}
