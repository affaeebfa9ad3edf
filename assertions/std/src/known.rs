//! Words of the run document: a misspelt one would fit nothing, and "none of it" would hold for nothing.

/// The word, when it is one of these.
///
/// # Errors
/// When it is none of them.
pub fn known(word: String, what: &str, words: &[&str]) -> Result<String, String> {
    if words.contains(&word.as_str()) {
        Ok(word)
    } else {
        Err(format!("`{word}` is no {what}; there are {}", words.join(", ")))
    }
}
