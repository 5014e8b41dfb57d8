//! Compiles the files below `configs/base/` into the program, so that a build of the base needs
//! only one binary.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let declared = root.join("configs/base");
    println!("cargo::rerun-if-changed={}", declared.display());
    let mut files = Vec::new();
    collect(&declared, &mut files)?;
    // As the names sort in the program, which searches the table; paths sort by component.
    files.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));

    let mut table = String::from("&[\n");
    for path in &files {
        let executable = fs::metadata(path)?.permissions().mode() & 0o100 != 0;
        let name = path.strip_prefix(&declared).expect("found below it");
        writeln!(
            table,
            "    DeclaredFile {{ path: {:?}, executable: {executable}, bytes: include_bytes!({:?}) }},",
            name.to_str().expect("names in the project are UTF-8"),
            path.to_str().expect("the project's path is UTF-8"),
        )
        .expect("writing to a string");
    }
    table.push_str("]\n");
    let output = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    fs::write(output.join("declared_files.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
