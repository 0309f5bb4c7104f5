//! From names to addresses: every answer of a nameserver, its silence, and what needs no nameserver at all.
#![cfg(target_os = "linux")]

mod lab;
#[path = "support/mask.rs"]
mod mask;
mod support;

use lab::*;
use nix::errno::Errno;
use serde_json::{Value, json};
use support::{Run, at_once, pairs, rconnect};

/// glibc shall not try again by itself: what is counted here is what the program asks for.
const ONCE: &str = "timeout:1 attempts:1";

/// A run that asks the lab's nameserver.
fn ask(net: &Netns, args: &str) -> Run {
    Run::of(rconnect(net, args).resolver(ONCE).nobody())
}

/// The only target of a run.
fn target(run: &Run) -> &Value {
    let [target] = &run.targets[..] else { panic!("not one target: {run:?}") };
    target
}

/// `outcome error cause by`, a dash for null.
fn lookup(run: &Run) -> String {
    let (target, resolve) = (target(run), &target(run)["resolve"]);
    let fields = [&target["outcome"], &resolve["error"]["name"], &resolve["cause"], &resolve["by"]];
    fields.map(|field| field.as_str().unwrap_or("-")).join(" ")
}

/// `address outcome` of each attempt, in order.
fn attempts(target: &Value) -> Vec<String> {
    let word = |attempt: &Value, key: &str| attempt[key].as_str().expect(key).to_owned();
    let attempts = target["attempts"].as_array().expect("attempts").iter();
    attempts.map(|attempt| format!("{} {}", word(attempt, "address"), word(attempt, "outcome"))).collect()
}

fn asked(dns: &Dns, query: &str) -> usize {
    dns.queries().iter().filter(|asked| *asked == query).count()
}

#[test]
fn an_answer_without_an_address_has_a_code_of_its_own() {
    let net = Netns::new();
    let _dns = net.dns();
    for (name, verdict, winsock) in [
        ("nx.test", "unresolved EAI_NONAME no-such-name system", json!(["WSAHOST_NOT_FOUND", 11001])),
        ("cnamedangling.test", "unresolved EAI_NONAME no-such-name system", json!(["WSAHOST_NOT_FOUND", 11001])),
        ("nodata.test", "unresolved EAI_NODATA no-data system", json!(["WSANO_DATA", 11004])),
        ("servfail.test", "unresolved EAI_AGAIN resolver-again system", json!(["WSATRY_AGAIN", 11002])),
        ("refused.test", "unresolved EAI_AGAIN resolver-again system", json!(["WSATRY_AGAIN", 11002])),
        ("notimp.test", "unresolved EAI_AGAIN resolver-again system", json!(["WSATRY_AGAIN", 11002])),
        ("garbage.test", "unresolved EAI_AGAIN resolver-again system", json!(["WSATRY_AGAIN", 11002])),
    ] {
        let run = ask(&net, &format!("{name} 80"));
        assert_eq!((run.output.code(), lookup(&run).as_str()), (3, verdict), "{name}");
        let error = &target(&run)["resolve"]["error"];
        assert_eq!(json!([error["winsock_name"], error["winsock_number"]]), winsock, "{name}");
        assert_eq!((&target(&run)["attempts"], &target(&run)["resolve"]["addresses"]), (&json!([]), &json!(0)));
    }
}

#[test]
fn people_read_the_name_the_code_and_what_to_do() {
    let net = Netns::new();
    let _dns = net.dns();
    let run = net.command(support::RCONNECT).args(["nx.test", "80"]).resolver(ONCE).run();
    let text = "\
nx.test:80   unresolved  T  EAI_NONAME -2 · WSAHOST_NOT_FOUND 11001
  advice: no such name: check the spelling and the search domain
";
    assert_eq!((run.code(), mask::text(&run.stdout).as_str(), run.stderr.as_str()), (3, text, ""));
}

#[test]
fn without_a_nameserver_the_resolver_fails_for_now() {
    let net = Netns::new();
    assert_eq!(lookup(&ask(&net, "v4.test 80")), "unresolved EAI_AGAIN resolver-again system");
}

/// "`unresolved`: … limit reached"
#[test]
fn silence_is_bounded_by_the_limit_of_the_lookup() {
    let net = Netns::new();
    let _dns = net.dns();
    let run = Run::of(rconnect(&net, "--resolve-timeout 200ms timeout.test 80").resolver("timeout:5"));
    assert_eq!((run.output.code(), lookup(&run).as_str()), (3, "unresolved - resolver-limit limit"));
    assert!(run.output.elapsed >= ms(200) && run.output.elapsed < ms(2500), "{run:?}");
}

