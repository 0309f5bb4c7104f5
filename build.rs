//! Links the unwinder into the program instead of loading libgcc_s.so.1 at every start, which costs a tenth of the run
//! time of a single probe. Where gcc is not the linker, or cannot say where its library is, nothing changes.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(directory) = unwinder() {
        println!("cargo::rustc-link-search=native={directory}");
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// The directory of libgcc_eh.a, for a dynamic build on and for Linux with glibc.
fn unwinder() -> Option<String> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let native = variable("HOST") == variable("TARGET");
    let glibc = variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu";
    let fixed = variable("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    if !native || !glibc || fixed {
        return None;
    }
    let answer = Command::new("gcc").arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let path = String::from_utf8(answer.stdout).ok()?;
    // A gcc that does not have the library repeats the bare name.
    let directory = Path::new(path.trim()).parent()?.to_str()?;
    (!directory.is_empty()).then(|| directory.to_string())
}
