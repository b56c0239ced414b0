package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"github.com/elasticcode/flow/client"
	"github.com/elasticcode/flow/messages"
)

// exampleNode stands for a node whose sockets all give their first argument.
func exampleNode() (address string, stop func()) {
	n, err := serve(newNetwork())
	if err != nil {
		log.Fatal(err)
	}
	return n.address, n.kill
}

func Example() {
	address, stop := exampleNode()
	defer stop()

	c, err := client.New(client.Options{Addresses: []string{address}, User: "postgres"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	call, err := c.Run(context.Background(), "pyfi.processors.sample.emit_one", "HI!!!")
	if err != nil {
		log.Fatal(err)
	}
	var text string
	if err := client.Value(call, &text); err != nil {
		log.Fatal(err) // the call failed: a *client.CallError says why
	}
	fmt.Println(call.State, text)
	// Output: finished HI!!!
}

func ExampleClient_Stream() {
	address, stop := exampleNode()
	defer stop()
	c, err := client.New(client.Options{Addresses: []string{address}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	stream := c.Stream(context.Background())
	defer stream.Close()
	for i := range 3 {
		m, err := client.Request("pyfi.processors.sample.emit_one", i)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := stream.Send(m); err != nil {
			log.Fatal(err)
		}
	}
	stream.CloseSend()
	for {
		answer, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer.Tag, answer.Call.GetResult())
	}
	// Unordered output:
	// 1 0
	// 2 1
	// 3 2
}

func ExampleClient_Create() {
	address, stop := exampleNode()
	defer stop()
	c, err := client.New(client.Options{Addresses: []string{address}})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	queue := &messages.Object{Kind: messages.Kind_KIND_QUEUE, Name: "pyfi.queue1",
		Spec: &messages.Object_Queue{Queue: &messages.Queue{Qtype: "direct"}}}
	response, err := c.Create(context.Background(), queue)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Object.Name)

	_, err = c.Create(context.Background(), queue)
	fmt.Println(errors.Is(err, messages.Conflict))
	// Output:
	// pyfi.queue1
	// true
}
