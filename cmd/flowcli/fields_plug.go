package main

import "github.com/elasticcode/flow/messages"

var plugFields = []field{
	{path: "plug.source", long: "source", short: "s", usage: "name of the socket that it leads from", required: true},
	{path: "plug.target", long: "target", short: "t", usage: "name of the socket that it leads to", required: true},
	{path: "plug.queue", long: "queue", short: "q", usage: "name of its queue (default the target's)"},
	{path: "plug.argument", long: "argument", usage: "argument of the target's function that it fills (default the first)"},
	{path: "plug.type", long: "type", form: asChoice, choices: []string{"RESULT", "ERROR"}, initial: "RESULT",
		usage: "RESULT: results go on; ERROR: errors of calls that failed for good (default RESULT)"},
	{path: "plug.description", long: "description", usage: "what it is for"},
}

var plugColumns = standard(
	text("Type", func(o *messages.Object) string { return o.GetPlug().GetType() }),
	reference("Source", messages.Kind_KIND_SOCKET, func(o *messages.Object) string { return o.GetPlug().GetSource() }),
	reference("Target", messages.Kind_KIND_SOCKET, func(o *messages.Object) string { return o.GetPlug().GetTarget() }),
	text("Argument", func(o *messages.Object) string { return o.GetPlug().GetArgument() }),
	reference("Queue", messages.Kind_KIND_QUEUE, func(o *messages.Object) string { return o.GetPlug().GetQueue() }),
	status,
)
