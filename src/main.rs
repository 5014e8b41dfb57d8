//! The `imgbuild` command: all of it is in the library's `cli` room.

use std::process::ExitCode;

fn main() -> ExitCode {
    imgbuild::cli::main()
}