/// "limit of the whole run, name resolution included"
#[test]
fn silence_is_bounded_by_the_deadline() {
    let net = Netns::new();
    let _dns = net.dns();
    let run = Run::of(rconnect(&net, "--deadline 200ms timeout.test 80").resolver("timeout:5"));
    assert_eq!((run.output.code(), lookup(&run).as_str()), (3, "unresolved - resolver-limit limit"));
    assert_eq!(run.targets[0]["resolve"]["cut_short"], true);
    assert!(run.output.elapsed >= ms(200) && run.output.elapsed < ms(2500), "{run:?}");
}

#[test]
fn the_limit_of_an_attempt_is_none_of_the_lookup() {
    let net = Netns::new();
    let _dns = net.dns();
    assert_eq!(attempts(target(&ask(&net, "-t 50ms slow-300.test 80"))), ["127.0.0.2 refused"]);
}

#[test]
fn without_a_limit_a_slow_answer_counts() {
    let net = Netns::new();
    let _dns = net.dns();
    let run = ask(&net, "--resolve-timeout none slow-300.test 80");
    assert_eq!(attempts(target(&run)), ["127.0.0.2 refused"]);
    assert!(target(&run)["resolve"]["elapsed_us"].as_u64() >= Some(300_000), "{run:?}");
    assert_eq!(lookup(&ask(&net, "--resolve-timeout 50ms slow-300.test 80")), "unresolved - resolver-limit limit");
}

/// A nameserver that drops questions for IPv6 holds up everybody who asks for both families.
#[test]
fn a_dead_question_for_ipv6_costs_time_and_not_the_answer() {
    let net = Netns::new();
    let dns = net.dns();
    let both = ask(&net, "aaaatimeout.test 80");
    assert_eq!(attempts(target(&both)), ["127.0.0.2 refused"]);
    assert!(both.output.elapsed >= ms(1000), "{both:?}");
    let only_v4 = ask(&net, "-4 aaaatimeout.local 80");
    assert_eq!(attempts(target(&only_v4)), ["127.0.0.2 refused"]);
    assert!(only_v4.output.elapsed < ms(900), "{only_v4:?}");
    assert_eq!(asked(&dns, "aaaatimeout.local AAAA"), 0);
}

#[test]
fn a_family_that_fails_does_not_hide_the_other() {
    let net = Netns::new();
    let _dns = net.dns();
    for name in ["aaaanx.test", "aaaaservfail.test", "tc.test", "cname.test", "v4.test."] {
        let run = ask(&net, &format!("{name} 80"));
        let address = if name == "tc.test" { "127.0.0.3" } else { "127.0.0.2" };
        assert_eq!(attempts(target(&run)), [format!("{address} refused")], "{name}");
    }
}

/// `canonical ascii` of a lookup, a dash for null.
fn names(run: &Run) -> String {
    ["canonical", "ascii"].map(|key| target(run)["resolve"][key].as_str().unwrap_or("-")).join(" ")
}

#[test]
fn the_name_that_answered_is_told_where_it_is_another_one() {
    let net = Netns::new();
    let _dns = net.dns();
    for strategy in ["all", "race"] {
        for (name, told) in [
            ("v4.test", "- -"),
            ("V4.test.", "- -"),
            ("dual.test", "- -"),
            ("cname.test", "v4.test -"),
            ("CNAME.test.", "v4.test -"),
            ("-4 cname.test", "v4.test -"),
            ("nx.test", "- -"),
            ("127.0.0.2", "- -"),
            ("--resolve cname.test:80:127.0.0.2 cname.test", "- -"),
        ] {
            let run = ask(&net, &format!("--strategy {strategy} {name} 80"));
            assert_eq!(names(&run), told, "{strategy} {name}");
        }
    }
}

/// With `ndots:5`, as in many a cluster, the search domain comes first.
#[test]
fn a_search_domain_that_answers_is_told() {
    let net = Netns::new();
    let dns = net.dns();
    dns.record("db.prod.example", "127.0.0.1").record("db.prod.example.corp.example", "127.0.0.9");
    let search = "nameserver 127.0.0.1\nsearch corp.example\noptions ndots:5 timeout:1 attempts:1\n";
    let run = Run::of(rconnect(&net, "db.prod.example 80").etc("resolv.conf", search));
    assert_eq!(names(&run), "db.prod.example.corp.example -");
    assert_eq!(attempts(target(&run)), ["127.0.0.9 refused"]);
    let shown = net.command(support::RCONNECT).args(["db.prod.example", "80"]).etc("resolv.conf", search).run();
    let first = shown.stdout.lines().next().unwrap_or_default();
    assert_eq!(mask::text(first), "db.prod.example:80 (db.prod.example.corp.example)  1 address in T");
}

