//! The rules of CONTRIBUTING.md hold; its table of wings is what the sources are compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Names that a pure wing must not use. Types of `std::net` and `std::time` are values; `io::Error` is one, too.
const IMPURE: [&str; 15] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "io::Read",
    "io::Write",
    "io::BufRead",
    "io::std",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "socket2::",
    "nix::",
    "windows_sys::",
];

struct Source {
    /// Its path as a module: `output::csv` for src/output/csv.rs.
    module: String,
    path: PathBuf,
    /// Without comments and tests.
    code: String,
}

impl Source {
    /// The first step of its path.
    fn wing(&self) -> &str {
        first(&self.module)
    }
}

fn first(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut directories = vec![root().join("src")];
    let mut sources = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("src is there") {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                sources.extend(source(path));
            }
        }
    }
    assert!(sources.len() > 20, "src has more files than {}", sources.len());
    sources
}

/// `None` for what exists in tests only, and for the two faces of the crate.
fn source(path: PathBuf) -> Option<Source> {
    let stem = path.file_stem()?.to_str()?;
    if path.extension()? != "rs" || matches!(stem, "tests" | "samples" | "main" | "lib") {
        return None;
    }
    let steps = path.strip_prefix(root().join("src")).ok()?.with_extension("");
    let steps: Vec<&str> = steps.iter().filter_map(|step| step.to_str()).collect();
    let text = fs::read_to_string(&path).expect("UTF-8").replace("\r\n", "\n");
    let code = text.split("#[cfg(test)]\nmod tests {").next()?;
    let code = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    Some(Source { module: steps.join("::"), path, code })
}

/// Whether the wing is pure, and which others it may use (`None`: all), by its name.
type Rules = BTreeMap<String, (bool, Option<BTreeSet<String>>)>;

fn rules() -> Rules {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("CONTRIBUTING.md");
    let rows = text.lines().skip_while(|line| !line.starts_with("| wing | pure |")).skip(2);
    rows.take_while(|line| line.starts_with('|')).map(rule).collect()
}

fn rule(row: &str) -> (String, (bool, Option<BTreeSet<String>>)) {
    let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
    let [wing, pure, uses] = cells[..] else { panic!("three columns: {row}") };
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
    let uses = (uses != "everything").then(|| names(uses));
    (names(wing).into_iter().next().expect("a wing's name"), (pure == "yes", uses))
}

/// The paths that a source names as `crate::…` and `super::…`, without the items of a group.
fn named(source: &Source) -> BTreeSet<String> {
    assert!(!source.code.contains("crate::{"), "{}: write one use for each wing", source.path.display());
    let path = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_' && c != ':');
        text[..end.unwrap_or(text.len())].trim_end_matches(':').to_owned()
    };
    let absolute = source.code.split("crate::").skip(1).flat_map(grouped).map(|text| path(&text));
    let parent = source.module.rsplit_once("::").map_or("", |(parent, _)| parent).to_owned();
    let relative = source.code.split("super::").skip(1).flat_map(grouped).map(|text| path(&text));
    let relative = relative.map(|path| format!("{parent}::{path}").trim_matches(':').to_owned());
    absolute.chain(relative).filter(|path| !path.is_empty()).collect()
}

/// The paths of a `use` with a group: `net::{attempt, clock::now}` names two.
fn grouped(text: &str) -> Vec<String> {
    let end = text.find([';', '(', ' ', '<', ')', ',']).unwrap_or(text.len());
    match text.find("::{").filter(|&group| group < end) {
        Some(group) => {
            let (path, rest) = (&text[..group], &text[group + 3..]);
            let items = rest.split(';').next().unwrap_or_default().trim_end().trim_end_matches('}');
            items.split(',').map(|item| format!("{path}::{}", item.trim())).collect()
        }
        None => vec![text.to_owned()],
    }
}

