// Package api serves the public API of messages/api.proto: it names the owner
// of a request, checks what it asks for against the model, hands it to the
// cluster, and tells the outcome, errors included, in words that survive the
// wire. One port serves gRPC, Connect, and JSON over plain HTTP POST.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/messages/messagesconnect"
)

// Bounds of the API. What is over one is refused with an error that names it.
const (
	MaxMessage    = 2*messages.MaxValue + 1<<20 // bytes of one request, or of one frame of a stream: in JSON a text may be twice as long
	MaxBatchBytes = 768 << 10                   // bytes of the arguments of one batch: it must fit one log entry
	MaxInFlight   = 1024                        // unanswered requests of one stream; more are not read
	MaxOwner      = messages.MaxName
	MaxResultRows = 100 // rows of a page of calls with their results
	MaxTimeout    = 30 * 24 * time.Hour

	compressFrom = 64 << 10         // bytes; below, compressing costs more than it saves
	patience     = 30 * time.Second // for the cluster's answer to what does not wait for a call's end
	lookPatience = 5 * time.Minute  // for code that is looked at, which may have to be fetched first
	stateLimit   = 2 * time.Second  // for the state of a call whose time-out is over; less than clients allow beyond it
	inForce      = 5 * time.Second  // for the partitions to take over a change of the model
)

// Cluster carries commands and queries to the groups. It works from any node
// and tries again over changes of leader until the context ends.
type Cluster interface {
	// Propose puts a command into a group's log. A refusal is in the reply.
	Propose(ctx context.Context, group messages.GroupID, m proto.Message) (*messages.Reply, *messages.Position, error)
	// Call enqueues and waits for the call's end.
	Call(ctx context.Context, m *messages.Enqueue) (*messages.CallResponse, error)
	// Calls is Call for several of one partition. tell hears of each once, before
	// Calls returns, and must not block.
	Calls(ctx context.Context, all []*messages.Enqueue, tell func(i int, answer *messages.CallResponse, err error))
	// Await waits for a call's end.
	Await(ctx context.Context, id messages.CallID) (*messages.Call, error)
	// AwaitSome waits until some of a batch's calls have ended, and gives those.
	AwaitSome(ctx context.Context, q *messages.AwaitSomeRequest) ([]*messages.Call, error)
	// ReadIndex gives the index that a linearizable read must have applied.
	ReadIndex(ctx context.Context, group messages.GroupID) (uint64, error)
	// Stow puts references in the places of values, so that no more than most
	// bytes stay, and brings their texts to a partition before. client: a client
	// sent them.
	Stow(ctx context.Context, group messages.GroupID, most int, client bool, values []*[]byte) error
	// Fetch gives the text that a reference stands for.
	Fetch(ctx context.Context, group messages.GroupID, r messages.Reference) ([]byte, error)
	// Poll asks a partition's leader for what has happened there, and waits a
	// while for something to happen.
	Poll(ctx context.Context, q *messages.PollRequest) (*messages.PollResponse, error)
	// Query asks a replica of a partition.
	Query(ctx context.Context, q *messages.QueryRequest) (*messages.QueryResponse, error)
}

// Model is this node's replica of the object model.
type Model interface {
	// View reads one consistent state, and tells its applied index.
	View(ctx context.Context, read func(view kv.View, applied uint64) error) error
	// WaitApplied waits until the replica has applied an index.
	WaitApplied(ctx context.Context, index uint64) error
	// Changed is closed when the next change is applied.
	Changed() <-chan struct{}
}

// Source reads code where it lives. It runs none of it.
type Source interface {
	// Inspect gives the commit that a processor's reference stands for now, and
	// the public functions of its module there.
	Inspect(ctx context.Context, p *messages.Processor) (commit string, functions []*messages.Function, err error)
}

// Network tells of nodes and groups, and of what goes on at a node.
type Network interface {
	Info(ctx context.Context) (*messages.NetworkInfo, error)
	// Printed asks a node what an attempt that runs there has printed so far.
	Printed(ctx context.Context, node messages.NodeID, q *messages.PrintedQuery) (*messages.PrintedAnswer, error)
}

// Config is what the API knows of its node. The zero Config works.
type Config struct {
	Node    messages.NodeID
	Name    string // the node's
	Version string
	Logger  *slog.Logger // nil: none

	// Ready says whether the node serves, with a report for /readyz. nil: always.
	Ready func() (ready bool, report any)

	// Metrics are served at /metrics, with the API's own among them. nil: none are.
	Metrics *prometheus.Registry
}

// New gives the handler of the whole API. Serve serves it.
func New(config Config, cluster Cluster, replica Model, source Source, network Network) http.Handler {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	reads := &reads{cluster: cluster, replica: replica}
	tasks := &tasks{cluster: cluster, network: network, reads: reads, sockets: newSockets(reads), logger: config.Logger}
	objects := &objects{cluster: cluster, reads: reads, source: source, network: network, taken: newTaken(replica)}

	paths := newPaths()
	options := []connect.HandlerOption{
		connect.WithInterceptors(&errorMapper{logger: config.Logger, node: config.Name}),
		connect.WithRequestGate(tasks.gate),
		connect.WithReadMaxBytes(MaxMessage),
		connect.WithCodec(protoCodec{}),
		connect.WithCodec(jsonCodec{jsonName}),
		connect.WithCodec(jsonCodec{jsonUTF8}),
		connect.WithCompressMinBytes(compressFrom),
		connect.WithRecover(recovered(config.Logger)),
	}
	paths.service(messagesconnect.NewTasksHandler(tasks, options...))
	paths.service(messagesconnect.NewObjectsHandler(objects, options...))
	addHealth(paths, config)
	memory := newMemory()
	if config.Metrics != nil {
		addMetrics(paths, config.Metrics, tasks, memory)
	}
	return onLargeStack(guardBrowsers(explainPlain(paths, interruptible(counted(memory, paths.mux)))))
}
