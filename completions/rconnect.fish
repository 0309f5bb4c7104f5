complete -c rconnect -l from -d 'Read targets from FILE, one a line, # comments; - is standard input' -r -F
complete -c rconnect -s p -l ports -d 'Ports of every target that has none: -p 22,443 a.example b.example' -r -f
complete -c rconnect -l resolve -d 'Use these addresses for HOST:PORT instead of asking a resolver (repeatable)' -r -f
complete -c rconnect -s t -l timeout -d 'Limit of one attempt, as 250ms, 1.5s, 2m or seconds; 0 or none leaves the system\'s own' -r -f
complete -c rconnect -l resolve-timeout -d 'Limit of one name lookup; 0 or none leaves the resolver\'s own' -r -f
complete -c rconnect -l deadline -d 'Limit of the whole run, lookups and --trace included; what it leaves out is skipped [default: none]' -r -f
complete -c rconnect -s m -l mode -d 'How connect() is called' -r -f -a "nonblocking\t'Returns at once, completion is waited for'
blocking\t'connect() itself waits; one attempt at a time'"
complete -c rconnect -l strategy -d 'Try every address, or in order until one connects' -r -f -a "all\t'Every address'
first\t'In order, stop at the first success'"
complete -c rconnect -l require -d 'What makes a target good: any, all, each-family or a number of addresses that must connect' -r -f
complete -c rconnect -s r -l retries -d 'Try again so often where the code is retryable' -r -f
complete -c rconnect -l retry-delay -d 'Pause before such a try' -r -f
complete -c rconnect -l payload -d 'What a UDP probe sends: the text, or the contents of a file; 65,507 bytes at most' -r -f
complete -c rconnect -s s -l source -d 'Bind to this source address before connect' -r -f
complete -c rconnect -s I -l interface -d 'Bind to this interface before connect' -r -f
complete -c rconnect -l ttl -d 'IP time to live or hop limit' -r -f
complete -c rconnect -l tos -d 'Type of service or traffic class' -r -f
complete -c rconnect -l dscp -d 'Differentiated services code point by name (ef, af41, cs6, le, …) or number' -r -f
complete -c rconnect -s j -l concurrency -d 'Attempts in flight [default: 1000, or what the descriptor limit allows]' -r -f
complete -c rconnect -l rate -d 'Starts a second [default: unlimited]' -r -f
complete -c rconnect -l show -d 'Which targets are shown [default: all; for people, what is common among more than 20 is counted]' -r -f -a "all\t'All, one by one'
good\t'Only the good ones'
failed\t'Only those that are not good, or only in part'"
complete -c rconnect -s o -l output -d 'Form of the results' -r -f -a "human\t'For people'
json\t'One JSON object a line, one line a target'
csv\t'One row an attempt, with a header'"
complete -c rconnect -l color -d 'When to colour' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c rconnect -l exit-code -d 'Which table of exit codes' -r -f -a "class\t'One code for each class of outcome'
simple\t'0, 1 and 2 only'"
complete -c rconnect -l explain -d 'Explain a code: name or number of either vocabulary, or an outcome word' -r -f
complete -c rconnect -l generate -d 'Write a man page, a completion script or the JSON Schema to standard output' -r -f -a "man\t'The man page rconnect(1), in roff'
man-output\t'The man page rconnect-output(5), in roff'
bash\t'Completions for bash'
zsh\t'Completions for zsh'
fish\t'Completions for fish'
powershell\t'Completions for PowerShell'
elvish\t'Completions for elvish'
json-schema\t'JSON Schema of --json'"
complete -c rconnect -s 4 -l ipv4 -d 'Only IPv4 addresses'
complete -c rconnect -s 6 -l ipv6 -d 'Only IPv6 addresses'
complete -c rconnect -s n -l numeric -d 'Never ask a resolver: hosts must be literals'
complete -c rconnect -l yes -d 'Probe networks of more than 65,536 addresses'
complete -c rconnect -l strict -d 'Try and count a family even if this machine has no route for it'
complete -c rconnect -l fail-on-icmp -d 'End an attempt at the first ICMP message, even where the kernel goes on'
complete -c rconnect -l trace -d 'Show where on the path the connection dies (Linux; for TCP also Windows 10, 2004)'
complete -c rconnect -s u -l udp -d 'Datagram socket: send, wait for a reply or an error'
complete -c rconnect -l reuse-address -d 'SO_REUSEADDR: several sockets on one source port, also after TIME_WAIT where the one before had the option'
complete -c rconnect -l broadcast -d 'SO_BROADCAST: allow broadcast destinations (UDP)'
complete -c rconnect -l reset-on-close -d 'Close by RST, leaving no TIME_WAIT'
complete -c rconnect -l json -d 'The same as --output json'
complete -c rconnect -s q -l quiet -d 'Nothing but the exit code'
complete -c rconnect -s v -l verbose -d 'Each event of an attempt, its evidence and advice'
complete -c rconnect -s D -l timestamps -d 'The time (UTC) before each target, for people'
complete -c rconnect -l list-errors -d 'List every documented code'
complete -c rconnect -s z -d 'Accepted for the habits of nc -z; does nothing'
complete -c rconnect -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rconnect -s V -l version -d 'Print version'
