//! What `ignition` refuses, beside what the programs that know the rules say of it.

mod accounts;
mod base_files;
mod disks;
mod units;
