//! What `ignition` refuses, beside what the programs that know the rules say of it.

mod disks;
mod units;