#[test]
fn the_a_label_is_told_where_it_was_not_written() {
    let net = Netns::new();
    let dns = net.dns();
    dns.record("xn--bcher-kva.test", "127.0.0.2");
    for (name, told) in [
        ("bücher.test", "- xn--bcher-kva.test"),
        ("xn--bcher-kva.test", "- -"),
        ("größe.test", "- xn--gre-6ka8i.test"),
        ("--resolve bücher.test:80:127.0.0.2 bücher.test", "- xn--bcher-kva.test"),
    ] {
        assert_eq!(names(&ask(&net, &format!("{name} 80"))), told, "{name}");
    }
}

/// AI_CANONNAME asks for nothing more.
#[test]
fn the_name_that_answered_costs_no_query() {
    let net = Netns::new();
    for (args, queries) in [
        ("-4 v4.test", vec!["v4.test A"]),
        ("-6 v6.test", vec!["v6.test AAAA"]),
        ("cname.test", vec!["cname.test A", "cname.test AAAA"]),
        ("dual.test", vec!["dual.test A", "dual.test AAAA"]),
    ] {
        let dns = net.dns();
        ask(&net, &format!("{args} 80"));
        let mut asked = dns.queries();
        asked.sort();
        assert_eq!(asked, queries, "{args}");
    }
}

/// "connect() on each address it returned, in that order"
#[test]
fn addresses_are_tried_in_the_resolvers_order() {
    let net = Netns::new();
    let _dns = net.dns();
    let getent = net.command("getent").path().args(["ahosts", "mixed.test"]).resolver(ONCE).run();
    let mut expected: Vec<&str> = getent.stdout.lines().filter_map(|line| line.split(' ').next()).collect();
    expected.dedup();
    assert_eq!(expected.len(), 6, "{getent:?}");
    let run = ask(&net, "-j 1 --strict mixed.test 80");
    let tried: Vec<&str> =
        target(&run)["attempts"].as_array().unwrap().iter().map(|a| a["address"].as_str().unwrap()).collect();
    assert_eq!(tried, expected);
    let started: Vec<_> =
        target(&run)["attempts"].as_array().unwrap().iter().map(|a| a["started_us"].as_u64()).collect();
    assert!(started.is_sorted(), "{started:?}");
    assert_eq!(target(&run)["resolve"]["addresses"], 6);
}

#[test]
fn every_address_of_a_large_name_is_tried() {
    let net = Netns::new();
    let _dns = net.dns();
    let open = net.listen("127.0.1.7:0");
    let run = ask(&net, &format!("many.test {}", open.port()));
    let tried = attempts(target(&run));
    assert_eq!(tried.len(), 30);
    assert_eq!(
        tried.iter().filter(|attempt| attempt.ends_with(" connected")).collect::<Vec<_>>(),
        ["127.0.1.7 connected"]
    );
    assert_eq!((run.output.code(), &target(&run)["partial"]), (0, &json!(true)));
}

#[test]
fn an_address_that_comes_twice_is_tried_once() {
    let net = Netns::new();
    let _dns = net.dns();
    let run = ask(&net, "duplicates.test 80");
    assert_eq!(attempts(target(&run)), ["127.0.0.2 refused"]);
    assert_eq!((&target(&run)["resolve"]["addresses"], &target(&run)["resolve"]["duplicates"]), (&json!(1), &json!(2)));
    let people = net.command(support::RCONNECT).args(["-v", "duplicates.test", "80"]).resolver(ONCE).run();
    let heading = mask::text(&people.stdout).lines().next().map(String::from);
    assert_eq!(heading.as_deref(), Some("duplicates.test:80  1 address in T (2 duplicates dropped)"));
}

