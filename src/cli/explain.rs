//! `imgbuild explain`

use crate::diagnostic::codes::{self, TABLE};

use super::outcome::Failure;

/// Explains `code`, or lists all codes.
pub fn run(code: Option<&str>) -> Result<(), Failure> {
    let Some(code) = code else {
        for explanation in TABLE {
            println!("{}  {}", explanation.code.0, explanation.title);
        }
        return Ok(());
    };
    let Some(explanation) = codes::explain(code) else {
        return Err(Failure::Usage(format!(
            "unknown diagnostic code `{code}`; `imgbuild explain` lists all of them"
        )));
    };
    print!("{explanation}");
    Ok(())
}
