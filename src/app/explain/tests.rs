use super::*;

fn text(query: &str) -> String {
    explain(query).unwrap_or_else(|unknown| panic!("{unknown}"))
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn a_code_in_full() {
    let expected = "\
ECONNREFUSED 111 · WSAECONNREFUSED 10061
  meaning     the target actively refused the connection
  outcome     refused (exit code 4)
  phase       connect, completion
  retryable   yes
  advice      the host is up: check that the service runs and listens on this
              address and port, or that no firewall rejects
  note        a RST and an ICMP port unreachable give the same code; Windows
              repeats the SYN and says so after about 2 s only
  documented  Microsoft's connect() and WSAConnect() pages
  numbers     Linux 111, Linux/MIPS 146, Linux/SPARC 61, Linux/Alpha 61,
              Linux/PA-RISC 239, macOS 61, FreeBSD 61
";
    for query in ["10061", "111", "ECONNREFUSED", "WSAECONNREFUSED", "econnrefused", "wsaeconnrefused", " 111 "] {
        assert_eq!(text(query), expected, "{query}");
    }
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn a_number_of_other_systems() {
    let text = text("61");
    assert!(text.starts_with("On this system 61 is another code: No data available (os error 61).\n\n"), "{text}");
    assert!(text.contains("\n  number      61 on Linux/SPARC, Linux/Alpha, macOS, FreeBSD\n"), "{text}");
    assert!(text.contains("\nEPROTO 71 (no Winsock code)\n  number      61 on Linux/PA-RISC\n"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn headings() {
    let headings = |query: &str| -> Vec<String> {
        text(query).lines().filter(|line| !line.is_empty() && !line.starts_with(' ')).map(str::to_owned).collect()
    };
    assert_eq!(headings("EAI_AGAIN"), ["EAI_AGAIN -3 · WSATRY_AGAIN 11002"]);
    assert_eq!(headings("11002"), headings("EAI_AGAIN"));
    assert_eq!(headings("-3"), headings("eai_again"));
    assert_eq!(
        headings("10035"),
        ["EINPROGRESS 115 · WSAEWOULDBLOCK 10035", "EAGAIN 11 · WSAEWOULDBLOCK 10035 (nearest)"]
    );
    assert_eq!(headings("10036"), ["WSAEINPROGRESS 10036 (Windows only)"]);
    assert_eq!(headings("ECAPMODE"), ["ECAPMODE (not on this system)"]);
    assert_eq!(headings("refused")[..2], ["refused", "ECONNREFUSED 111 · WSAECONNREFUSED 10061"]);
}

#[test]
fn two_codes_of_one_name_are_told_apart() {
    let words = |query| text(query).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words("EINPROGRESS").contains("its WSAEINPROGRESS means something else"));
    assert!(words("WSAEINPROGRESS").contains("not POSIX EINPROGRESS"));
}

#[test]
fn a_class_that_depends_on_the_phase() {
    assert!(text("ENOPROTOOPT").contains("unsupported (exit code 8); refused (exit code 4) at completion\n"));
}

#[test]
fn an_outcome_without_codes() {
    assert_eq!(text("skipped"), "skipped\n  meaning     not tried, for the reason given\n  exit code   1\n");
}

#[test]
fn messages_are_found_by_what_they_have_in_them() {
    for (message, name) in [
        ("No route to host", "EHOSTUNREACH"),
        ("ssh: connect to host 192.0.2.1 port 22: No route to host", "EHOSTUNREACH"),
        ("dial tcp 192.0.2.1:80: connect: connection refused", "ECONNREFUSED"),
        ("connect ECONNREFUSED 127.0.0.1:5432", "ECONNREFUSED"),
        ("[Errno 111] Connection refused", "ECONNREFUSED"),
        ("No connection could be made because the target machine actively refused it.", "ECONNREFUSED"),
        ("[WinError 10061]", "ECONNREFUSED"),
        ("curl: (28) Connection timed out after 3001 milliseconds", "ETIMEDOUT"),
        ("Too many open files in system", "ENFILE"),
        ("Too many open files", "EMFILE"),
        ("Can't assign requested address", "EADDRNOTAVAIL"),
        ("getaddrinfo: Name or service not known", "EAI_NONAME"),
        ("0x8007274D", "ECONNREFUSED"),
        ("0x274d", "ECONNREFUSED"),
        ("-2147014835", "ECONNREFUSED"),
        ("error 0x8007274C", "ETIMEDOUT"),
    ] {
        assert_eq!(names(message).first(), Some(&name), "{message}");
    }
    assert!(explain("connection").is_err());
}

#[test]
fn every_text_is_of_a_code_and_found() {
    for &(part, name) in texts::TEXTS {
        assert!(TABLE.iter().any(|row| row.name.as_str() == name), "{name}");
        assert_eq!(part, part.to_lowercase());
        assert_eq!(names(part), [name], "{part}");
    }
}

/// What this system says of its own numbers is known.
#[cfg(target_os = "linux")]
#[test]
fn texts_of_this_system_are_found() {
    for row in TABLE.iter().filter(|row| texts::TEXTS.iter().any(|(_, name)| *name == row.name.as_str())) {
        let Some(number) = row.number.filter(|&number| number > 0) else { continue };
        let text = io::Error::from_raw_os_error(number).to_string();
        let text = text.split(" (os error").next().unwrap();
        assert_eq!(names(text).first(), Some(&row.name.as_str()), "{text}");
    }
}

#[test]
fn words_and_exit_codes_are_explained() {
    assert_eq!(text("no-route"), format!("no-route\n  cause       {}\n", Cause::NoRoute.meaning()));
    assert!(text("neighbour").starts_with("neighbour\n  by          "));
    assert!(text("completion").starts_with("completion\n  phase       "));
    assert!(text("exit 4").starts_with("exit code 4\n  meaning     refused, reset"));
    assert_eq!(text("Exit Code 7"), text("exit status 7"));
    assert!(explain("exit 77").is_err());
    for query in queries() {
        assert!(explain(query).is_ok(), "{query}");
    }
    for word in words() {
        let unfolded = text(word.word).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(unfolded.contains(word.meaning), "{}", word.word);
    }
    let line: serde_json::Value = serde_json::from_str(&explain_json("no-route").unwrap()).unwrap();
    assert_eq!((&line["kind"], &line["word"]), (&"cause".into(), &"no-route".into()));
    let line: serde_json::Value = serde_json::from_str(&explain_json("exit 4").unwrap()).unwrap();
    assert_eq!((&line["exit_code"], &line["outcomes"][0]), (&4.into(), &"refused".into()));
}

#[test]
fn lines_fit_a_terminal() {
    for query in queries() {
        let text = text(query);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH && line == line.trim_end()), "{text}");
    }
}

#[test]
fn an_unknown_query_is_told_what_would_be_known() {
    let message = |query| explain(query).unwrap_err().to_string();
    assert_eq!(message("connrefused"), "unknown code 'connrefused': did you mean ECONNREFUSED?");
    assert_eq!(message("timeout"), "unknown code 'timeout': did you mean timed-out, ERROR_SEM_TIMEOUT?");
    assert!(message("foo").contains("a name (ECONNREFUSED"));
    assert!(message("4711").contains("a number (111"));
    assert!(message("").contains("a word of the results (refused)"));
    assert_eq!(explain_json("foo"), explain("foo"));
}

#[test]
fn the_examples_of_the_message_are_known() {
    for query in ["ECONNREFUSED", "WSAECONNREFUSED", "EAI_AGAIN", "111", "10061", "-3", "refused"] {
        assert!(explain(query).is_ok(), "{query}");
    }
}

#[test]
fn the_list_has_every_code_on_a_line_of_its_own() {
    let text = list();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 1 + TABLE.len());
    let meaning = lines[0].find("MEANING").unwrap();
    for (row, line) in TABLE.iter().zip(&lines[1..]) {
        assert!(line.starts_with(row.name.as_str()));
        assert_eq!(&line[meaning..], row.meaning);
    }
}

#[test]
fn json_has_the_same_rows() {
    let values = |text: String| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let listed = values(list_json());
    assert_eq!(listed.len(), TABLE.len());
    for (row, value) in TABLE.iter().zip(&listed) {
        assert_eq!(value["name"], row.name.as_str());
        assert_eq!(value["exit_code"], exit::class(row.outcome));
        assert_eq!(value["numbers"]["freebsd"].as_i64(), row.numbers.on(System::Freebsd).map(i64::from));
        assert!(value.get("matched").is_none());
    }
    let refused = values(explain_json("refused").unwrap());
    assert_eq!((&refused[0]["outcome"], &refused[0]["exit_code"]), (&"refused".into(), &4.into()));
    assert_eq!((&refused[1]["name"], &refused[1]["matched"]), (&"ECONNREFUSED".into(), &"outcome".into()));
    assert_eq!(values(explain_json("10061").unwrap())[0]["matched"], "winsock-number");
}

fn names(query: &str) -> Vec<&'static str> {
    find(query)
        .iter()
        .filter_map(|found| match found {
            Found::Row(row, _) => Some(row.name.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn every_row_is_found_by_each_of_its_names_and_numbers() {
    for row in TABLE {
        for name in [Some(row.name.as_str()), row.alias, row.winsock_name].into_iter().flatten() {
            assert!(
                names(name).contains(&row.name.as_str()) && names(&name.to_lowercase()).contains(&row.name.as_str()),
                "{name}"
            );
        }
        let numbers = row.numbers.iter().map(|(_, number)| number).chain(row.winsock_number).chain(row.number);
        for number in numbers {
            assert!(names(&number.to_string()).contains(&row.name.as_str()), "{} {number}", row.name.as_str());
        }
        assert!(names(row.outcome.slug()).contains(&row.name.as_str()), "{}", row.outcome);
        assert_eq!(names(row.name.as_str())[0], row.name.as_str());
    }
}

#[test]
fn found_by_name() {
    assert_eq!(names("wsaeconnrefused"), ["ECONNREFUSED"]);
    assert_eq!(names(" EWouldBlock "), ["EAGAIN"]);
    assert_eq!(names("EINPROGRESS"), ["EINPROGRESS"]);
    assert_eq!(names("WSAEINPROGRESS"), ["WSAEINPROGRESS"]);
    assert_eq!(names("WSAEWOULDBLOCK"), ["EINPROGRESS", "EAGAIN"]);
}

#[test]
fn an_outcome_stands_for_its_class() {
    assert!(matches!(find("Timed-Out")[0], Found::Outcome(Outcome::TimedOut)));
    assert_eq!(names("refused"), ["ECONNREFUSED", "ENOPROTOOPT", "ERROR_CONNECTION_REFUSED"]);
    assert!(matches!(find("skipped")[..], [Found::Outcome(Outcome::Skipped)]));
}

#[test]
fn nothing_is_found_for_what_is_not_there() {
    for query in ["", "ENOENT", "WSA", "E", "70000", "-1000", "99999999999", "3/13"] {
        assert!(find(query).is_empty(), "{query}");
    }
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn one_number_with_several_meanings() {
    use Reading::*;
    let found = |query| -> Vec<(&str, Reading)> {
        let rows = find(query).into_iter().map(|found| match found {
            Found::Row(row, reading) => (row.name.as_str(), reading),
            other => panic!("{other:?}"),
        });
        rows.collect()
    };
    assert_eq!(found("111"), [("ECONNREFUSED", Here)]);
    assert_eq!(found("10061"), [("ECONNREFUSED", Winsock)]);
    assert_eq!(found("10036"), [("WSAEINPROGRESS", Winsock)]);
    assert_eq!(found("10035"), [("EINPROGRESS", Winsock), ("EAGAIN", Winsock)]);
    assert_eq!(found("11"), [("EAGAIN", Here), ("EAI_SYSTEM", Elsewhere(vec![System::Macos, System::Freebsd]))]);
    let bsd = vec![System::Sparc, System::Alpha, System::Macos, System::Freebsd];
    assert_eq!(found("61"), [("ECONNREFUSED", Elsewhere(bsd)), ("EPROTO", Elsewhere(vec![System::Parisc]))]);
    assert_eq!(found("-2"), [("EAI_NONAME", Here)]);
}