/// Some nameservers answer with all zeros for what they block, and Linux connects that to this machine itself.
#[test]
fn all_zeros_are_shown_as_what_they_are() {
    let net = Netns::new();
    let _dns = net.dns();
    let open = net.listen("127.0.0.1:0");
    let run = ask(&net, &format!("-4 unspec.test {}", open.port()));
    assert_eq!(attempts(target(&run)), ["0.0.0.0 connected"]);
    let run = ask(&net, "unspec.test 80");
    let mut both = attempts(target(&run));
    both.sort();
    assert_eq!(both, ["0.0.0.0 refused", ":: refused"]);
}

#[test]
fn an_international_name_is_asked_in_its_ascii_form() {
    let net = Netns::new();
    let dns = net.dns();
    dns.record("xn--bcher-kva.test", "127.0.0.2");
    let run = ask(&net, "Bücher.test 80");
    assert_eq!(attempts(target(&run)), ["127.0.0.2 refused"]);
    assert_eq!(target(&run)["host"], "Bücher.test", "as written");
    assert_eq!(asked(&dns, "xn--bcher-kva.test A"), 1);
}

#[test]
fn a_short_name_is_completed_by_the_search_list() {
    let net = Netns::new();
    let dns = net.dns();
    let command = rconnect(&net, "v4 80").etc("resolv.conf", "nameserver 127.0.0.1\nsearch test\n");
    assert_eq!(attempts(target(&Run::of(command))), ["127.0.0.2 refused"]);
    assert_eq!(asked(&dns, "v4.test A"), 1);
}

#[test]
fn the_file_of_hosts_comes_first() {
    let net = Netns::new();
    let dns = net.dns();
    let command = rconnect(&net, "db.test 80").etc("hosts", "127.0.0.7 db.test\n::1 db.test\n");
    let mut tried = attempts(target(&Run::of(command)));
    tried.sort();
    assert_eq!(tried, ["127.0.0.7 refused", "::1 refused"]);
    assert_eq!(dns.queries(), [""; 0]);
}

/// glibc calls it EAI_NONAME when it cannot open its files; the name is not to blame.
#[test]
fn too_few_descriptors_are_never_a_missing_name() {
    let net = Netns::new();
    let _dns = net.dns();
    let mut short = 0;
    for descriptors in 4..=9 {
        let run = Run::of(rconnect(&net, "v4.test 80").resolver(ONCE).descriptors(descriptors));
        match lookup(&run).as_str() {
            "refused - - -" => {}
            "unavailable EMFILE descriptors local" => {
                assert_eq!(run.output.code(), 8);
                short += 1;
            }
            other => panic!("{descriptors} descriptors: {other}"),
        }
    }
    assert!((1..6).contains(&short), "{short}");
}

#[test]
fn a_name_without_the_family_asked_for_has_no_data() {
    let net = Netns::new();
    let dns = net.dns();
    let run = ask(&net, "-4 v6.test 80");
    assert_eq!((run.output.code(), lookup(&run).as_str()), (3, "unresolved EAI_NODATA no-data system"));
    assert_eq!(dns.queries(), ["v6.test A"]);
    assert_eq!(lookup(&ask(&net, "-6 v4.test 80")), "unresolved EAI_NODATA no-data system");
    assert_eq!(attempts(target(&ask(&net, "-6 dual.test 80"))), ["::1 refused"]);
}

#[test]
fn a_literal_asks_nobody() {
    let net = Netns::new();
    let dns = net.dns();
    for args in ["127.0.0.2 80", "::1 80", "-n 127.0.0.0/30:80", "--resolve v4.test:80:127.0.0.2 v4.test 80"] {
        assert_eq!(ask(&net, args).output.code(), 4, "{args}");
    }
    let run = ask(&net, "-4 ::1 80");
    assert_eq!((run.output.code(), lookup(&run).as_str()), (3, "unresolved EAI_ADDRFAMILY wrong-family system"));
    assert_eq!(dns.queries(), [""; 0]);
}

#[test]
fn many_ports_share_one_lookup() {
    let net = Netns::new();
    let dns = net.dns();
    let run = ask(&net, "v4.test:8000-8049,9000");
    assert_eq!(run.targets.len(), 51);
    assert!(run.targets.iter().all(|target| attempts(target) == ["127.0.0.2 refused"]));
    assert_eq!((asked(&dns, "v4.test A"), asked(&dns, "v4.test AAAA")), (1, 1));
}

