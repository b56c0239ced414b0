package main

import (
	"slices"

	"github.com/elasticcode/flow/messages"
)

// thing is a class of objects as the verbs see it.
type thing struct {
	kind    messages.Kind
	name    string // queue
	plural  string // queues
	fields  []field
	columns []column

	// Why it cannot be added, updated or deleted, and what to do instead.
	notAdded, notUpdated, notDeleted string
}

// things are all classes, in the order in which help lists them.
func things() []thing {
	return []thing{
		{
			kind: messages.Kind_KIND_QUEUE, name: "queue", plural: "queues",
			fields: append(slices.Clone(queueFields), retentionFields("queue", "what the network says")...), columns: queueColumns,
		},
		{
			kind: messages.Kind_KIND_PROCESSOR, name: "processor", plural: "processors",
			fields: processorFields, columns: processorColumns,
		},
		{
			kind: messages.Kind_KIND_SOCKET, name: "socket", plural: "sockets",
			fields: append(slices.Clone(socketFields), retentionFields("socket", "what its queue says")...), columns: socketColumns,
		},
		{
			kind: messages.Kind_KIND_PLUG, name: "plug", plural: "plugs",
			fields: plugFields, columns: plugColumns,
		},
		{
			kind: messages.Kind_KIND_NODE, name: "node", plural: "nodes", fields: nodeFields, columns: nodeColumns,
			notAdded: "a node adds itself: start the program `node` on that machine, with --join HOST:PORT to name a node of this network",
		},
		{
			kind: messages.Kind_KIND_AGENT, name: "agent", plural: "agents", columns: agentColumns,
			notAdded:   "each node brings its agent: start a node",
			notUpdated: "an agent reports what it is: start its node again with other flags (node --help)",
			notDeleted: "an agent goes with its node: stop the node, then `flowcli delete node NAME`",
		},
		{
			kind: messages.Kind_KIND_WORKER, name: "worker", plural: "workers", columns: workerColumns,
			notAdded:   "workers follow a processor's concurrency: `flowcli update processor -n NAME -w NUMBER`",
			notUpdated: "workers follow their processor: `flowcli update processor -n NAME …`",
			notDeleted: "workers follow their processor: `flowcli proc stop NAME`, or fewer with `flowcli update processor -n NAME -w NUMBER`",
		},
		{
			kind: messages.Kind_KIND_DEPLOYMENT, name: "deployment", plural: "deployments", columns: deploymentColumns,
			notAdded:   "the network places a processor's slots itself: `flowcli update processor -n NAME -w NUMBER`, with -h HOST to pin it",
			notUpdated: "the network places a processor's slots itself: `flowcli update processor -n NAME -w NUMBER`, with -h HOST to pin it",
			notDeleted: "the network places a processor's slots itself: `flowcli proc stop NAME` takes them all away",
		},
		{
			kind: messages.Kind_KIND_TASK, name: "task", plural: "tasks", columns: taskColumns,
			notAdded:   "tasks are read from the functions in a processor's module: add the function to the repository, then `flowcli proc restart NAME`",
			fields:     taskFields,
			notDeleted: "tasks are read from the functions in a processor's module: take the function out of the repository, then `flowcli proc restart NAME`",
		},
		{
			kind: messages.Kind_KIND_ARGUMENT, name: "argument", plural: "arguments", columns: argumentColumns,
			notUpdated: "arguments are read from a function's signature: change the repository, then `flowcli proc restart NAME`",
			notDeleted: "arguments are read from a function's signature: change the repository, then `flowcli proc restart NAME`",
		},
		{
			kind: messages.Kind_KIND_NETWORK, name: "network", plural: "networks", columns: networkColumns,
			fields:     retentionFields("network", "7 days, a million calls; dead ones 30 days, 100,000"),
			notAdded:   "a network is made when its first node is started",
			notDeleted: "a network ends with its nodes: stop each of them",
		},
		{
			name: "call", plural: "calls",
			notAdded:   "a call is made by running a socket: `flowcli task run -s SOCKET -d DATA`",
			notUpdated: "the record of a call never changes; run the socket again: `flowcli task run -s SOCKET -d DATA`",
			notDeleted: "calls are kept as history; one that has not ended can be cancelled: `flowcli task cancel ID`",
		},
	}
}

// thingOf finds a class by its kind.
func thingOf(kind messages.Kind) thing {
	for _, t := range things() {
		if t.kind == kind {
			return t
		}
	}
	return thing{}
}
