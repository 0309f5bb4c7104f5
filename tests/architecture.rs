//! The rules of CONTRIBUTING.md hold; its table of imports is what the sources are compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What a pure module must not name. Types of `std::net` and `std::time` are values; `io::Error` is one, too.
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
    /// The first step of its path: `report` for src/report/csv.rs.
    module: String,
    path: PathBuf,
    /// Without comments and tests.
    code: String,
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

/// `None` for what exists in tests only.
fn source(path: PathBuf) -> Option<Source> {
    let stem = path.file_stem()?.to_str()?;
    if path.extension()? != "rs" || matches!(stem, "tests" | "samples" | "main") {
        return None;
    }
    let first = path.strip_prefix(root().join("src")).ok()?.components().next()?;
    let module = first.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
    let text = fs::read_to_string(&path).expect("UTF-8").replace("\r\n", "\n");
    let code = text.split("#[cfg(test)]\nmod tests {").next()?;
    let code = code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    Some(Source { module, path, code })
}

/// Whether the module is pure, and which others it may use (`None`: all), by its name.
type Rules = BTreeMap<String, (bool, Option<BTreeSet<String>>)>;

fn rules() -> Rules {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("CONTRIBUTING.md");
    let rows = text.lines().skip_while(|line| !line.starts_with("| module | pure |")).skip(2);
    rows.take_while(|line| line.starts_with('|')).map(rule).collect()
}

fn rule(row: &str) -> (String, (bool, Option<BTreeSet<String>>)) {
    let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
    let [module, pure, uses] = cells[..] else { panic!("three columns: {row}") };
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
    let uses = (uses != "everything").then(|| names(uses));
    (names(module).into_iter().next().expect("a module's name"), (pure == "yes", uses))
}

/// The modules that a source names as `crate::…`.
fn used(source: &Source) -> BTreeSet<String> {
    assert!(!source.code.contains("crate::{"), "{}: write one use for each module", source.path.display());
    let paths = source.code.split("crate::").skip(1);
    let names = paths.map(|path| path.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap_or_default());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn modules_use_those_that_the_table_allows() {
    let rules = rules();
    for source in sources() {
        let (_, allowed) = rules.get(&source.module).unwrap_or_else(|| panic!("{} has no row", source.module));
        let Some(allowed) = allowed else { continue };
        for other in used(&source).into_iter().filter(|other| *other != source.module) {
            // Names at the root of the crate are those of lib itself, or of a macro.
            let a_module = rules.contains_key(&other);
            assert!(!a_module || allowed.contains(&other), "{} uses {other}", source.path.display());
        }
    }
}

#[test]
fn every_row_is_a_module() {
    let modules: BTreeSet<String> = sources().into_iter().map(|source| source.module).collect();
    assert_eq!(rules().into_keys().collect::<BTreeSet<_>>(), modules);
}

#[test]
fn pure_modules_do_no_io() {
    let rules = rules();
    assert!(rules.values().filter(|(pure, _)| *pure).count() > 8, "the table marks pure modules");
    for source in sources().iter().filter(|source| rules[&source.module].0) {
        for name in IMPURE {
            assert!(!source.code.contains(name), "{} names {name}", source.path.display());
        }
        // Numbers of codes are this system's own, from libc's constants; nothing else is taken from there.
        let constants = source.path.ends_with("taxonomy/table.rs");
        assert!(constants || !source.code.contains("libc::"), "{} names libc", source.path.display());
    }
}

#[test]
fn the_clock_is_read_in_one_place() {
    for source in sources().iter().filter(|source| source.module != "clock") {
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
    for source in sources.iter().filter(|source| source.module != "sys") {
        assert!(!blocks(&source.code), "{}", source.path.display());
    }
}
