complete -c rconnect -l from -d 'Read targets from FILE, one per line (# begins a comment, - is standard input)' -r -F
complete -c rconnect -s p -l ports -d 'Ports of every target that has none' -r -f
complete -c rconnect -l exclude -d 'Leave out hosts, networks and ports (:PORT), or those that FILE lists (repeatable)' -r -f
complete -c rconnect -l resolve -d 'Use these addresses for HOST:PORT, without a lookup (repeatable)' -r -f
complete -c rconnect -s t -l timeout -d 'Timeout of one attempt: 250ms, 1.5s, 2m or seconds; 0 or none leaves it to the system' -r -f
complete -c rconnect -l resolve-timeout -d 'Timeout of one name lookup; 0 or none leaves it to the resolver' -r -f
complete -c rconnect -l deadline -d 'Time limit of the whole run; targets that are left then are skipped [default: none]' -r -f
complete -c rconnect -s m -l mode -d 'How connect() is called' -r -f -a "nonblocking\t'connect() returns at once, and its completion is awaited'
blocking\t'connect() itself waits; one attempt at a time'"
complete -c rconnect -l strategy -d 'Try every address, or stop at the first that connects' -r -f -a "all\t'Every address'
first\t'In order, up to the first that connects'"
complete -c rconnect -l require -d 'Addresses that must connect: any, all, each-family or a number' -r -f
complete -c rconnect -s r -l retries -d 'Retry up to N times if the error is retryable' -r -f
complete -c rconnect -l retry-delay -d 'Pause before each retry' -r -f
complete -c rconnect -l payload -d 'Data of the datagram: the text, or the contents of a file (at most 65,507 bytes)' -r -f
complete -c rconnect -s s -l source -d 'Bind to this source address' -r -f
complete -c rconnect -s I -l interface -d 'Bind to this interface' -r -f
complete -c rconnect -l ttl -d 'IPv4 time to live or IPv6 hop limit' -r -f
complete -c rconnect -l tos -d 'IPv4 type of service or IPv6 traffic class' -r -f
complete -c rconnect -l dscp -d 'Differentiated services code point: ef, af41, cs6, le, ... or a number' -r -f
complete -c rconnect -s j -l concurrency -d 'Keep at most N attempts in flight [default: 1000, or what the descriptor limit allows]' -r -f
complete -c rconnect -l rate -d 'Start at most N attempts per second [default: unlimited]' -r -f
complete -c rconnect -l show -d 'Which targets are shown [default: all; for people, what is common among more than 20 is counted]' -r -f -a "all\t'All, one by one'
good\t'Only the good ones'
failed\t'Only those that are not good, or only in part'"
complete -c rconnect -s o -l output -d 'Form of the results' -r -f -a "human\t'For people'
json\t'One JSON object per line, one line per target'
csv\t'One row per attempt, with a header'"
complete -c rconnect -l color -d 'When to use colours' -r -f -a "auto\t'On a terminal'
always\t'Always'
never\t'Never'"
complete -c rconnect -l exit-code -d 'Table of exit codes' -r -f -a "class\t'One code for each class of outcome'
simple\t'0, 1 and 2 only'"
complete -c rconnect -l explain -d 'Explain an error code, a message of a system, a word of the results or an exit code' -r -f
complete -c rconnect -l generate -d 'Write a man page, a completion script or the JSON Schema to standard output' -r -f -a "man\t'The man page rconnect(1), in roff'
man-output\t'The man page rconnect-output(5), in roff'
man-systems\t'The man page rconnect-systems(7), in roff'
bash\t'Completions for bash'
zsh\t'Completions for zsh'
fish\t'Completions for fish'
powershell\t'Completions for PowerShell'
elvish\t'Completions for elvish'
json-schema\t'JSON Schema of --json'"
complete -c rconnect -s 4 -l ipv4 -d 'Use only IPv4 addresses'
complete -c rconnect -s 6 -l ipv6 -d 'Use only IPv6 addresses'
complete -c rconnect -s n -l numeric -d 'Never ask a resolver: every host must be an address'
complete -c rconnect -l yes -d 'Allow networks of more than 65,536 addresses'
complete -c rconnect -l strict -d 'Also try and count a family that this machine has no route for'
complete -c rconnect -l fail-on-icmp -d 'End an attempt at the first ICMP message, even if the kernel goes on'
complete -c rconnect -l trace -d 'Show where on the path the connection fails (Linux; TCP also on Windows 10 2004)'
complete -c rconnect -s u -l udp -d 'Probe UDP: send one datagram, wait for a reply or an error'
complete -c rconnect -l reuse-address -d 'Set SO_REUSEADDR: share the source port, or use it again after TIME_WAIT'
complete -c rconnect -l broadcast -d 'Set SO_BROADCAST: allow broadcast destinations (UDP)'
complete -c rconnect -l reset-on-close -d 'Close with RST, which leaves no TIME_WAIT'
complete -c rconnect -l json -d 'The same as --output json'
complete -c rconnect -s q -l quiet -d 'Print nothing: the exit code is the result'
complete -c rconnect -s v -l verbose -d 'Show each event of an attempt, its evidence and advice'
complete -c rconnect -s D -l timestamps -d 'Print the time (UTC) before each target'
complete -c rconnect -l list-errors -d 'List every documented error code'
complete -c rconnect -l self-test -d 'Show what the documents say of connect(), and what this system does, on loopback'
complete -c rconnect -s z -d 'Accepted for the habits of nc -z; does nothing'
complete -c rconnect -s h -l help -d 'Print help (see more with \'--help\')'
complete -c rconnect -s V -l version -d 'Print version'
