
use builtin;
use str;

set edit:completion:arg-completer[rconnect] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'rconnect'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'rconnect'= {
            cand --from 'Read targets from FILE, one a line, # comments; - is standard input'
            cand -p 'Ports of every target that has none: -p 22,443 a.example b.example'
            cand --ports 'Ports of every target that has none: -p 22,443 a.example b.example'
            cand --resolve 'Use these addresses for HOST:PORT instead of asking a resolver (repeatable)'
            cand -t 'Limit of one attempt, as 250ms, 1.5s, 2m or seconds; 0 or none leaves the system''s own'
            cand --timeout 'Limit of one attempt, as 250ms, 1.5s, 2m or seconds; 0 or none leaves the system''s own'
            cand --resolve-timeout 'Limit of one name lookup; 0 or none leaves the resolver''s own'
            cand --deadline 'Limit of the whole run, lookups and --trace included; what it leaves out is skipped [default: none]'
            cand -m 'How connect() is called'
            cand --mode 'How connect() is called'
            cand --strategy 'Try every address, or in order until one connects'
            cand --require 'What makes a target good: any, all, each-family or a number of addresses that must connect'
            cand -r 'Try again so often where the code is retryable'
            cand --retries 'Try again so often where the code is retryable'
            cand --retry-delay 'Pause before such a try'
            cand --payload 'What a UDP probe sends: the text, or the contents of a file; 65,507 bytes at most'
            cand -s 'Bind to this source address before connect'
            cand --source 'Bind to this source address before connect'
            cand -I 'Bind to this interface before connect'
            cand --interface 'Bind to this interface before connect'
            cand --ttl 'IP time to live or hop limit'
            cand --tos 'Type of service or traffic class'
            cand --dscp 'Differentiated services code point by name (ef, af41, cs6, le, …) or number'
            cand -j 'Attempts in flight [default: 1000, or what the descriptor limit allows]'
            cand --concurrency 'Attempts in flight [default: 1000, or what the descriptor limit allows]'
            cand --rate 'Starts a second [default: unlimited]'
            cand --show 'Which targets are shown [default: all; for people, what is common among more than 20 is counted]'
            cand -o 'Form of the results'
            cand --output 'Form of the results'
            cand --color 'When to colour'
            cand --exit-code 'Which table of exit codes'
            cand --explain 'Explain a code: name or number of either vocabulary, or an outcome word'
            cand --generate 'Write a man page, a completion script or the JSON Schema to standard output'
            cand -4 'Only IPv4 addresses'
            cand --ipv4 'Only IPv4 addresses'
            cand -6 'Only IPv6 addresses'
            cand --ipv6 'Only IPv6 addresses'
            cand -n 'Never ask a resolver: hosts must be literals'
            cand --numeric 'Never ask a resolver: hosts must be literals'
            cand --yes 'Probe networks of more than 65,536 addresses'
            cand --strict 'Try and count a family even if this machine has no route for it'
            cand --fail-on-icmp 'End an attempt at the first ICMP message, even where the kernel goes on'
            cand --trace 'Show where on the path the connection dies (Linux; for TCP also Windows 10, 2004)'
            cand -u 'Datagram socket: send, wait for a reply or an error'
            cand --udp 'Datagram socket: send, wait for a reply or an error'
            cand --reuse-address 'SO_REUSEADDR: several sockets on one source port, also after TIME_WAIT where the one before had the option'
            cand --broadcast 'SO_BROADCAST: allow broadcast destinations (UDP)'
            cand --reset-on-close 'Close by RST, leaving no TIME_WAIT'
            cand --json 'The same as --output json'
            cand -q 'Nothing but the exit code'
            cand --quiet 'Nothing but the exit code'
            cand -v 'Each event of an attempt, its evidence and advice'
            cand --verbose 'Each event of an attempt, its evidence and advice'
            cand -D 'The time (UTC) before each target, for people'
            cand --timestamps 'The time (UTC) before each target, for people'
            cand --list-errors 'List every documented code'
            cand -z 'Accepted for the habits of nc -z; does nothing'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
    ]
    $completions[$command]
}
