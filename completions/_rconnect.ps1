
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'rconnect' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'rconnect'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'rconnect' {
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read targets from FILE, one per line (# begins a comment, - is standard input)')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Ports of every target that has none')
            [CompletionResult]::new('--ports', '--ports', [CompletionResultType]::ParameterName, 'Ports of every target that has none')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out hosts, networks and ports (:PORT), or those that FILE lists (repeatable)')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Use these addresses for HOST:PORT, without a lookup (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Timeout of one attempt: 250ms, 1.5s, 2m or seconds; 0 or none leaves it to the system')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Timeout of one attempt: 250ms, 1.5s, 2m or seconds; 0 or none leaves it to the system')
            [CompletionResult]::new('--resolve-timeout', '--resolve-timeout', [CompletionResultType]::ParameterName, 'Timeout of one name lookup; 0 or none leaves it to the resolver')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Time limit of the whole run; targets that are left then are skipped [default: none]')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'How connect() is called')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'How connect() is called')
            [CompletionResult]::new('--strategy', '--strategy', [CompletionResultType]::ParameterName, 'Try every address, stop at the first that connects, or race them as browsers do')
            [CompletionResult]::new('--attempt-delay', '--attempt-delay', [CompletionResultType]::ParameterName, 'Delay of a race before the next address is tried: 10ms to 2s [default: 250ms]')
            [CompletionResult]::new('--require', '--require', [CompletionResultType]::ParameterName, 'Addresses that must connect: any, all, each-family or a number')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'The target is good if every address comes to one of these: open, closed, blocked or outcomes')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Retry up to N times if the error is retryable')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Retry up to N times if the error is retryable')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Pause before each retry')
            [CompletionResult]::new('--hold', '--hold', [CompletionResultType]::ParameterName, 'Keep each TCP connection open for DURATION, send nothing, and report whether it is served')
            [CompletionResult]::new('--payload', '--payload', [CompletionResultType]::ParameterName, 'Data of the datagram: the text, or the contents of a file (at most 65,507 bytes)')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Bind to this source address')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Bind to this source address')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Bind to this interface')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Bind to this interface')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'IPv4 time to live or IPv6 hop limit')
            [CompletionResult]::new('--tos', '--tos', [CompletionResultType]::ParameterName, 'IPv4 type of service or IPv6 traffic class')
            [CompletionResult]::new('--dscp', '--dscp', [CompletionResultType]::ParameterName, 'Differentiated services code point: ef, af41, cs6, le, ... or a number')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Keep at most N attempts in flight [default: 1000, or what the descriptor limit allows]')
            [CompletionResult]::new('--concurrency', '--concurrency', [CompletionResultType]::ParameterName, 'Keep at most N attempts in flight [default: 1000, or what the descriptor limit allows]')
            [CompletionResult]::new('--per-host', '--per-host', [CompletionResultType]::ParameterName, 'Keep at most N attempts in flight to one address [default: as many as it answers]')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Start at most N attempts per second [default: unlimited]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Probe again until every target is good, for DURATION at most; then execute COMMAND')
            [CompletionResult]::new('--stable', '--stable', [CompletionResultType]::ParameterName, 'With --wait: rounds in a row in which every target must be good [default: 1]')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Probe N times, and show statistics at the end')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Probe N times, and show statistics at the end')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'With --count, --watch and --wait: from the begin of a round to that of the next [default: 1s]')
            [CompletionResult]::new('--interval', '--interval', [CompletionResultType]::ParameterName, 'With --count, --watch and --wait: from the begin of a round to that of the next [default: 1s]')
            [CompletionResult]::new('--show', '--show', [CompletionResultType]::ParameterName, 'Which targets are shown [default: all; for people, what is common among more than 20 is counted]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Form of the results')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Form of the results')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'When to show progress on standard error while a run or round lasts over a second')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colours')
            [CompletionResult]::new('--exit-code', '--exit-code', [CompletionResultType]::ParameterName, 'Table of exit codes')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Explain an error code, a message of a system, a word of the results or an exit code')
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Write a man page, a completion script or the JSON Schema to standard output')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'Use only IPv4 addresses')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'Use only IPv4 addresses')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'Use only IPv6 addresses')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'Use only IPv6 addresses')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Never ask a resolver: every host must be an address')
            [CompletionResult]::new('--numeric', '--numeric', [CompletionResultType]::ParameterName, 'Never ask a resolver: every host must be an address')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Allow networks of more than 65,536 addresses')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Also try and count a family that this machine has no route for')
            [CompletionResult]::new('--fail-on-icmp', '--fail-on-icmp', [CompletionResultType]::ParameterName, 'End an attempt at the first ICMP message, even if the kernel goes on')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Show where on the path the connection fails (Linux; TCP also on Windows 10 2004)')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Probe UDP: send one datagram, wait for a reply or an error')
            [CompletionResult]::new('--udp', '--udp', [CompletionResultType]::ParameterName, 'Probe UDP: send one datagram, wait for a reply or an error')
            [CompletionResult]::new('--reuse-address', '--reuse-address', [CompletionResultType]::ParameterName, 'Set SO_REUSEADDR: share the source port, or use it again after TIME_WAIT')
            [CompletionResult]::new('--broadcast', '--broadcast', [CompletionResultType]::ParameterName, 'Set SO_BROADCAST: allow broadcast destinations (UDP)')
            [CompletionResult]::new('--reset-on-close', '--reset-on-close', [CompletionResultType]::ParameterName, 'Close with RST, which leaves no TIME_WAIT')
            [CompletionResult]::new('--ordered', '--ordered', [CompletionResultType]::ParameterName, 'Results in the order of the targets; attempts wait for slow ones')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Probe again until a signal or --deadline, and show statistics at the end')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print nothing: the exit code is the result')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print nothing: the exit code is the result')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each event of an attempt, its evidence and advice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each event of an attempt, its evidence and advice')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'Print the time (UTC) before each target')
            [CompletionResult]::new('--timestamps', '--timestamps', [CompletionResultType]::ParameterName, 'Print the time (UTC) before each target')
            [CompletionResult]::new('--list-errors', '--list-errors', [CompletionResultType]::ParameterName, 'List every documented error code')
            [CompletionResult]::new('--self-test', '--self-test', [CompletionResultType]::ParameterName, 'Show what the documents say of connect(), and what this system does, on loopback')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
