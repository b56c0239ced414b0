package main

import (
	"fmt"
	"strconv"

	"github.com/elasticcode/flow/messages"
)

// column is one column of the tables of a class.
type column struct {
	name string
	cell func(o *messages.Object, name nameOf) string
}

// nameOf gives the name of the object with an id, or the id itself.
type nameOf func(kind messages.Kind, id string) string

// standard are the columns that every class has; special ones follow the first three.
func standard(special ...column) []column {
	columns := []column{
		{"Name", func(o *messages.Object, _ nameOf) string { return o.Name }},
		{"ID", func(o *messages.Object, _ nameOf) string { return o.Id }},
		{"Owner", func(o *messages.Object, _ nameOf) string { return o.Owner }},
		{"Last Updated", func(o *messages.Object, _ nameOf) string { return clock(o.Lastupdated) }},
	}
	return append(columns, special...)
}

func text(name string, get func(o *messages.Object) string) column {
	return column{name, func(o *messages.Object, _ nameOf) string { return get(o) }}
}

func number(name string, get func(o *messages.Object) int64) column {
	return column{name, func(o *messages.Object, _ nameOf) string { return strconv.FormatInt(get(o), 10) }}
}

func reference(name string, kind messages.Kind, get func(o *messages.Object) string) column {
	return column{name, func(o *messages.Object, called nameOf) string { return called(kind, get(o)) }}
}

var (
	status    = text("Status", func(o *messages.Object) string { return o.Status })
	requested = text("Requested Status", func(o *messages.Object) string { return o.RequestedStatus })
)

var queueColumns = standard(
	text("Type", func(o *messages.Object) string { return o.GetQueue().GetQtype() }),
	text("Max Length", func(o *messages.Object) string { return bound(o.GetQueue().GetMaxLength(), "") }),
	text("Message TTL", func(o *messages.Object) string { return bound(o.GetQueue().GetMessageTtl(), " ms") }),
	status,
)

var processorColumns = standard(
	text("Module", func(o *messages.Object) string { return o.GetProcessor().GetModule() }),
	text("Branch", func(o *messages.Object) string { return o.GetProcessor().GetBranch() }),
	text("Commit", commitOf),
	text("Host", func(o *messages.Object) string { return o.GetProcessor().GetHostname() }),
	text("Concurrency", concurrencyOf),
	requested,
	status,
)

var socketColumns = standard(
	reference("Processor", messages.Kind_KIND_PROCESSOR, func(o *messages.Object) string { return o.GetSocket().GetProcessor() }),
	reference("Queue", messages.Kind_KIND_QUEUE, func(o *messages.Object) string { return o.GetSocket().GetQueue() }),
	text("Task", func(o *messages.Object) string { return o.GetSocket().GetFunction() }),
	status,
)

var networkColumns = standard(
	text("Keep", func(o *messages.Object) string { return bound(o.GetNetwork().GetKeepAge(), " ms") }),
	text("Keep Calls", func(o *messages.Object) string { return bound(o.GetNetwork().GetKeepCalls(), "") }),
	text("Keep Dead", func(o *messages.Object) string { return bound(o.GetNetwork().GetDeadAge(), " ms") }),
	status,
)

var nodeColumns = standard(
	text("Host", func(o *messages.Object) string { return o.GetNode().GetHostname() }),
	number("CPUs", func(o *messages.Object) int64 { return int64(o.GetNode().GetCpus()) }),
	text("API", func(o *messages.Object) string { return o.GetNode().GetApiAddress() }),
	text("Version", func(o *messages.Object) string { return o.GetNode().GetVersion() }),
	text("Status", nodeStatus),
)

// nodeStatus is a node's status, with what keeps it from its full part.
func nodeStatus(o *messages.Object) string {
	status := o.Status
	if !o.Enabled {
		status += ", disabled"
	}
	if o.Status == "up" && o.Message != "" {
		status += ": " + o.Message
	}
	return status
}

var agentColumns = standard(
	reference("Node", messages.Kind_KIND_NODE, func(o *messages.Object) string { return o.GetAgent().GetNode() }),
	text("Host", func(o *messages.Object) string { return o.GetAgent().GetHostname() }),
	number("CPUs", func(o *messages.Object) int64 { return int64(o.GetAgent().GetCpus()) }),
	number("PID", func(o *messages.Object) int64 { return int64(o.GetAgent().GetPid()) }),
	status,
)

var workerColumns = standard(
	reference("Processor", messages.Kind_KIND_PROCESSOR, func(o *messages.Object) string { return o.GetWorker().GetProcessor() }),
	reference("Node", messages.Kind_KIND_NODE, func(o *messages.Object) string { return o.GetWorker().GetNode() }),
	number("Slot", func(o *messages.Object) int64 { return int64(o.GetWorker().GetSlot()) }),
	number("PID", func(o *messages.Object) int64 { return int64(o.GetWorker().GetProcess()) }),
	text("Commit", func(o *messages.Object) string { return short(o.GetWorker().GetCommit()) }),
	status,
)

var deploymentColumns = standard(
	reference("Processor", messages.Kind_KIND_PROCESSOR, func(o *messages.Object) string { return o.GetDeployment().GetProcessor() }),
	reference("Node", messages.Kind_KIND_NODE, func(o *messages.Object) string { return o.GetDeployment().GetNode() }),
	number("CPUs", func(o *messages.Object) int64 { return int64(o.GetDeployment().GetCpus()) }),
	number("Running", func(o *messages.Object) int64 { return int64(o.GetDeployment().GetRunning()) }),
	status,
)

var taskColumns = standard(
	reference("Processor", messages.Kind_KIND_PROCESSOR, func(o *messages.Object) string { return o.GetTask().GetProcessor() }),
	text("Module", func(o *messages.Object) string { return o.GetTask().GetModule() }),
	text("Function", func(o *messages.Object) string { return o.GetTask().GetFunction() }),
	text("Code", func(o *messages.Object) string { return whoseCode(o.GetTask()) }),
)

// whoseCode says where the text of a function is.
func whoseCode(t *messages.Task) string {
	switch {
	case t.GetMixin():
		return "mixin"
	case t.GetCode() != "":
		return "override"
	}
	return "repository"
}

var argumentColumns = standard(
	reference("Task", messages.Kind_KIND_TASK, func(o *messages.Object) string { return o.GetArgument().GetTask() }),
	number("Position", func(o *messages.Object) int64 { return int64(o.GetArgument().GetPosition()) }),
	text("Kind", func(o *messages.Object) string { return lower(o.GetArgument().GetKind().String()) }),
	text("Default", func(o *messages.Object) string { return o.GetArgument().GetDefaultText() }),
)

// bound writes a number where 0 means that there is no bound.
func bound(n int64, unit string) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10) + unit
}

// concurrencyOf writes how many slots a processor wants, and what it lacks.
func concurrencyOf(o *messages.Object) string {
	p := o.GetProcessor()
	if p.GetShortfall() > 0 {
		return fmt.Sprintf("%d (%d short)", p.GetConcurrency(), p.GetShortfall())
	}
	return strconv.Itoa(int(p.GetConcurrency()))
}

// commitOf writes the commit that a processor runs, and the one that is to
// take its place.
func commitOf(o *messages.Object) string {
	p := o.GetProcessor()
	if p.GetServing() == nil {
		return short(p.GetResolvedCommit())
	}
	return short(p.Serving.Commit) + ", next " + short(p.GetResolvedCommit())
}

// short is a commit's hash as people write it.
func short(hash string) string {
	if len(hash) > 12 {
		return hash[:12]
	}
	return hash
}
