
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
            cand --from 'Read targets from FILE, one per line (# begins a comment, - is standard input)'
            cand -p 'Ports of every target that has none'
            cand --ports 'Ports of every target that has none'
            cand --exclude 'Leave out hosts, networks and ports (:PORT), or those that FILE lists (repeatable)'
            cand --resolve 'Use these addresses for HOST:PORT, without a lookup (repeatable)'
            cand -t 'Timeout of one attempt: 250ms, 1.5s, 2m or seconds; 0 or none leaves it to the system'
            cand --timeout 'Timeout of one attempt: 250ms, 1.5s, 2m or seconds; 0 or none leaves it to the system'
            cand --resolve-timeout 'Timeout of one name lookup; 0 or none leaves it to the resolver'
            cand --deadline 'Time limit of the whole run; targets that are left then are skipped [default: none]'
            cand -m 'How connect() is called'
            cand --mode 'How connect() is called'
            cand --strategy 'Try every address, stop at the first that connects, or race them as browsers do'
            cand --attempt-delay 'Delay of a race before the next address is tried: 10ms to 2s [default: 250ms]'
            cand --require 'Addresses that must connect: any, all, each-family or a number'
            cand --expect 'The target is good if every address comes to one of these: open, closed, blocked or outcomes'
            cand -r 'Retry up to N times if the error is retryable'
            cand --retries 'Retry up to N times if the error is retryable'
            cand --retry-delay 'Pause before each retry'
            cand --hold 'Keep each TCP connection open for DURATION, send nothing, and report whether it is served'
            cand --payload 'Data of the datagram: the text, or the contents of a file (at most 65,507 bytes)'
            cand -s 'Bind to this source address'
            cand --source 'Bind to this source address'
            cand -I 'Bind to this interface'
            cand --interface 'Bind to this interface'
            cand --ttl 'IPv4 time to live or IPv6 hop limit'
            cand --tos 'IPv4 type of service or IPv6 traffic class'
            cand --dscp 'Differentiated services code point: ef, af41, cs6, le, ... or a number'
            cand -j 'Keep at most N attempts in flight [default: 1000, or what the descriptor limit allows]'
            cand --concurrency 'Keep at most N attempts in flight [default: 1000, or what the descriptor limit allows]'
            cand --per-host 'Keep at most N attempts in flight to one address [default: as many as it answers]'
            cand --rate 'Start at most N attempts per second [default: unlimited]'
            cand --wait 'Probe again until every target is good, for DURATION at most; then execute COMMAND'
            cand --stable 'With --wait: rounds in a row in which every target must be good [default: 1]'
            cand -c 'Probe N times, and show statistics at the end'
            cand --count 'Probe N times, and show statistics at the end'
            cand -i 'With --count, --watch and --wait: from the begin of a round to that of the next [default: 1s]'
            cand --interval 'With --count, --watch and --wait: from the begin of a round to that of the next [default: 1s]'
            cand --show 'Which targets are shown [default: all; for people, what is common among more than 20 is counted]'
            cand -o 'Form of the results'
            cand --output 'Form of the results'
            cand --progress 'When to show progress on standard error while a run or round lasts over a second'
            cand --color 'When to use colours'
            cand --exit-code 'Table of exit codes'
            cand --explain 'Explain an error code, a message of a system, a word of the results or an exit code'
            cand --generate 'Write a man page, a completion script or the JSON Schema to standard output'
            cand -4 'Use only IPv4 addresses'
            cand --ipv4 'Use only IPv4 addresses'
            cand -6 'Use only IPv6 addresses'
            cand --ipv6 'Use only IPv6 addresses'
            cand -n 'Never ask a resolver: every host must be an address'
            cand --numeric 'Never ask a resolver: every host must be an address'
            cand --yes 'Allow networks of more than 65,536 addresses'
            cand --strict 'Also try and count a family that this machine has no route for'
            cand --fail-on-icmp 'End an attempt at the first ICMP message, even if the kernel goes on'
            cand --trace 'Show where on the path the connection fails (Linux; TCP also on Windows 10 2004)'
            cand -u 'Probe UDP: send one datagram, wait for a reply or an error'
            cand --udp 'Probe UDP: send one datagram, wait for a reply or an error'
            cand --reuse-address 'Set SO_REUSEADDR: share the source port, or use it again after TIME_WAIT'
            cand --broadcast 'Set SO_BROADCAST: allow broadcast destinations (UDP)'
            cand --reset-on-close 'Close with RST, which leaves no TIME_WAIT'
            cand --ordered 'Results in the order of the targets; attempts wait for slow ones'
            cand --watch 'Probe again until a signal or --deadline, and show statistics at the end'
            cand --json 'The same as --output json'
            cand -q 'Print nothing: the exit code is the result'
            cand --quiet 'Print nothing: the exit code is the result'
            cand -v 'Show each event of an attempt, its evidence and advice'
            cand --verbose 'Show each event of an attempt, its evidence and advice'
            cand -D 'Print the time (UTC) before each target'
            cand --timestamps 'Print the time (UTC) before each target'
            cand --list-errors 'List every documented error code'
            cand --self-test 'Show what the documents say of connect(), and what this system does, on loopback'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
    ]
    $completions[$command]
}
