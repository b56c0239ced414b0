package model

// What a status or a requested status may say.
const (
	Ready    = "ready"    // queues, sockets, tasks, arguments
	Starting = "starting" // a processor or deployment without a slot that can take calls
	Building = "building" // a deployment whose environment is being built
	Running  = "running"
	Paused   = "paused"
	Stopped  = "stopped"
	Failed   = "failed"
	Up       = "up" // nodes, agents
	Down     = "down"
	Deleting = "deleting"
)
