//! Runs the Windows program, and reads what it reports.

// Each test binary compiles all of this and uses its part of it.
#![allow(dead_code)]

use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};

/// Whether Wine runs this, and not Windows.
pub fn under_wine() -> bool {
    let library: Vec<u16> = "ntdll.dll\0".encode_utf16().collect();
    // SAFETY: both names end with NUL; ntdll is in every process.
    #[allow(unsafe_code, reason = "the way that Wine documents")]
    unsafe { GetProcAddress(GetModuleHandleW(library.as_ptr()), c"wine_get_version".as_ptr().cast()) }.is_some()
}

/// The program with these arguments, its streams in pipes.
pub fn command(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rconnect"));
    command.args(args.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it reported, once the exit code and the report agree.
pub fn report(output: &Output) -> Value {
    assert!(output.stderr.is_empty(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(report["exit_code"], output.status.code().expect("an exit code"), "{report:#}");
    report
}

/// The report on one target.
pub fn probe(args: &str) -> Value {
    report(&command(&format!("--json {args}")).output().expect("the program runs"))
}

/// `outcome cause by phase WINSOCK_NAME number`, a dash for null.
pub fn verdict(args: &str) -> String {
    verdict_of(&probe(args))
}

/// The same of a report that is there.
pub fn verdict_of(report: &Value) -> String {
    let attempts = report["attempts"].as_array().expect("attempts");
    let (what, error) = match &attempts[..] {
        [] => (&report["resolve"], &report["resolve"]["error"]),
        [attempt] => (attempt, &attempt["error"]),
        _ => panic!("one address is expected: {report:#}"),
    };
    let outcome = if attempts.is_empty() { &report["outcome"] } else { &what["outcome"] };
    let fields = [outcome, &what["cause"], &what["by"], &what["phase"], &error["winsock_name"]];
    let words = fields.map(|field| field.as_str().unwrap_or("-")).join(" ");
    let number = error["winsock_number"].as_i64().map_or("-".into(), |number| number.to_string());
    format!("{words} {number}")
}

/// Asks each of the first, all at the same time, and expects the second.
pub fn hold(rows: &[(&str, &str)]) {
    thread::scope(|scope| {
        for &(args, expected) in rows {
            scope.spawn(move || assert_eq!(verdict(args), expected, "{args}"));
        }
    });
}

/// Both ways to call connect(); the step that tells differs, the verdict does not.
pub fn hold_in_both_modes(rows: &[(&str, &str)]) {
    hold(rows);
    let blocking = rows.iter().map(|(args, expected)| {
        let expected = if expected.contains("-limit") {
            expected.to_string()
        } else {
            expected.replace("completion W", "connect W")
        };
        (format!("-m blocking {args}"), expected)
    });
    let blocking: Vec<(String, String)> = blocking.collect();
    hold(&blocking.iter().map(|(args, expected)| (&args[..], &expected[..])).collect::<Vec<_>>());
}
