//! An error as it is written down: with everything that led to it.

use std::error::Error;
use std::fmt;

/// An error and its causes, down to the first, in one line.
#[derive(Clone, Copy, Debug)]
pub struct Causes<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            let says = cause.to_string();
            // Errors that only pass another on say the same.
            if says != said {
                write!(f, ": {says}")?;
                said = says;
            }
            next = cause.source();
        }
        Ok(())
    }
}
