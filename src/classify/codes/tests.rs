//! The table against the documents, and against this system.

use std::collections::HashSet;

use super::*;

fn named(name: &str) -> &'static Row {
    TABLE.iter().find(|row| row.name.as_str() == name).unwrap_or_else(|| panic!("no row {name}"))
}

#[test]
fn every_row_is_complete() {
    for row in TABLE {
        assert!(!row.meaning.is_empty() && !row.advice.is_empty() && !row.phases.is_empty(), "{}", row.name);
        assert_eq!(row.winsock_name.is_some(), row.winsock_number.is_some(), "{}", row.name);
        assert!(!row.nearest || row.winsock_name.is_some(), "{}", row.name);
        assert!(row.numbers.iter().next().is_some() != (row.vocabulary == Vocabulary::Winsock), "{}", row.name);
        let resolver = row.vocabulary == Vocabulary::Resolver;
        assert_eq!(row.name.as_str().starts_with("EAI_"), resolver, "{}", row.name);
        assert!(!resolver || (row.phases == [Phase::Resolve] && row.outcome == Outcome::Unresolved), "{}", row.name);
        for line in [Some(row.meaning), Some(row.advice), row.note].into_iter().flatten() {
            assert!(!line.contains('\n') && !line.ends_with('.') && line == line.trim(), "{line:?}");
        }
    }
}

#[test]
fn no_name_and_no_number_is_there_twice() {
    let mut seen = HashSet::new();
    for row in TABLE {
        assert!(seen.insert(row.name.as_str()), "{}", row.name);
        assert!(row.alias.is_none_or(|alias| seen.insert(alias)), "{:?}", row.alias);
    }
    let exact = |resolver: bool| {
        let of_kind = move |row: &&Row| (row.vocabulary == Vocabulary::Resolver) == resolver && !row.nearest;
        TABLE.iter().filter(of_kind).filter_map(|row| row.winsock_number)
    };
    for resolver in [false, true] {
        let numbers: Vec<_> = exact(resolver).collect();
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len());
    }
    for vocabulary in [Vocabulary::Posix, Vocabulary::Resolver] {
        let rows = || TABLE.iter().filter(move |row| row.vocabulary == vocabulary);
        for &system in System::ALL {
            let numbers: Vec<_> = rows().filter_map(|row| row.numbers.on(system)).collect();
            assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), numbers.len(), "{vocabulary} {system}");
        }
    }
}

/// The tables of error codes on Microsoft's pages of connect() and WSAConnect(), in their order.
#[test]
fn every_code_of_both_pages_is_there() {
    let connect = "WSANOTINITIALISED WSAENETDOWN WSAEADDRINUSE WSAEINTR WSAEINPROGRESS WSAEALREADY WSAEADDRNOTAVAIL
        WSAEAFNOSUPPORT WSAECONNREFUSED WSAEFAULT WSAEINVAL WSAEISCONN WSAENETUNREACH WSAEHOSTUNREACH WSAENOBUFS
        WSAENOTSOCK WSAETIMEDOUT WSAEWOULDBLOCK WSAEACCES";
    let only_wsa_connect = "WSAEOPNOTSUPP WSAEPROTONOSUPPORT";
    let in_table = |source| -> HashSet<_> {
        TABLE.iter().filter(|row| row.source == source).map(|row| row.winsock_name.unwrap()).collect()
    };
    assert_eq!(in_table(Source::Connect), connect.split_whitespace().collect());
    assert_eq!(in_table(Source::WsaConnect), only_wsa_connect.split_whitespace().collect());
    assert!(!TABLE.iter().any(|row| row.nearest && matches!(row.source, Source::Connect | Source::WsaConnect)));
}

/// POSIX.1-2024 connect(), without the codes that only paths of AF_UNIX have.
#[test]
fn every_code_of_posix_connect_is_there() {
    for name in "EADDRNOTAVAIL EAFNOSUPPORT EALREADY EBADF ECONNREFUSED EINPROGRESS EINTR EISCONN ENETUNREACH ENOTSOCK
        EPROTOTYPE ETIMEDOUT EACCES EADDRINUSE ECONNRESET EHOSTUNREACH EINVAL ENETDOWN ENOBUFS EOPNOTSUPP"
        .split_whitespace()
    {
        named(name);
    }
}

