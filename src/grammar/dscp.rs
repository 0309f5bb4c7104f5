//! Differentiated services code points by name.

/// A differentiated services code point, 0 to 63.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dscp(pub u32);

/// Every name that [`parse`] reads.
#[rustfmt::skip]
pub const NAMES: [&str; 27] = [
    "cs0", "cs1", "cs2", "cs3", "cs4", "cs5", "cs6", "cs7",
    "af11", "af12", "af13", "af21", "af22", "af23", "af31", "af32", "af33", "af41", "af42", "af43",
    "ef", "va", "voice-admit", "le", "be", "default", "df",
];

/// RFC 4594 table 3, RFC 5865 (VOICE-ADMIT), RFC 8622 (LE).
///
/// # Errors
/// What would be right.
pub fn parse(text: &str) -> Result<Dscp, String> {
    let name = text.to_ascii_lowercase();
    let digit = |index: usize| name.as_bytes().get(index).map(|&b| u32::from(b.wrapping_sub(b'0')));
    let value = match (name.as_str(), name.len()) {
        ("default" | "be" | "df", _) => Some(0),
        ("le", _) => Some(1),
        ("ef", _) => Some(46),
        ("va" | "voice-admit", _) => Some(44),
        (cs, 3) if cs.starts_with("cs") => digit(2).filter(|class| *class < 8).map(|class| class * 8),
        (af, 4) if af.starts_with("af") => match (digit(2), digit(3)) {
            (Some(class @ 1..=4), Some(drop @ 1..=3)) => Some(class * 8 + drop * 2),
            _ => None,
        },
        _ => name.parse().ok().filter(|value: &u32| *value < 64 && value.to_string() == name),
    };
    value.map(Dscp).ok_or_else(|| "expected cs0 to cs7, af11 to af43, ef, va, le, be or a number from 0 to 63".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_have_the_standards_values() {
        let value = |name: &str| parse(name).map(|d| d.0).ok();
        assert_eq!(value("EF"), Some(46));
        assert_eq!(value("af41"), Some(34));
        assert_eq!(value("cs6"), Some(48));
        assert_eq!(value("le"), Some(1));
        assert_eq!(value("63"), Some(63));
        assert_eq!(value("64"), None);
        assert_eq!(value("+5"), None);
        assert_eq!(value("05"), None);
        assert_eq!(value("af44"), None);
        assert_eq!(value("af51"), None);
        assert_eq!(value("cs8"), None);
        assert!(NAMES.iter().all(|name| parse(name).is_ok()));
    }
}
