package main

var queueFields = []field{
	{path: "queue.qtype", long: "type", short: "t", form: asChoice, choices: []string{"topic", "direct", "fanout"}, initial: "direct",
		usage: "direct: to its socket; fanout: to every socket; topic: to the sockets whose pattern matches (default direct)"},
	{path: "queue.durable", long: "durable", form: asBoolean, initial: "true", usage: "messages survive a restart (default true)"},
	{path: "queue.reliable", long: "reliable", form: asBoolean, initial: "true", usage: "messages are confirmed (default true)"},
	{path: "queue.auto_delete", long: "auto-delete", form: asBoolean, usage: "the queue goes when nothing uses it (default false)"},
	{path: "queue.max_length", long: "max-length", form: asWhole, usage: "calls that a mailbox may hold; 0: no bound (default 0)"},
	{path: "queue.max_length_bytes", long: "max-length-bytes", form: asWhole, usage: "bytes that a mailbox may hold; 0: no bound (default 0)"},
	{path: "queue.message_ttl", long: "message-ttl", form: asMillis, usage: "after this time a call that has not started expires; a bare number is milliseconds; 0: never (default 0)"},
	{path: "queue.expires", long: "expires", form: asMillis, usage: "how long an unused queue stays; a bare number is milliseconds; 0: for ever (default 0)"},
}