#[test]
fn a_pin_holds_for_its_port_alone() {
    let net = Netns::new();
    let dns = net.dns();
    let run = ask(&net, "--resolve v4.test:80:127.0.0.9 v4.test:80,81");
    let mut tried: Vec<_> = run.targets.iter().map(|target| (target["port"].as_u64(), attempts(target))).collect();
    tried.sort();
    let expected = [(Some(80), "127.0.0.9 refused"), (Some(81), "127.0.0.2 refused")];
    assert_eq!(tried, expected.map(|(port, attempt)| (port, vec![attempt.to_string()])));
    assert_eq!(asked(&dns, "v4.test A"), 1);
}

#[test]
fn lookups_run_side_by_side() {
    let net = Netns::new();
    let _dns = net.dns();
    let names: Vec<String> = (0..20).map(|number| format!("slow-300.n{number}.test:80")).collect();
    let run = ask(&net, &names.join(" "));
    assert_eq!((run.targets.len(), run.output.code()), (20, 4));
    assert!(run.output.elapsed < ms(3000), "one after the other would take 6 s: {:?}", run.output.elapsed);
}

/// "as soon as it is decided"
/// A filter that forbids clone3(), a limit on processes: a program without threads resolves and connects.
#[test]
fn without_threads_names_are_looked_up_all_the_same() {
    let net = Netns::new();
    let no_threads = || Sandbox::call_fails(libc::SYS_clone3, Errno::EPERM);
    let command = rconnect(&net, "one.test:9 two.test:9 none.test:9").etc("hosts", "127.0.0.1 one.test two.test\n");
    let output = command.etc("nsswitch.conf", "hosts: files\n").sandbox(no_threads()).run();
    let mut words: Vec<_> = Run::from(output).targets.iter().map(|target| target["outcome"].to_string()).collect();
    words.sort();
    assert_eq!(words, [r#""refused""#, r#""refused""#, r#""unresolved""#]);

    let output = rconnect(&net, "--from -").stdin("127.0.0.1:9\n").sandbox(no_threads()).run();
    assert_eq!(output.code(), 2);
    assert!(output.stderr.contains("no thread can be started") && output.stderr.contains("ulimit -u"), "{output:?}");
}

#[test]
fn a_slow_name_holds_up_nobody() {
    let net = Netns::new();
    let _dns = net.dns();
    let mut running = rconnect(&net, "slow-300.test:80 127.0.0.9:80").resolver(ONCE).start();
    assert!(running.line().is_some_and(|line| line.contains(r#""target":"127.0.0.9:80""#)));
    assert!(running.line().is_some_and(|line| line.contains(r#""target":"slow-300.test:80""#)));
    assert_eq!(running.wait().code(), 4);
}

/// glibc opens files and sockets for a lookup, and as many attempts want one each.
#[test]
fn names_share_few_descriptors_with_attempts() {
    let net = Netns::new();
    let dns = net.dns();
    let open = net.listen("127.0.0.1:0");
    let names: Vec<String> = (0..100).map(|number| format!("n{number}.test")).collect();
    for name in &names {
        dns.record(name, "127.0.0.1");
    }
    let hosts: String = names.iter().map(|name| format!("127.0.0.1 {name}\n")).collect();
    let targets: Vec<String> = names.iter().map(|name| format!("{name}:{}", open.port())).collect();
    type Change<'a> = &'a (dyn Fn(Command) -> Command + Sync);
    let sources: [Change; 2] = [&|command| command.resolver(ONCE), &|command| command.etc("hosts", &hosts)];
    at_once(&pairs(&sources, &[10, 20, 30]), |&(source, descriptors)| {
        let run = Run::of(source(rconnect(&net, &targets.join(" "))).descriptors(descriptors));
        let good = run.targets.iter().filter(|target| attempts(target) == ["127.0.0.1 connected"]).count();
        assert_eq!((run.targets.len(), good), (100, 100), "{descriptors}: {:?}", run.targets);
        assert_eq!((run.output.code(), run.output.stderr.as_str()), (0, ""), "{descriptors}");
    });
}

/// As many as are asked for at the same time, and more.
#[test]
fn silent_names_hold_up_no_literal() {
    let net = Netns::new();
    let dns = net.dns();
    for silent in [32, 100] {
        let names = (0..silent).map(|number| format!("timeout.n{number}.test:80\n"));
        let list: String = names.chain(["127.0.0.9:80\n".into()]).collect();
        let file = std::env::temp_dir().join(format!("rconnect-names-{}-{silent}", std::process::id()));
        std::fs::write(&file, &list).expect("a file of names");
        let from_file = rconnect(&net, "--from").args([&file]);
        for command in [from_file, rconnect(&net, "--from -").stdin(&list)] {
            let mut running = command.resolver("timeout:30").start();
            let first = running.line().expect("a line");
            assert!(first.contains(r#""target":"127.0.0.9:80""#), "{first}");
            running.signal(Signal::SIGINT);
            let output = running.wait();
            assert_eq!((output.signal(), output.stderr.as_str()), (Signal::SIGINT, ""), "{silent}");
        }
        std::fs::remove_file(file).expect("the file is still there");
    }
    assert!(!dns.queries().is_empty());
}

/// "try an attempt again, only where the code is retryable"
#[test]
fn only_a_temporary_failure_is_asked_again() {
    let net = Netns::new();
    let dns = net.dns();
    for (name, times) in [("servfail.test", 3), ("nx.test", 1), ("nodata.test", 1)] {
        let run = ask(&net, &format!("-4 {name} 80"));
        assert_eq!(run.output.code(), 3);
        let query = format!("{name} A");
        let once = asked(&dns, &query);
        assert_eq!(ask(&net, &format!("-4 -r 2 --retry-delay 10ms {name} 80")).output.code(), 3);
        assert_eq!(asked(&dns, &query) - once, times * once, "{name}");
    }
}

#[test]
fn a_failure_that_passes_is_outlived() {
    let net = Netns::new();
    let dns = net.dns();
    let _open = net.listen("127.0.0.2:80");
    let running = rconnect(&net, "-4 -r 50 --retry-delay 50ms servfail.soon.test 80").resolver(ONCE).start();
    dns.await_query("servfail.soon.test A");
    dns.record("servfail.soon.test", "127.0.0.2");
    let run = running.wait();
    let target: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.code(), attempts(&target)), (0, vec!["127.0.0.2 connected".to_string()]));
    assert_eq!(target["resolve"]["error"], Value::Null);
}

/// "a family that this machine has no route for is `skipped` and not counted, unless `--strict`"
#[test]
fn a_family_without_a_route_is_skipped_unless_strict() {
    let net = Netns::new();
    let dns = net.dns();
    dns.record("half.test", "127.0.0.2").record("half.test", "2001:db8::5");
    let open = net.listen("127.0.0.2:0");
    for (options, code, partial, v6) in [
        ("", 0, false, "skipped"),
        ("--require all", 0, false, "skipped"),
        ("--require each-family", 0, false, "skipped"),
        ("--strict", 0, true, "unreachable"),
        ("--strict --require all", 6, false, "unreachable"),
        ("--strict --require each-family", 6, false, "unreachable"),
        ("--require 2", 1, false, "skipped"),
    ] {
        let run = ask(&net, &format!("{options} half.test {}", open.port()));
        let mut tried = attempts(target(&run));
        tried.sort();
        assert_eq!(tried, ["127.0.0.2 connected".to_string(), format!("2001:db8::5 {v6}")], "{options}");
        assert_eq!((run.output.code(), &target(&run)["partial"]), (code, &json!(partial)), "{options}");
    }
    let run = ask(&net, "half.test 9");
    let skipped = target(&run)["attempts"].as_array().unwrap().iter().find(|a| a["outcome"] == "skipped").unwrap();
    assert_eq!(skipped["reason"], "no local route for this family");
}

#[test]
fn a_lone_address_without_a_route_is_tried() {
    let net = Netns::new();
    let dns = net.dns();
    dns.record("far.test", "2001:db8::5");
    let run = ask(&net, "far.test 80");
    assert_eq!(
        (run.output.code(), run.one().verdict().as_str()),
        (6, "unreachable no-route local connect ENETUNREACH")
    );
}

/// RFC 4007 section 11: an interface by its name or its index.
#[test]
fn a_zone_is_an_interface_of_this_machine() {
    let net = Netns::new();
    net.ip("address add fe80::1/64 dev lo nodad");
    net.await_addresses();
    let open = net.listen("[fe80::1%1]:0");
    for host in ["fe80::1%lo", "fe80::1%1"] {
        let run = ask(&net, &format!("{host} {}", open.port()));
        assert_eq!(attempts(target(&run)), ["fe80::1%1 connected"], "{host}");
    }
    let run = ask(&net, &format!("-I lo fe80::1 {}", open.port()));
    assert_eq!(attempts(target(&run)), ["fe80::1%1 connected"], "the interface asked for is the zone");
    let run = ask(&net, "fe80::1%nodev 80");
    assert_eq!((run.output.code(), lookup(&run).as_str()), (3, "unresolved EAI_NONAME no-interface system"));
}
