package api

import (
	"bytes"
	"context"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/elasticcode/flow/api/spread"
	"github.com/elasticcode/flow/messages"
)

// GetDead gives a dead letter with the arguments that it is sent again with.
func (t *tasks) GetDead(ctx context.Context, request *connect.Request[messages.GetDeadRequest]) (*connect.Response[messages.DeadInfo], error) {
	const op = "get"
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	info, err := t.wholeLetter(bounded, op, request.Msg.Id)
	return respond(info, explained(ctx, err, op, "dead letter "+request.Msg.Id))
}

// wholeLetter is a letter as people see it, large arguments included.
func (t *tasks) wholeLetter(ctx context.Context, op, id string) (*messages.DeadInfo, error) {
	letter, err := t.deadLetter(ctx, op, id)
	if err != nil {
		return nil, err
	}
	call, err := t.told(ctx, letter.Call)
	if err != nil {
		return nil, err
	}
	return &messages.DeadInfo{Call: call, Died: letter.Died, Edited: letter.Edited, Message: letter.Message}, nil
}

// deadLetter reads a letter after all that was acknowledged before.
func (t *tasks) deadLetter(ctx context.Context, op, text string) (*messages.DeadLetter, error) {
	id, err := t.callID(ctx, op, text)
	if err != nil {
		return nil, err
	}
	index, err := t.cluster.ReadIndex(ctx, id.Partition())
	if err != nil {
		return nil, err
	}
	response, err := t.cluster.Query(ctx, &messages.QueryRequest{Group: uint32(id.Partition()), Index: index,
		Query: &messages.QueryRequest_Dead{Dead: &messages.DeadQuery{Id: id.Bytes()}}})
	if err != nil {
		return nil, err
	}
	if found := response.GetDead().GetLetters(); len(found) == 1 {
		return found[0], nil
	}
	return nil, messages.Errorf(messages.NotFound, op, "dead letter "+text, "there is none: it was sent again or dropped, or has never died").
		WithHint("`flowcli ls dead` shows what there is")
}

// EditDead changes what a dead letter is sent again with. Its function must take
// it, as it must take what is sent to it.
func (t *tasks) EditDead(ctx context.Context, request *connect.Request[messages.EditDeadRequest]) (*connect.Response[messages.DeadInfo], error) {
	const op = "edit"
	m := request.Msg
	subject := "dead letter " + m.Id
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	letter, err := t.deadLetter(bounded, op, m.Id)
	if err != nil {
		return nil, explained(ctx, err, op, subject)
	}
	edit, err := t.editOf(bounded, op, letter, m.Data)
	if err != nil {
		return nil, explained(ctx, err, op, subject)
	}
	reply, _, err := t.cluster.Propose(bounded, messages.CallIDFrom(edit.Id).Partition(), edit)
	if err := refusal(reply, err); err != nil {
		return nil, explained(ctx, err, op, subject)
	}
	info, err := t.wholeLetter(bounded, op, m.Id)
	return respond(info, explained(ctx, err, op, subject))
}

func (t *tasks) editOf(ctx context.Context, op string, letter *messages.DeadLetter, data string) (*messages.EditDead, error) {
	edit, subject := &messages.EditDead{Id: letter.Call.Id}, "dead letter "+idText(letter.Call.Id)
	var err error
	if letter.Message {
		edit.Value, err = spread.Value([]byte(data))
	} else {
		edit.Arguments, err = spread.Data([]byte(data))
	}
	if err != nil {
		return nil, messages.Errorf(messages.Invalid, op, subject, "%v", err).WithHint("data is JSON text")
	}
	if to, err := t.sockets.find(ctx, op, letter.Call.Socket); err == nil && !letter.Message {
		return edit, checked(op, to, edit.Arguments)
	}
	return edit, nil // a socket that is gone says no more what it takes
}

// RedriveDead sends dead letters again, in each partition by one command.
func (t *tasks) RedriveDead(ctx context.Context, request *connect.Request[messages.RedriveDeadRequest]) (*connect.Response[messages.RedriveDeadResponse], error) {
	const op = "redrive"
	owner, err := ownerOf(request.Msg.Owner, request.Header())
	if err != nil {
		return nil, err
	}
	response := &messages.RedriveDeadResponse{}
	err = t.eachLetter(ctx, op, request.Msg.Ids, func(ids [][]byte) messageOfLetters {
		return &messages.RedriveDead{Ids: ids, Owner: owner}
	}, func(id string, reply *messages.Reply) {
		response.Redriven = append(response.Redriven, &messages.Redriven{Id: id, Call: idText(reply.GetEnqueued().GetId()), Error: reply.GetError(), Duplicate: reply.GetEnqueued().GetDuplicate()})
	})
	return respond(response, err)
}

// DropDead forgets dead letters, in each partition by one command.
func (t *tasks) DropDead(ctx context.Context, request *connect.Request[messages.DropDeadRequest]) (*connect.Response[messages.DropDeadResponse], error) {
	response := &messages.DropDeadResponse{}
	err := t.eachLetter(ctx, "drop", request.Msg.Ids, func(ids [][]byte) messageOfLetters {
		return &messages.DropDead{Ids: ids}
	}, func(id string, reply *messages.Reply) {
		if reply.GetError() == nil {
			response.Dropped = append(response.Dropped, id)
		}
	})
	return respond(response, err)
}

// messageOfLetters is a command about dead letters of one partition.
type messageOfLetters interface {
	proto.Message
	GetIds() [][]byte
}

// eachLetter sends the letters of each partition there, and tells what was
// answered to each, in the order in which they were named.
func (t *tasks) eachLetter(ctx context.Context, op string, texts []string, command func([][]byte) messageOfLetters, told func(id string, reply *messages.Reply)) error {
	const subject = "dead letters"
	if len(texts) == 0 || len(texts) > messages.MaxDead {
		return messages.Errorf(messages.Invalid, op, subject, "%d are named, and it must be 1 to %d", len(texts), messages.MaxDead)
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	byGroup, order := map[messages.GroupID][][]byte{}, []messages.GroupID{}
	for _, text := range texts {
		id, err := t.callID(bounded, op, text)
		if err != nil {
			return explained(ctx, err, op, subject)
		}
		if byGroup[id.Partition()] == nil {
			order = append(order, id.Partition())
		}
		byGroup[id.Partition()] = append(byGroup[id.Partition()], id.Bytes())
	}
	replies := map[messages.GroupID][]*messages.Reply{}
	for _, group := range order {
		reply, _, err := t.cluster.Propose(bounded, group, command(byGroup[group]))
		if err := refusal(reply, err); err != nil {
			return explained(ctx, err, op, subject)
		}
		replies[group] = reply.GetReplies().GetReplies()
	}
	for _, text := range texts {
		id, _ := messages.ParseCallID(text)
		next := replies[id.Partition()]
		told(id.String(), next[0])
		replies[id.Partition()] = next[1:]
	}
	return nil
}

func deadInfo(l *messages.DeadLetter) *messages.DeadInfo {
	return &messages.DeadInfo{Call: callInfo(l.Call), Died: l.Died, Edited: l.Edited, Message: l.Message}
}

// later says whether a letter comes before another in the list.
func later(a, b *messages.DeadLetter) bool {
	if a.Died != b.Died {
		return a.Died > b.Died
	}
	return bytes.Compare(a.Call.Id, b.Call.Id) > 0
}
