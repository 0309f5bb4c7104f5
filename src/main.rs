//! Arguments and standard streams in, exit code out.

#![cfg_attr(all(target_os = "linux", target_env = "gnu"), no_main)]

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn main() -> std::process::ExitCode {
    std::process::ExitCode::from(start())
}

/// The C library's entry. Rust's own would read /proc/self/maps and set up a signal stack to tell a stack overflow
/// from another fault: a tenth of the run time of a single probe. glibc hands the arguments to `std::env` by itself.
/// What else Rust's entry does is done by [`rconnect::internals::begin_process`].
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "the name that the C library calls")]
extern "C" fn main(_: i32, _: *const *const u8) -> i32 {
    rconnect::internals::begin_process();
    i32::from(start())
}

fn start() -> u8 {
    rconnect::internals::run(
        std::env::args_os(),
        &mut rconnect::internals::StandardOutput::default(),
        &mut std::io::stderr(),
    )
}
