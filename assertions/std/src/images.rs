//! Images in a request's body: texts that are data URLs of an image, or its base64 alone, as some protocols send it.

/// How the base64 of well-known kinds of images begins: PNG, JPEG, GIF, WebP.
const MARKS: [&str; 4] = ["iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR"];

/// A bare base64 text that is shorter is no image.
const SHORTEST: usize = 24;

/// The bytes of the image that a text is, if it is one.
pub fn images(text: &str) -> Option<u32> {
    let data = match text.strip_prefix("data:image/") {
        Some(url) => url.split_once(',')?.1,
        None if text.len() >= SHORTEST && MARKS.iter().any(|mark| text.starts_with(mark)) => text,
        None => return None,
    };
    let digits = data.trim_end_matches('=');
    let is_base64 = digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte));
    is_base64.then(|| (digits.len() as u64 * 3 / 4) as u32)
}

#[cfg(test)]
mod tests {
    use super::images;

    #[test]
    fn data_urls_and_bare_base64_are_images() {
        assert_eq!(images("data:image/png;base64,AAAA"), Some(3));
        assert_eq!(images("data:image/png;base64,AA=="), Some(1));
        assert_eq!(images("iVBORw0KGgoAAAANSUhEUgAAAAE="), Some(20));
        for text in ["data:text/plain,a", "an image", "iVBORw0KGgo", "/9j/ is how a JPEG begins, they say"] {
            assert_eq!(images(text), None, "{text}");
        }
    }
}
