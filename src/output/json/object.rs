//! Writes JSON: an object, key by key, straight into the caller's buffer.

use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

/// An object on its way into the buffer. A value that is `None` is null.
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Opens it.
    pub fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Object { out, empty: true }
    }

    /// Closes it.
    pub fn end(self) {
        self.out.push(b'}');
    }

    /// The key, and null unless there is a value.
    pub fn value<T>(&mut self, key: &str, value: Option<T>, put: impl FnOnce(T, &mut Vec<u8>)) {
        self.out.extend_from_slice(if std::mem::take(&mut self.empty) { b"\"" } else { b",\"" });
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        match value {
            Some(value) => put(value, self.out),
            None => self.out.extend_from_slice(b"null"),
        }
    }

    /// A word of ours: nothing in it needs an escape.
    pub fn word(&mut self, key: &str, word: impl Into<Option<&'static str>>) {
        self.value(key, word.into(), |word, out| quoted(out, |out| out.extend_from_slice(word.as_bytes())));
    }

    /// Text from outside.
    pub fn text<'t>(&mut self, key: &str, text: impl Into<Option<&'t str>>) {
        self.value(key, text.into(), escaped);
    }

    /// A truth that is always known.
    pub fn truth(&mut self, key: &str, value: bool) {
        self.answer(key, Some(value));
    }

    /// A truth that is not always known.
    pub fn answer(&mut self, key: &str, value: Option<bool>) {
        self.value(key, value, |value, out| out.extend_from_slice(if value { b"true" } else { b"false" }));
    }

    /// A number that is always known.
    pub fn number(&mut self, key: &str, number: impl Into<u64>) {
        self.measured(key, Some(number.into()));
    }

    /// A number that is not always known.
    pub fn measured(&mut self, key: &str, number: Option<u64>) {
        self.value(key, number, digits);
    }

    /// A number that may be negative.
    pub fn integer(&mut self, key: &str, number: Option<i32>) {
        self.value(key, number, |number, out| {
            out.extend((number < 0).then_some(b'-'));
            digits(u64::from(number.unsigned_abs()), out);
        });
    }

    /// What its `Display` says, in which nothing needs an escape.
    pub fn shown(&mut self, key: &str, value: impl fmt::Display) {
        self.value(key, Some(value), |value, out| quoted(out, |out| shown(value, out)));
    }

    /// An address of IP.
    pub fn ip(&mut self, key: &str, ip: impl Into<Option<IpAddr>>) {
        self.value(key, ip.into(), |address, out| quoted(out, |out| ip_address(address, out)));
    }

    /// An address without its port; the scope id, where there is one, as a number (RFC 4007 section 11.2).
    pub fn address(&mut self, key: &str, address: SocketAddr) {
        self.value(key, Some(address), |address, out| {
            quoted(out, |out| {
                ip_address(address.ip(), out);
                scope(address, out);
            });
        });
    }

    /// An address with its port.
    pub fn end_point(&mut self, key: &str, end: Option<SocketAddr>) {
        self.value(key, end, |end, out| {
            quoted(out, |out| match end {
                SocketAddr::V4(v4) => {
                    ip_address(end.ip(), out);
                    out.push(b':');
                    digits(v4.port().into(), out);
                }
                SocketAddr::V6(_) => shown(end, out),
            });
        });
    }

    /// An object inside this one.
    pub fn object<T>(&mut self, key: &str, value: Option<&T>, members: impl FnOnce(&T, &mut Object)) {
        self.value(key, value, |value, out| {
            let mut object = Object::begin(out);
            members(value, &mut object);
            object.end();
        });
    }

    /// A list of objects.
    pub fn list<T>(&mut self, key: &str, list: Option<&[T]>, members: impl Fn(&T, &mut Object)) {
        self.value(key, list, |list, out| {
            out.push(b'[');
            for (index, value) in list.iter().enumerate() {
                out.extend((index > 0).then_some(b','));
                let mut object = Object::begin(out);
                members(value, &mut object);
                object.end();
            }
            out.push(b']');
        });
    }
}

/// Text is appended as UTF-8.
struct Bytes<'a>(&'a mut Vec<u8>);

impl Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn quoted(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    put(out);
    out.push(b'"');
}

fn escaped(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        quoted(out, |out| out.extend_from_slice(text.as_bytes()));
    } else {
        serde_json::to_writer(out, text).expect("text has a JSON form");
    }
}

fn shown(value: impl fmt::Display, out: &mut Vec<u8>) {
    write!(Bytes(out), "{value}").expect("memory takes every byte");
}

fn digits(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return out.extend_from_slice(&digits[first..]);
        }
    }
}

fn ip_address(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(v4) => v4.octets().into_iter().enumerate().for_each(|(index, octet)| {
            out.extend((index > 0).then_some(b'.'));
            digits(octet.into(), out);
        }),
        IpAddr::V6(v6) => shown(v6, out),
    }
}

fn scope(address: SocketAddr, out: &mut Vec<u8>) {
    if let SocketAddr::V6(v6) = address
        && v6.scope_id() != 0
    {
        out.push(b'%');
        digits(v6.scope_id().into(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_all_their_digits() {
        for number in [0, 1, 9, 10, 255, 65_535, u64::MAX] {
            let mut out = Vec::new();
            digits(number, &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
        let mut out = Vec::new();
        Object::begin(&mut out).integer("n", Some(i32::MIN));
        assert_eq!(out, b"{\"n\":-2147483648");
    }
}
