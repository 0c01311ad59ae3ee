//! Telling a person what went wrong.

use std::error::Error;
use std::io::{self, Write};

/// Writes an error and its causes in one line.
pub(super) fn tell(error: &dyn Error, err: &mut dyn Write) -> io::Result<()> {
    write!(err, "{error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(err, ": {error}")?;
        cause = error.source();
    }
    writeln!(err)
}
