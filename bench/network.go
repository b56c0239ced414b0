package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/sim/chaos"
)

const (
	examples = "examples/processors"
	module   = "pyfi.processors.sample"
	function = "do_something"
	payload  = `"some data that is about this long"`
	answer   = `"TEXT:some data that is about this long"`

	socketPython = "bench.python"
	socketEcho   = "bench.echo"

	slots      = 2  // of each socket's processor
	allSlots   = 24 // of the network: room for each subject, with the processors of those before it
	startLimit = 2 * time.Minute
)

// network is a running one with the sockets that loads call.
type network struct {
	*chaos.Network
	dir     string
	clients []*client.Client // one for each node
	apart   []*client.Client // whose calls are requests of their own

	profiles profiles
}

func pythonPath() (string, error) {
	path, err := exec.LookPath("python3")
	if err != nil {
		return "", fmt.Errorf("find Python: %w", err)
	}
	return path, nil
}

// startNetwork starts n nodes, as processes, and makes the sockets.
func startNetwork(ctx context.Context, o options, dir string, n int) (*network, error) {
	return startPrepared(ctx, o, dir, n, func(*chaos.Node) {})
}

// startPrepared does so after each node was looked at.
func startPrepared(ctx context.Context, o options, dir string, n int, prepare func(*chaos.Node)) (w *network, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	progress("starting %d nodes", n)
	flags := append([]string{"--cpus", fmt.Sprint((allSlots + n - 1) / n)}, o.flags...)
	processes, err := chaos.New(o.bin, dir, n, flags...)
	if err != nil {
		return nil, err
	}
	w = &network{Network: processes, dir: dir, profiles: profiles{o.profiles, map[string]string{}}}
	for _, node := range w.Nodes {
		prepare(node)
		if err := w.profiles.ask(node); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if err := w.Start(); err != nil {
		return nil, err
	}
	losses := 0
	if n >= 3 {
		losses = 1
	}
	if err := w.WaitReady(ctx, losses); err != nil {
		return nil, err
	}
	for _, address := range w.Addresses() {
		for apart, to := range map[bool]*[]*client.Client{false: &w.clients, true: &w.apart} {
			c, err := client.New(client.Options{Addresses: []string{address}, Apart: apart})
			if err != nil {
				return nil, err
			}
			*to = append(*to, c)
		}
	}
	return w, w.makeSockets(ctx, dir)
}

func repositoryIn(dir string) string { return filepath.Join(dir, "repository") }

func (w *network) Close() {
	for _, c := range append(w.clients, w.apart...) {
		c.Close()
	}
	w.Network.Close()
}

// makeSockets makes one processor of Python and one that answers by itself, and
// waits until they answer.
func (w *network) makeSockets(ctx context.Context, dir string) error {
	repository, err := chaos.MakeRepository(ctx, examples, repositoryIn(dir))
	if err != nil {
		return err
	}
	queue := &messages.Object{Kind: messages.Kind_KIND_QUEUE, Name: "bench", Enabled: true,
		Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "direct"}}}
	if _, err := w.clients[0].Create(ctx, queue); err != nil {
		return err
	}
	for _, p := range []struct {
		socket, function string
		processor        *messages.Processor
	}{
		{socketPython, function, &messages.Processor{Gitrepo: repository, Module: module, Concurrency: slots}},
		{socketEcho, "echo", &messages.Processor{BuiltinEcho: true, Concurrency: slots}},
	} {
		if err := w.makeSocket(ctx, p.socket, p.function, p.processor); err != nil {
			return fmt.Errorf("make socket %s: %w", p.socket, err)
		}
	}
	return nil
}

func (w *network) makeSocket(ctx context.Context, name, function string, p *messages.Processor) error {
	c := w.clients[0]
	_, err := c.Create(ctx, &messages.Object{Kind: messages.Kind_KIND_PROCESSOR, Name: name, Enabled: true,
		RequestedStatus: "running", Spec: &messages.Object_Processor{Processor: p}})
	if err != nil {
		return err
	}
	_, err = c.Create(ctx, &messages.Object{Kind: messages.Kind_KIND_SOCKET, Name: name, Enabled: true,
		Spec: &messages.Object_Socket{Socket: &messages.Socket{Processor: name, Queue: "bench", Function: function}}})
	if err != nil {
		return err
	}
	return w.call(ctx, c, name)
}

// call runs one call and looks at its result.
func (w *network) call(ctx context.Context, c *client.Client, socket string) error {
	data := payload
	call, err := c.Call(ctx, &messages.RunRequest{Socket: socket, Data: &data})
	if err != nil {
		return err
	}
	return judge(socket, call)
}

// judge says whether a call came back as it must.
func judge(socket string, call *messages.CallInfo) error {
	want := payload // of the sockets that echo
	if socket == socketPython {
		want = answer
	}
	if call.GetState() != "finished" || call.GetResult() != want {
		return fmt.Errorf("call %s came back %s with %s %v; want %s", call.GetId(), call.GetState(), call.GetResult(), call.GetError(), want)
	}
	return nil
}
