//! Tables that a person reads.

use std::io::{self, Write};

/// Writes rows below each other, the first of which says what the columns are.
pub(super) fn write<const N: usize>(rows: &[[String; N]], out: &mut dyn Write) -> io::Result<()> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    for row in rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_and_lines_end_where_they_end() {
        let rows = [["TAG", "BY"], ["ä-long-one", "-"], ["1", "somebody"]].map(|row| row.map(str::to_owned));
        let mut out = Vec::new();
        write(&rows, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "TAG         BY\nä-long-one  -\n1           somebody\n");
    }
}
