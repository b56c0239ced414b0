package main

var queueFields = []field{
	{path: "queue.qtype", long: "type", short: "t", form: asChoice, choices: []string{"topic", "direct", "fanout"}, initial: "direct",
		usage: "where what is published goes. direct: to the socket that is named; fanout: to every socket; topic: to the sockets whose binding matches (default direct)"},
	{path: "queue.durable", long: "durable", form: asBoolean, initial: "true", usage: "kept for the record: calls are durable whatever it says (default true)"},
	{path: "queue.reliable", long: "reliable", form: asBoolean, initial: "true", usage: "kept for the record: calls are confirmed whatever it says (default true)"},
	{path: "queue.auto_delete", long: "auto-delete", form: asBoolean, usage: "the queue goes with the last of its sockets (default false)"},
	{path: "queue.max_length", long: "max-length", form: asWhole, usage: "calls that a mailbox may hold; 0: no bound (default 0)"},
	{path: "queue.max_length_bytes", long: "max-length-bytes", form: asWhole, usage: "bytes that a mailbox may hold; 0: no bound (default 0)"},
	{path: "queue.message_ttl", long: "message-ttl", form: asMillis, usage: "after this time a call that has not started expires; a bare number is milliseconds; 0: never (default 0)"},
	{path: "queue.expires", long: "expires", form: asMillis, usage: "how long the queue stays without a socket or plug; a bare number is milliseconds; 0: for ever (default 0)"},
}
