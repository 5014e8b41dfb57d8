//! Specs, and what other programs say of them, of what they name and of who reads them.

mod programs;
mod schema;
