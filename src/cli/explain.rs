//! `imgbuild explain`

use crate::diagnostic::codes::TABLE;
use crate::ops;

use super::outcome::Failure;
use super::stdout::print;

/// Explains `code`, or lists all codes.
pub fn run(code: Option<&str>) -> Result<(), Failure> {
    let Some(code) = code else {
        let lines = TABLE.iter();
        let lines = lines.map(|explained| format!("{}  {}\n", explained.code.0, explained.title));
        print(lines.collect::<String>())?;
        return Ok(());
    };
    let Some(explanation) = ops::explain(code) else {
        return Err(Failure::Usage(format!(
            "unknown diagnostic code `{code}`; `imgbuild explain` lists all of them"
        )));
    };
    print(explanation.to_string())?;
    Ok(())
}
