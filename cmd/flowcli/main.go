// Command flowcli builds and uses a flow network from the shell: objects are
// added, updated, deleted and listed, tasks are run.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	code := run(ctx, os.Args[1:], newWorld())
	stop()
	os.Exit(code)
}
