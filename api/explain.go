package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/elasticcode/flow/kv"
	"github.com/elasticcode/flow/messages"
	"github.com/elasticcode/flow/model"
)

// leaderLimit is how long Explain looks for the leader of a call's partition
// before it says that there is none.
const leaderLimit = 2 * time.Second

// Causes that the partition cannot know.
const (
	causeNoLeader         = "no_leader"
	causeNoCPU            = "no_cpu"
	causeHostGone         = "host_gone"
	causeProcessorDeleted = "processor_deleted"
)

// Explain says what a call waits for: what its partition knows, and where that
// knows of no worker, what the model says of the processor.
func (t *tasks) Explain(ctx context.Context, request *connect.Request[messages.ExplainRequest]) (*connect.Response[messages.Explanation], error) {
	const op = "explain"
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id, err := t.callID(bounded, op, request.Msg.Id)
	if err != nil {
		return nil, err
	}
	looking, done := context.WithTimeout(bounded, leaderLimit)
	index, leaderless := t.cluster.ReadIndex(looking, id.Partition())
	done()
	response, err := t.cluster.Query(bounded, &messages.QueryRequest{Group: uint32(id.Partition()), Index: index,
		Query: &messages.QueryRequest_Explain{Explain: &messages.ExplainQuery{Id: id.Bytes()}}})
	if err != nil {
		return nil, explained(ctx, err, op, "call "+id.String())
	}
	why := response.GetExplanation()
	why.State = strings.ToLower(why.State)
	if leaderless != nil && why.Cause != "ended" {
		why.Text = fmt.Sprintf("%s has no leader: most of its replicas are out of reach; before that: %s", id.Partition().Name(), why.Text)
		why.Cause = causeNoLeader
		return connect.NewResponse(why), nil
	}
	err = t.reads.replica.View(bounded, func(view kv.View, _ uint64) error {
		refine(view, why)
		return nil
	})
	return respond(why, err)
}

// refine says why there is no worker, as far as the model knows.
func refine(view kv.View, why *messages.Explanation) {
	switch why.Cause {
	case "no_worker", "building", "starting", "turn", model.Stopped, model.Paused:
	default:
		return
	}
	socket, _ := model.Get(view, messages.Kind_KIND_SOCKET, why.Socket)
	processor, there := model.Get(view, messages.Kind_KIND_PROCESSOR, socket.GetSocket().GetProcessor())
	p := processor.GetProcessor()
	say := func(cause, format string, args ...any) { why.Cause, why.Text = cause, fmt.Sprintf(format, args...) }
	switch {
	case socket == nil || !there || processor.Status == model.Deleting:
		say(causeProcessorDeleted, "its processor was deleted")
	case why.Cause == model.Stopped, why.Cause == model.Paused:
		say(why.Cause, "its processor %s is %s", processor.Name, why.Cause)
	case why.Cause == "turn" && (p.Shortfall == 0 || p.Shortfall < p.Concurrency):
		if p.Shortfall > 0 {
			why.Text += fmt.Sprintf("; its processor has %d of the %d CPU slots that it asks for", p.Concurrency-p.Shortfall, p.Concurrency)
		}
	case p.Hostname != "" && !hostUp(view, p.Hostname):
		say(causeHostGone, "its processor is pinned to host %s, which is not there", p.Hostname)
	case p.Shortfall > 0 && p.Shortfall >= p.Concurrency:
		say(causeNoCPU, "no CPU is free: its processor has none of the %d slots that it asks for%s", p.Concurrency, holders(view))
	case why.Cause == "building":
		why.Text = progress(view, processor, why.Text)
	}
}

// maxHolders bounds the processors that are named as holding CPUs.
const maxHolders = 5

// holders says which processors have the CPUs.
func holders(view kv.View) string {
	deployments, _ := model.List(view, messages.Kind_KIND_DEPLOYMENT, model.Filter{}, "", messages.MaxPageRows)
	var order []string
	has := map[string]int32{}
	for _, o := range deployments {
		name, _, _ := strings.Cut(o.Name, "@")
		if has[name] == 0 {
			order = append(order, name)
		}
		has[name] += o.GetDeployment().GetCpus()
	}
	var told []string
	for _, name := range order[:min(len(order), maxHolders)] {
		told = append(told, fmt.Sprintf("%s has %d", name, has[name]))
	}
	switch {
	case len(order) > maxHolders:
		return fmt.Sprintf("; %s, and others have more", strings.Join(told, ", "))
	case len(order) > 0:
		return "; " + strings.Join(told, ", ")
	}
	return ""
}

// progress says how far the environments of a processor are.
func progress(view kv.View, processor *messages.Object, text string) string {
	deployments, _ := model.List(view, messages.Kind_KIND_DEPLOYMENT, model.Filter{Processor: processor.Name}, "", messages.MaxPageRows)
	for _, d := range deployments {
		if d.Status == model.Building && d.Message != "" {
			text = "building environment on " + d.GetDeployment().GetHostname() + ": " + lastLine(d.Message)
		}
	}
	return text
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

func hostUp(view kv.View, host string) bool {
	nodes, _ := model.List(view, messages.Kind_KIND_NODE, model.Filter{}, "", messages.MaxPageRows)
	for _, o := range nodes {
		if o.Status == model.Up && (o.GetNode().GetHostname() == host || o.Name == host) {
			return true
		}
	}
	return false
}

// Logs gives what a call's attempts have printed.
func (t *tasks) Logs(ctx context.Context, request *connect.Request[messages.LogsRequest]) (*connect.Response[messages.LogsResponse], error) {
	const op = "get logs of"
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id, err := t.callID(bounded, op, request.Msg.Id)
	if err != nil {
		return nil, err
	}
	info, err := t.now(bounded, &messages.CallQuery{Id: id.Bytes()}, nil)
	if err != nil {
		return nil, explained(ctx, err, op, "call "+id.String())
	}
	response, err := t.cluster.Query(bounded, &messages.QueryRequest{Group: uint32(id.Partition()), Index: info.Position.GetIndex(),
		Query: &messages.QueryRequest_Logs{Logs: &messages.LogsQuery{Id: id.Bytes(), Attempt: request.Msg.Attempt}}})
	if err != nil {
		return nil, explained(ctx, err, op, "call "+id.String())
	}
	return connect.NewResponse(&messages.LogsResponse{Call: info, Logs: response.Logs}), nil
}
