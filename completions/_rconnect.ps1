
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
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read targets from FILE, one a line, # comments; - is standard input')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Ports of every target that has none: -p 22,443 a.example b.example')
            [CompletionResult]::new('--ports', '--ports', [CompletionResultType]::ParameterName, 'Ports of every target that has none: -p 22,443 a.example b.example')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Use these addresses for HOST:PORT instead of asking a resolver (repeatable)')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Limit of one attempt, as 250ms, 1.5s, 2m or seconds; 0 or none leaves the system''s own')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Limit of one attempt, as 250ms, 1.5s, 2m or seconds; 0 or none leaves the system''s own')
            [CompletionResult]::new('--resolve-timeout', '--resolve-timeout', [CompletionResultType]::ParameterName, 'Limit of one name lookup; 0 or none leaves the resolver''s own')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Limit of the whole run, lookups and --trace included; what it leaves out is skipped [default: none]')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'How connect() is called')
            [CompletionResult]::new('--mode', '--mode', [CompletionResultType]::ParameterName, 'How connect() is called')
            [CompletionResult]::new('--strategy', '--strategy', [CompletionResultType]::ParameterName, 'Try every address, or in order until one connects')
            [CompletionResult]::new('--require', '--require', [CompletionResultType]::ParameterName, 'What makes a target good: any, all, each-family or a number of addresses that must connect')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Try again so often where the code is retryable')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Try again so often where the code is retryable')
            [CompletionResult]::new('--retry-delay', '--retry-delay', [CompletionResultType]::ParameterName, 'Pause before such a try')
            [CompletionResult]::new('--payload', '--payload', [CompletionResultType]::ParameterName, 'What a UDP probe sends: the text, or the contents of a file; 65,507 bytes at most')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Bind to this source address before connect')
            [CompletionResult]::new('--source', '--source', [CompletionResultType]::ParameterName, 'Bind to this source address before connect')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Bind to this interface before connect')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Bind to this interface before connect')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'IP time to live or hop limit')
            [CompletionResult]::new('--tos', '--tos', [CompletionResultType]::ParameterName, 'Type of service or traffic class')
            [CompletionResult]::new('--dscp', '--dscp', [CompletionResultType]::ParameterName, 'Differentiated services code point by name (ef, af41, cs6, le, …) or number')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Attempts in flight [default: 1000, or what the descriptor limit allows]')
            [CompletionResult]::new('--concurrency', '--concurrency', [CompletionResultType]::ParameterName, 'Attempts in flight [default: 1000, or what the descriptor limit allows]')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Starts a second [default: unlimited]')
            [CompletionResult]::new('--show', '--show', [CompletionResultType]::ParameterName, 'Which targets are shown [default: all; for people, what is common among more than 20 is counted]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Form of the results')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Form of the results')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour')
            [CompletionResult]::new('--exit-code', '--exit-code', [CompletionResultType]::ParameterName, 'Which table of exit codes')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Explain a code: name or number of either vocabulary, or an outcome word')
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Write a man page, a completion script or the JSON Schema to standard output')
            [CompletionResult]::new('-4', '-4', [CompletionResultType]::ParameterName, 'Only IPv4 addresses')
            [CompletionResult]::new('--ipv4', '--ipv4', [CompletionResultType]::ParameterName, 'Only IPv4 addresses')
            [CompletionResult]::new('-6', '-6', [CompletionResultType]::ParameterName, 'Only IPv6 addresses')
            [CompletionResult]::new('--ipv6', '--ipv6', [CompletionResultType]::ParameterName, 'Only IPv6 addresses')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Never ask a resolver: hosts must be literals')
            [CompletionResult]::new('--numeric', '--numeric', [CompletionResultType]::ParameterName, 'Never ask a resolver: hosts must be literals')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Probe networks of more than 65,536 addresses')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Try and count a family even if this machine has no route for it')
            [CompletionResult]::new('--fail-on-icmp', '--fail-on-icmp', [CompletionResultType]::ParameterName, 'End an attempt at the first ICMP message, even where the kernel goes on')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Show where on the path the connection dies (Linux; for TCP also Windows 10, 2004)')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Datagram socket: send, wait for a reply or an error')
            [CompletionResult]::new('--udp', '--udp', [CompletionResultType]::ParameterName, 'Datagram socket: send, wait for a reply or an error')
            [CompletionResult]::new('--reuse-address', '--reuse-address', [CompletionResultType]::ParameterName, 'SO_REUSEADDR: several sockets on one source port, also after TIME_WAIT where the one before had the option')
            [CompletionResult]::new('--broadcast', '--broadcast', [CompletionResultType]::ParameterName, 'SO_BROADCAST: allow broadcast destinations (UDP)')
            [CompletionResult]::new('--reset-on-close', '--reset-on-close', [CompletionResultType]::ParameterName, 'Close by RST, leaving no TIME_WAIT')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --output json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Nothing but the exit code')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Nothing but the exit code')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Each event of an attempt, its evidence and advice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Each event of an attempt, its evidence and advice')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'The time (UTC) before each target, for people')
            [CompletionResult]::new('--timestamps', '--timestamps', [CompletionResultType]::ParameterName, 'The time (UTC) before each target, for people')
            [CompletionResult]::new('--list-errors', '--list-errors', [CompletionResultType]::ParameterName, 'List every documented code')
            [CompletionResult]::new('-z', '-z', [CompletionResultType]::ParameterName, 'Accepted for the habits of nc -z; does nothing')
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