/// Both Microsoft pages name the same three codes that may be connected again, which completion ports report by other
/// names; EAI_AGAIN says so by name.
#[test]
fn only_what_the_documents_call_retryable_is() {
    let retryable: HashSet<_> = TABLE.iter().filter(|row| row.retryable).map(|row| row.name).collect();
    let documented = [Name::ECONNREFUSED, Name::ENETUNREACH, Name::ETIMEDOUT, Name::EAI_AGAIN];
    let ported = [Name::ERROR_CONNECTION_REFUSED, Name::ERROR_NETWORK_UNREACHABLE, Name::ERROR_SEM_TIMEOUT];
    assert_eq!(retryable, documented.into_iter().chain(ported).collect());
}

/// Name, Winsock, then the columns: from the headers of Linux (asm-generic, mips, sparc, alpha, parisc), macOS and
/// FreeBSD. A dash where there is none; `~` before a number of Winsock that is only the nearest.
const NUMBERS: &str = "
    EPERM           ~10013    1   1   1   1   1   1   1
    EINTR            10004    4   4   4   4   4   4   4
    EBADF            10009    9   9   9   9   9   9   9
    EAGAIN          ~10035   11  11  11  35  11  35  35
    ENOMEM              ~8   12  12  12  12  12  12  12
    EACCES           10013   13  13  13  13  13  13  13
    EFAULT           10014   14  14  14  14  14  14  14
    ENODEV          ~10049   19  19  19  19  19  19  19
    ENXIO           ~10049    6   6   6   6   6   6   6
    EINVAL           10022   22  22  22  22  22  22  22
    ENFILE          ~10024   23  23  23  23  23  23  23
    EMFILE           10024   24  24  24  24  24  24  24
    EPIPE           ~10058   32  32  32  32  32  32  32
    ENONET          ~10051   64  64  80 105  50   -   -
    EPROTO               -   71  71  86  85  61 100  92
    ENOTSOCK         10038   88  95  38  38 216  38  38
    EDESTADDRREQ     10039   89  96  39  39 217  39  39
    EMSGSIZE         10040   90  97  40  40 218  40  40
    EPROTOTYPE       10041   91  98  41  41 219  41  41
    ENOPROTOOPT      10042   92  99  42  42 220  42  42
    EPROTONOSUPPORT  10043   93 120  43  43 221  43  43
    ESOCKTNOSUPPORT  10044   94 121  44  44 222  44  44
    EOPNOTSUPP       10045   95 122  45  45 223 102  45
    EPFNOSUPPORT     10046   96 123  46  46 224  46  46
    EAFNOSUPPORT     10047   97 124  47  47 225  47  47
    EADDRINUSE       10048   98 125  48  48 226  48  48
    EADDRNOTAVAIL    10049   99 126  49  49 227  49  49
    ENETDOWN         10050  100 127  50  50 228  50  50
    ENETUNREACH      10051  101 128  51  51 229  51  51
    ENETRESET        10052  102 129  52  52 230  52  52
    ECONNABORTED     10053  103 130  53  53 231  53  53
    ECONNRESET       10054  104 131  54  54 232  54  54
    ENOBUFS          10055  105 132  55  55 233  55  55
    EISCONN          10056  106 133  56  56 234  56  56
    ENOTCONN         10057  107 134  57  57 235  57  57
    ESHUTDOWN        10058  108 143  58  58 236  58  58
    ETIMEDOUT        10060  110 145  60  60 238  60  60
    ECONNREFUSED     10061  111 146  61  61 239  61  61
    EHOSTDOWN        10064  112 147  64  64 241  64  64
    EHOSTUNREACH     10065  113 148  65  65 242  65  65
    EALREADY         10037  114 149  37  37 244  37  37
    EINPROGRESS      10035  115 150  36  36 245  36  36
    ENOSYS               -   38  89  90  78 251  78  78
    ENOTCAPABLE          -    -   -   -   -   - 107  93
    ECAPMODE             -    -   -   -   -   -   -  94
    EAI_BADFLAGS     10022   -1  -1  -1  -1  -1   3   3
    EAI_NONAME       11001   -2  -2  -2  -2  -2   8   8
    EAI_AGAIN        11002   -3  -3  -3  -3  -3   2   2
    EAI_FAIL         11003   -4  -4  -4  -4  -4   4   4
    EAI_NODATA       11004   -5  -5  -5  -5  -5   7   -
    EAI_FAMILY       10047   -6  -6  -6  -6  -6   5   5
    EAI_SOCKTYPE     10044   -7  -7  -7  -7  -7  10  10
    EAI_SERVICE      10109   -8  -8  -8  -8  -8   9   9
    EAI_ADDRFAMILY  ~10047   -9  -9  -9  -9  -9   1   -
    EAI_MEMORY           8  -10 -10 -10 -10 -10   6   6
    EAI_SYSTEM           -  -11 -11 -11 -11 -11  11  11
    EAI_OVERFLOW         -  -12 -12 -12 -12 -12  14  14
    EAI_IDN_ENCODE       - -105 -105 -105 -105 -105 - -
    WSAEINPROGRESS            10036    - - - - - - -
    WSASYSNOTREADY            10091    - - - - - - -
    WSAVERNOTSUPPORTED        10092    - - - - - - -
    WSANOTINITIALISED         10093    - - - - - - -
    WSAEDISCON                10101    - - - - - - -
    WSAECANCELLED             10103    - - - - - - -
    WSAEPROVIDERFAILEDINIT    10106    - - - - - - -
    WSASYSCALLFAILURE         10107    - - - - - - -
    WSAEREFUSED               10112    - - - - - - -
    WSA_IO_PENDING              997    - - - - - - -
    WSA_OPERATION_ABORTED       995    - - - - - - -
    ERROR_CONNECTION_REFUSED   1225    - - - - - - -
    ERROR_SEM_TIMEOUT           121    - - - - - - -
    ERROR_NETWORK_UNREACHABLE  1231    - - - - - - -
    ERROR_HOST_UNREACHABLE     1232    - - - - - - -
