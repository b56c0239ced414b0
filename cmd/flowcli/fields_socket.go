package main

var socketFields = []field{
	{path: "socket.queue", long: "queue", short: "q", usage: "name of its queue", required: true},
	{path: "socket.processor", long: "processor", short: "pn", usage: "name of its processor", required: true, only: onAdd},
	{path: "socket.function", long: "task", short: "t", usage: "function in the processor's module", required: true, only: onAdd},
	{path: "socket.binding", long: "binding", usage: "what it takes of what is published to its queue: a routing key; of a topic queue a pattern, where * is one word and # any number (default its name)"},
	{path: "socket.wait", long: "wait", form: asSwitch, usage: "wait for all incoming plugs"},
	{path: "socket.ordered", long: "ordered", form: asSwitch, usage: "one call at a time, in order"},
	{path: "socket.retries", long: "retries", short: "r", form: asWhole, usage: "tries after the first, in place of the processor's"},
	{path: "socket.retrydelay", long: "retrydelay", form: asSeconds, usage: "time before the first retry, in place of the processor's; a bare number is seconds"},
	{path: "socket.no_retry", long: "no-retry", form: asWords, usage: "types of errors that are not tried again, parted by commas, with those of the processor: ValueError,timeout"},
	{path: "socket.timelimit", long: "timelimit", form: asSeconds, usage: "time that a try may take, in place of the processor's; a bare number is seconds"},
	{path: "socket.ratelimit", long: "ratelimit", usage: "calls per second, minute or hour: 10/s, 100/m, 1000/h"},
	{path: "socket.correlate", long: "correlate", form: asChoice, choices: []string{"none", "tracking"}, usage: "tracking: join only arguments of the same run"},
	{path: "socket.overflow", long: "overflow", form: asChoice, choices: []string{"block", "dead_letter"}, usage: "what happens when a gate is full"},
	{path: "socket.gate_timeout", long: "gate-timeout", form: asMillis, usage: "how long an argument may wait at the gate for the others; a bare number is milliseconds; 0: for ever"},
	{path: "socket.schedule_type", long: "schedule-type", form: asChoice, choices: []string{"CRON", "INTERVAL"}, usage: "how it is scheduled"},
	{path: "socket.scheduled", long: "scheduled", short: "s", form: asSwitch, usage: "run on a schedule"},
	{path: "socket.cron", long: "cron", usage: "cron expression of the schedule"},
	{path: "socket.interval", long: "interval", short: "i", form: asInterval, usage: "interval of the schedule; a bare number is seconds"},
	{path: "socket.description", long: "description", usage: "what it is for"},
}