/// The wings that a source names as `crate::…`, its own left out.
fn wings_used(source: &Source) -> BTreeSet<String> {
    let wings = source.code.split("crate::").skip(1).map(|path| {
        let end = path.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(path.len());
        path[..end].to_owned()
    });
    wings.filter(|wing| !wing.is_empty() && wing != source.wing()).collect()
}

#[test]
fn wings_use_those_that_the_table_allows() {
    let rules = rules();
    for source in &sources() {
        let Some(allowed) = &rules[source.wing()].1 else { continue };
        for other in wings_used(source) {
            // Items of the crate itself (macros) are no wings.
            assert!(!rules.contains_key(&other) || allowed.contains(&other), "{} uses {other}", source.path.display());
        }
    }
}

#[test]
fn every_permission_is_used() {
    let sources = sources();
    for (wing, (_, allowed)) in rules() {
        for other in allowed.into_iter().flatten() {
            let used = sources.iter().any(|source| source.wing() == wing && wings_used(source).contains(&other));
            assert!(used, "no file of {wing} uses {other}: take the permission back");
        }
    }
}

#[test]
fn every_row_is_a_wing() {
    let wings: BTreeSet<String> = sources().iter().map(|source| source.wing().to_owned()).collect();
    assert_eq!(rules().into_keys().collect::<BTreeSet<_>>(), wings);
}

/// A file and the one that holds it as a part are no two files in this sense: the parts share what the whole declares.
#[test]
fn no_two_files_import_each_other() {
    let sources = sources();
    let modules: BTreeSet<&str> = sources.iter().map(|source| source.module.as_str()).collect();
    let file = |path: &str| {
        let steps: Vec<&str> = path.split("::").collect();
        let prefixes = (1..=steps.len()).rev().map(|count| steps[..count].join("::"));
        prefixes.into_iter().find(|prefix| modules.contains(prefix.as_str()))
    };
    let imports: BTreeMap<&str, BTreeSet<String>> = sources
        .iter()
        .map(|source| (source.module.as_str(), named(source).iter().filter_map(|path| file(path)).collect()))
        .collect();
    let mut pairs = 0;
    for (&one, others) in &imports {
        for other in others.iter().filter(|other| !is_part(one, other) && !is_part(other, one)) {
            pairs += 1;
            let back = imports.get(other.as_str()).is_some_and(|back| back.contains(one));
            assert!(!back, "{one} and {other} import each other");
        }
    }
    assert!(pairs > 40, "only {pairs} imports were found");
}

fn is_part(module: &str, of: &str) -> bool {
    module == of || module.strip_prefix(of).is_some_and(|rest| rest.starts_with("::"))
}

#[test]
fn pure_wings_do_no_io() {
    let rules = rules();
    assert_eq!(rules.values().filter(|(pure, _)| *pure).count(), 5, "the table marks the pure wings");
    for source in sources().iter().filter(|source| rules[source.wing()].0) {
        for name in IMPURE {
            assert!(!source.code.contains(name), "{} names {name}", source.path.display());
        }
        // Numbers of codes are this system's own, from libc's constants; nothing else is taken from there.
        let constants = source.path.ends_with("codes/table.rs");
        assert!(constants || !source.code.contains("libc::"), "{} names libc", source.path.display());
    }
}

#[test]
fn the_clock_is_read_in_one_place() {
    for source in sources().iter().filter(|source| source.module != "net::clock") {
        assert!(
            !source.code.contains("Instant::now") && !source.code.contains("SystemTime::now"),
            "{}",
            source.path.display()
        );
    }
}

#[test]
fn unsafe_code_stands_below_sys() {
    let blocks =
        |code: &str| ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"].iter().any(|word| code.contains(word));
    let sources = sources();
    assert!(sources.iter().any(|source| blocks(&source.code)), "the platform layer has some");
    for source in sources.iter().filter(|source| !is_part(&source.module, "net::sys")) {
        assert!(!blocks(&source.code), "{}", source.path.display());
    }
}