";

fn literals() -> impl Iterator<Item = (&'static Row, &'static str, Vec<Option<i32>>)> {
    NUMBERS.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let mut words = line.split_whitespace();
        let row = named(words.next().unwrap());
        (row, words.next().unwrap(), words.map(|word| word.parse().ok()).collect())
    })
}

#[test]
fn numbers_are_those_of_the_headers() {
    assert_eq!(literals().count(), TABLE.len());
    for (row, winsock, columns) in literals() {
        let number = row.winsock_number.map_or("-".to_owned(), |number| number.to_string());
        assert_eq!(winsock, if row.nearest { format!("~{number}") } else { number }, "{}", row.name);
        assert_eq!(columns, row.numbers.0, "{}", row.name);
    }
}

#[cfg(all(unix, not(target_os = "android")))]
#[test]
fn numbers_of_this_system_are_those_of_its_column() {
    let system = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", _) => System::Macos,
        ("freebsd", _) => System::Freebsd,
        ("linux", "mips" | "mips64" | "mips32r6" | "mips64r6") => System::Mips,
        ("linux", "sparc" | "sparc64") => System::Sparc,
        _ => System::Linux,
    };
    // A name that only glibc has stays without a number under another C library.
    for row in TABLE.iter().filter(|row| row.name != Name::EAI_IDN_ENCODE || cfg!(target_env = "gnu")) {
        assert_eq!(row.number, row.numbers.on(system), "{}", row.name);
    }
}

/// Winsock took the numbers of 4.3BSD, as FreeBSD still has them, and added 10000. One code has another's name.
#[test]
fn winsock_is_bsd_and_ten_thousand() {
    let own = |row: &&Row| !row.nearest && row.name != Name::EINPROGRESS;
    let derived = TABLE.iter().filter(|row| row.vocabulary == Vocabulary::Posix).filter(own);
    let pairs: Vec<_> =
        derived.filter_map(|row| Some((row.numbers.on(System::Freebsd)?, row.winsock_number?))).collect();
    assert!(pairs.len() > 30);
    for (bsd, winsock) in pairs {
        assert!((10004..=10071).contains(&winsock));
        assert_eq!(winsock, 10000 + bsd);
    }
    assert_eq!(
        named("WSAEINPROGRESS").winsock_number,
        named("EINPROGRESS").numbers.on(System::Freebsd).map(|n| n + 10000)
    );
    for row in TABLE.iter().filter(|row| row.vocabulary == Vocabulary::Posix).filter(own) {
        assert!(
            row.winsock_name
                .is_none_or(|name| name.strip_prefix("WSA") == Some(row.alias.unwrap_or(row.name.as_str())))
        );
    }
}

#[test]
fn a_nearest_pair_is_a_pair_of_another_row() {
    for near in TABLE.iter().filter(|row| row.nearest) {
        let own = (near.winsock_name, near.winsock_number);
        assert!(TABLE.iter().any(|row| !row.nearest && (row.winsock_name, row.winsock_number) == own), "{}", near.name);
    }
}

