//! How many random cases the tests in here try.

/// So many, times what `FKFIX_CASES` says.
pub fn cases(number: u32) -> u32 {
    let times = std::env::var("FKFIX_CASES").ok();
    number * times.map_or(1, |times| times.parse().unwrap_or(1))
}
