package node

import "github.com/elasticcode/flow/worker"

// Watchdog is the main function of a worker's watchdog: this executable with
// the argument "watchdog" before args. It gives the exit code.
func Watchdog(args []string) int { return worker.Watchdog(args) }