#[cfg(unix)]
#[test]
fn lookups_agree_with_libc() {
    macro_rules! check { ($kind:ident: $($name:ident)*) => { $({
        let code = Code::$kind(libc::$name);
        let row = row(code).unwrap();
        assert!(row.is_called(stringify!($name)), "{}", row.name);
        assert_eq!(super::code(row.name), Some(code));
    })* } }
    check!(Os: EPERM EINTR EBADF EAGAIN EWOULDBLOCK ENOMEM EACCES EFAULT ENODEV ENXIO EINVAL ENFILE EMFILE EPIPE EPROTO
        ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP
        EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET
        ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS
        ENOSYS);
    check!(Eai: EAI_BADFLAGS EAI_NONAME EAI_AGAIN EAI_FAIL EAI_FAMILY EAI_SOCKTYPE EAI_SERVICE EAI_MEMORY
        EAI_SYSTEM EAI_OVERFLOW);
    assert_eq!(code(Name::WSANOTINITIALISED), None);
}

#[test]
fn on_windows_the_exact_pair_wins_over_the_nearest() {
    let name = |code| row_by_winsock(code).map(|row| row.name.as_str());
    for row in TABLE.iter().filter(|row| !row.nearest && row.vocabulary != Vocabulary::Resolver) {
        assert_eq!(
            row.winsock_number.and_then(|number| name(Code::Os(number))),
            row.winsock_name.map(|_| row.name.as_str())
        );
    }
    for row in TABLE.iter().filter(|row| !row.nearest && row.vocabulary == Vocabulary::Resolver) {
        assert_eq!(
            row.winsock_number.and_then(|number| name(Code::Eai(number))),
            row.winsock_name.map(|_| row.name.as_str())
        );
    }
    assert_eq!(name(Code::Os(8)), Some("ENOMEM"));
    assert_eq!(name(Code::Os(11001)), Some("EAI_NONAME"));
    assert_eq!(name(Code::Eai(10093)), Some("WSANOTINITIALISED"));
    assert_eq!(name(Code::Os(12345)), None);
}

#[cfg(target_os = "linux")]
#[test]
fn both_vocabularies_side_by_side() {
    let text = |name| describe(code(name).unwrap()).to_string();
    assert_eq!(text(Name::EINPROGRESS), "EINPROGRESS 115 · WSAEWOULDBLOCK 10035");
    assert_eq!(text(Name::EPROTO), "EPROTO 71");
    assert_eq!(text(Name::EAI_AGAIN), "EAI_AGAIN -3 · WSATRY_AGAIN 11002");
    assert_eq!(named("WSANOTINITIALISED").describe().to_string(), "WSANOTINITIALISED 10093");
    assert_eq!(
        serde_json::to_string(&describe(Code::Os(113))).unwrap(),
        r#"{"name":"EHOSTUNREACH","number":113,"winsock_name":"WSAEHOSTUNREACH","winsock_number":10065,"retryable":false}"#
    );
}

#[cfg(unix)]
#[test]
fn an_undocumented_code_keeps_its_number() {
    let described = describe(Code::Os(9999));
    assert_eq!((described.number, described.to_string()), (Some(9999), "errno 9999".to_owned()));
    assert_eq!(describe(Code::Eai(-77)).to_string(), "EAI -77");
}

#[cfg(windows)]
#[test]
fn codes_of_windows() {
    assert_eq!(code(Name::EINPROGRESS), Some(Code::Os(10035)));
    assert_eq!(code(Name::EAI_NONAME), Some(Code::Eai(11001)));
    assert_eq!(describe(Code::Os(10061)).name, "ECONNREFUSED");
    assert_eq!(describe(Code::Eai(11001)).number, Some(11001));
    assert_eq!(describe(Code::Os(12345)).to_string(), "WSA 12345");
    assert_eq!(describe(Code::Os(12345)).winsock_number, Some(12345));
}

#[test]
fn where_it_comes_from_decides() {
    let outcomes = |name, phase| named(name).outcome_in(phase);
    assert_eq!(outcomes("ENOPROTOOPT", Phase::Option), Outcome::Unsupported);
    assert_eq!(outcomes("ENOPROTOOPT", Phase::Completion), Outcome::Refused);
    assert_eq!(outcomes("ECONNREFUSED", Phase::Completion), Outcome::Refused);
}
