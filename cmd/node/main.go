// Command node is the daemon: flags, node.Config, Run, exit code.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/node"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "watchdog" {
		os.Exit(node.Watchdog(os.Args[2:]))
	}
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	o, err := parse(args, os.LookupEnv)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return 0
	case err != nil:
		return refuse(err)
	case o.version:
		fmt.Println("node", messages.Version)
		return 0
	}
	n, err := node.New(o.config)
	if err != nil {
		return refuse(err)
	}
	collectLess()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := n.Run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "node: %v\n", err)
		return 1
	}
	return 0
}

// refuse says what is wrong with the flags.
func refuse(err error) int {
	fmt.Fprintf(os.Stderr, "node: %v\nrun `node --help` for the flags\n", err)
	return 2
}
