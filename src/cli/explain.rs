//! `imgbuild explain`

use crate::diagnostic::codes::{self, TABLE};

use super::outcome::Failure;

/// Says more about `code`, or lists all codes.
pub fn run(code: Option<&str>) -> Result<(), Failure> {
    let Some(code) = code else {
        for explanation in TABLE {
            println!("{}  {}", explanation.code.0, explanation.title);
        }
        return Ok(());
    };
    let Some(explanation) = codes::explain(code) else {
        return Err(Failure::Usage(format!(
            "there is no diagnostic `{code}`; `imgbuild explain` lists all"
        )));
    };
    println!(
        "{}: {}\n\n{}",
        explanation.code.0,
        explanation.title,
        explanation.text.trim_end()
    );
    if !explanation.example.is_empty() {
        println!("\nExample:");
        for line in explanation.example.trim_end().lines() {
            println!("    {line}");
        }
    }
    Ok(())
}
