//! The README and the manual's topics: their specs are checked, their commands are run, their
//! links lead somewhere, and `imgbuild help` and `imgbuild man` show them.
//!
//! A block says by words after its language what the tests need to know:
//!
//! - `yaml` is a whole spec. With `fragment:NAME` it is merged over
//!   `tests/judges/pages/fragments/NAME.yaml`. With `file:NAME` it lies under that name for the
//!   commands after it. With `checks:NODE` it is a checks file for a node of that name.
//! - `sh` is run, in a folder with the files that pages name. With `needs:…` (see
//!   `commands::NEEDS`) its imgbuild commands are only parsed, and the files that they read must
//!   be there; that is said on standard error. What needs a base alone is run by the slow test.

mod commands;
mod folder;
mod help;
mod manual;
mod page;
mod specs;
